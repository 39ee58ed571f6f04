//! [`Person`]: a profile in a folder of its own, driven through the real command line with `--json`.
//!
//! Invariant: every call is a process of its own; nothing is kept between two but the folder.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{Binaries, eventually};

/// A profile.
#[derive(Clone, Debug)]
pub struct Person {
    binary: &'static str,
    folder: PathBuf,
}

/// How a call ended.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code; `None` when it was killed.
    pub code: Option<i32>,
    /// The objects on stdout.
    pub out: Vec<Value>,
    /// The objects on stderr.
    pub err: Vec<Value>,
}

impl Outcome {
    fn of(output: &Output) -> Self {
        let lines = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| Value::from(line));
            text.lines().map(parse).collect()
        };
        Self { code: output.status.code(), out: lines(&output.stdout), err: lines(&output.stderr) }
    }

    /// The objects of one type on stdout.
    pub fn all<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.out.iter().filter(move |object| object["type"] == kind)
    }

    /// The first object of that type.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn one(&self, kind: &str) -> &Value {
        let first = self.out.iter().find(|object| object["type"] == kind);
        first.unwrap_or_else(|| panic!("no {kind} in {self:?}"))
    }

    /// The sentence of the error on stderr.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn error(&self) -> &str {
        let error = self.err.iter().find(|object| object["type"] == "error");
        error.and_then(|error| error["message"].as_str()).unwrap_or_else(|| panic!("no error in {self:?}"))
    }

    /// The texts of all messages printed, in order.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        let text = |object: &Value| object["text"].as_str().map(str::to_owned);
        self.all("message").filter(|object| object["kind"] == "text").filter_map(text).collect()
    }
}

impl Person {
    /// A folder for a profile; nothing is made yet.
    #[must_use]
    pub fn at(binaries: Binaries, folder: &Path) -> Self {
        Self { binary: binaries.subrosa, folder: folder.to_owned() }
    }

    /// A new profile called `name`, without a passphrase, at the relay `address`.
    ///
    /// # Panics
    /// When it can't be made.
    #[must_use]
    pub fn new(binaries: Binaries, folder: &Path, name: &str, address: &str) -> Self {
        let person = Self::at(binaries, folder);
        person.ok(&["init", "--name", name, "--no-passphrase", "--relay", address]);
        person
    }

    /// The profile's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The command for `args`, not yet started.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.binary);
        command.arg("--folder").arg(&self.folder).arg("--json").args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn run(&self, args: &[&str]) -> Outcome {
        Outcome::of(&self.command(args).output().expect("subrosa starts"))
    }

    /// Runs it to its end; it must succeed.
    ///
    /// # Panics
    /// When it does not exit with 0.
    pub fn ok(&self, args: &[&str]) -> Outcome {
        let outcome = self.run(args);
        assert_eq!(outcome.code, Some(0), "{args:?}: {outcome:?}");
        outcome
    }

    /// Runs it with `input` on stdin.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn run_with(&self, args: &[&str], input: &str) -> Outcome {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().expect("subrosa starts");
        let mut stdin = child.stdin.take().expect("its stdin");
        stdin.write_all(input.as_bytes()).expect("it reads");
        drop(stdin);
        Outcome::of(&child.wait_with_output().expect("it ends"))
    }

    /// Runs it and kills it (`kill -9`) after `delay`, if it still runs.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn run_and_kill(&self, args: &[&str], delay: Duration) -> Outcome {
        let child = self.command(args).spawn().expect("subrosa starts");
        let pid = Pid::from_child(&child);
        std::thread::sleep(delay);
        // Not yet waited for, so the pid is still its own.
        let _ = kill_process(pid, Signal::KILL);
        Outcome::of(&child.wait_with_output().expect("it ends"))
    }

    /// Runs it, and kills it (`kill -9`) when it still runs after `patience`: a disk without power may hold it up.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn run_within(&self, args: &[&str], patience: Duration) -> Outcome {
        let child = self.command(args).spawn().expect("subrosa starts");
        let pid = Pid::from_child(&child);
        let (ended, end) = std::sync::mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                if end.recv_timeout(patience) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                    // Not yet waited for, so the pid is still its own.
                    let _ = kill_process(pid, Signal::KILL);
                }
            });
            let output = child.wait_with_output().expect("it ends");
            drop(ended);
            Outcome::of(&output)
        })
    }

    /// Starts it and leaves it running.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(&self, args: &[&str]) -> Running {
        Running(
            self.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("subrosa starts"),
        )
    }

    /// A new one-time invite's link.
    #[must_use]
    pub fn invite(&self) -> String {
        self.link(&["invite"])
    }

    /// A new address.
    #[must_use]
    pub fn address(&self) -> String {
        self.link(&["invite", "--reusable"])
    }

    fn link(&self, args: &[&str]) -> String {
        let outcome = self.ok(args);
        outcome.one("invite")["link"].as_str().expect("a link").to_owned()
    }

    /// Texts that were not read yet and are here within a short wait: for what must not come.
    #[must_use]
    pub fn unread(&self) -> Vec<String> {
        self.ok(&["read"]).texts()
    }

    /// Every text that others ever sent to this person and that is here within a short wait, in order.
    ///
    /// # Panics
    /// When the history can't be read.
    #[must_use]
    pub fn heard(&self) -> Vec<String> {
        let outcome = self.ok(&["read", "--last", "1000", "--wait", "10"]);
        let text = |message: &Value| message["text"].as_str().unwrap_or_default().to_owned();
        let theirs = outcome.all("message").filter(|message| message["mine"] != true).map(text);
        theirs.filter(|text| !text.is_empty()).collect()
    }

    /// Reads until as many texts came as are expected; they must be those.
    ///
    /// # Panics
    /// When others come, or too few in time.
    pub fn hears(&self, expected: &[impl AsRef<str>]) {
        let expected: Vec<&str> = expected.iter().map(AsRef::as_ref).collect();
        let mut heard = Vec::new();
        eventually(&format!("{expected:?}"), || {
            heard.extend(self.unread());
            heard.len() >= expected.len()
        });
        assert_eq!(heard, expected);
    }

    /// Makes `joiner` a contact by a one-time invite.
    ///
    /// # Panics
    /// When that does not happen in time.
    pub fn meets(&self, joiner: &Self) {
        let contacts = || self.ok(&["status"]).all("contact").count();
        let before = contacts();
        joiner.ok(&["add", &self.invite()]);
        eventually("the handshake arrives", || contacts() > before);
    }
}

/// A process that is killed with the value.
#[derive(Debug)]
pub struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
