//! The real binary, started, asked and ended by tests.
#![allow(dead_code, unreachable_pub, reason = "not every test needs all of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use subrosa_relay::RelayAddress;

use crate::support::Peer;

pub fn command(data: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_subrosa-relay"));
    command.arg("--data").arg(data).args(words);
    // No configuration of whoever runs the tests.
    command.env("HOME", data).env_remove("XDG_CONFIG_HOME").env_remove("STATE_DIRECTORY");
    command
}

pub fn output(data: &Path, words: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command(data, words).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// Writes the file of [`Process::start_with`]; its path.
pub fn configure(data: &Path, relay: &str, limits: &str) -> String {
    let config = data.join("relay.toml");
    // Small steps, so that a start after a kill reads little.
    let store = "[store]\ngrow_mib = 1\nreserve_mib = 0\n";
    let relay = format!("[relay]\nlisten = \"127.0.0.1:0\"\nlog = \"debug\"\n{relay}\n");
    std::fs::write(&config, format!("{relay}{store}[limits]\n{limits}\n")).unwrap();
    config.to_str().unwrap().to_owned()
}

/// The binary at work.
pub struct Process {
    pub child: Child,
    pub address: RelayAddress,
}

impl Process {
    pub fn start(data: &Path) -> Self {
        Self::start_with(data, "", "")
    }

    /// Starts it with more lines in the sections `relay` and `limits` of its file.
    pub fn start_with(data: &Path, relay: &str, limits: &str) -> Self {
        let config = configure(data, relay, limits);
        Self::run(data, &["--config", &config, "run"])
    }

    /// Runs it with `words` and waits until it serves.
    pub fn run(data: &Path, words: &[&str]) -> Self {
        let mut child = command(data, words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        match RelayAddress::parse(&line) {
            Ok(address) => Self { child, address },
            Err(error) => panic!("{error}: {line:?} {}", Self::last_words(&mut child)),
        }
    }

    pub async fn peer(&self) -> Peer {
        let at = SocketAddr::new(self.address.host().parse().unwrap(), self.address.port());
        Peer::new(at, self.address.key()).await
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn last_words(child: &mut Child) -> String {
        let mut words = String::new();
        child.stderr.as_mut().unwrap().read_to_string(&mut words).unwrap();
        words
    }

    /// The exit code and everything that it said.
    pub fn end(mut self) -> (Option<i32>, String) {
        let words = Self::last_words(&mut self.child);
        (self.child.wait().unwrap().code(), words)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
