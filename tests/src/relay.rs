//! [`RelayProcess`]: the real `subrosa-relay`, started, killed and started again on one folder.
//!
//! Invariant: it listens on loopback, and is killed with the value.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::{Binaries, PATIENCE};

/// A relay process on a folder of its own.
#[derive(Debug)]
pub struct RelayProcess {
    binary: &'static str,
    folder: PathBuf,
    config: Option<PathBuf>,
    child: Option<Child>,
    address: String,
}

impl RelayProcess {
    /// Starts a relay on `folder` and waits until it serves.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(binaries: Binaries, folder: &Path) -> Self {
        Self::start_with(binaries, folder, None)
    }

    /// Starts a relay on `folder` with a configuration file, and waits until it serves.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start_with(binaries: Binaries, folder: &Path, config: Option<PathBuf>) -> Self {
        let (binary, folder, address) = (binaries.relay, folder.to_owned(), String::new());
        let mut relay = Self { binary, folder, config, child: None, address };
        relay.restart();
        relay
    }

    /// The command that runs it, without its standing options changed.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(self.binary);
        command.args(["run", "--data"]).arg(&self.folder);
        command.args(["--listen", "127.0.0.1:0", "--host", "127.0.0.1"]);
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        command
    }

    /// Starts it again, after [`kill`](Self::kill) or [`stop`](Self::stop).
    ///
    /// # Panics
    /// When it does not start, or comes up under another address.
    pub fn restart(&mut self) {
        let mut child =
            self.command().stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let out = BufReader::new(child.stdout.take().expect("its stdout"));
        self.child = Some(child);
        let (found, address) = std::sync::mpsc::channel();
        // Reads on until it ends, so that it never blocks on a full pipe.
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if let Some(at) = line.find("subrosa://") {
                    let address = line[at..].split_whitespace().next().unwrap_or_default();
                    let _ = found.send(address.to_owned());
                }
            }
        });
        let address = address.recv_timeout(PATIENCE).expect("it prints its address");
        if self.address.is_empty() {
            self.address.clone_from(&address);
        }
        assert_eq!(self.address, address, "the address changed with a restart");
    }

    /// Its address, as users get it.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its data folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.end(Signal::KILL);
    }

    /// SIGTERM, and waits for its end; its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        self.end(Signal::TERM)
    }

    fn end(&mut self, signal: Signal) -> Option<i32> {
        let mut child = self.child.take()?;
        let pid = Pid::from_child(&child);
        // It may have ended by itself.
        let _ = kill_process(pid, signal);
        child.wait().ok()?.code()
    }
}

impl Drop for RelayProcess {
    fn drop(&mut self) {
        self.end(Signal::KILL);
    }
}
