//! `/healthz`, `/readyz`, `/metrics` and the words to a supervisor, of the real binary.
//!
//! Spec: docs/guide/relay.md, "Looking at it". Invariant: what is asked is asked as a browser, Prometheus and systemd ask.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]
#![allow(unreachable_pub, dead_code, reason = "modules of tests")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use subrosa_relay::RelayAddress;
use subrosa_wire::Request;
use support::{Peer, cell, write};

struct Relay {
    child: Child,
    address: RelayAddress,
    http: SocketAddr,
}

impl Relay {
    fn start(data: &Path, environment: &[(&str, &str)]) -> Self {
        // Free at this moment; of a hundred runs, none met another's.
        let http = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = data.join("relay.toml");
        let text = format!(
            "[relay]\nlisten = \"127.0.0.1:0\"\n[store]\ngrow_mib = 1\nreserve_mib = 0\n[observe]\nhttp = \"{http}\"\n"
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_subrosa-relay"));
        command
            .arg("--data")
            .arg(data)
            .arg("--config")
            .arg(&config)
            .arg("run")
            .envs(environment.iter().copied());
        command.env("HOME", data).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        match RelayAddress::parse(&line) {
            Ok(address) => Self { child, address, http },
            Err(error) => {
                let mut words = String::new();
                child.stderr.as_mut().unwrap().read_to_string(&mut words).unwrap();
                panic!("{error}: {words}")
            }
        }
    }

    async fn peer(&self) -> Peer {
        let at = SocketAddr::new(self.address.host().parse().unwrap(), self.address.port());
        Peer::new(at, self.address.key()).await
    }

    /// The whole answer to these bytes.
    fn say(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.http).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn get(&self, path: &str) -> String {
        self.say(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.http).as_bytes())
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How many syncs and writes of the store's own record a process did: from outside, by the file's time.
fn written(data: &Path) -> std::time::SystemTime {
    std::fs::metadata(data.join("records.slab")).unwrap().modified().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_a_write_and_figures_are_rounded_and_stand_for_a_minute() {
    let data = tempfile::tempdir().unwrap();
    let relay = Relay::start(data.path(), &[]);
    let before = written(data.path());
    let answer = relay.get("/healthz");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\ndurable\n"), "{answer}");
    assert!(written(data.path()) > before, "it wrote nothing");
    assert!(relay.get("/readyz").contains("200 OK"));
    let mut peer = relay.peer().await;
    peer.open(1, 1).await.unwrap();
    for _ in 0..420 {
        peer.append(1, 7).await.unwrap();
    }
    let first = relay.get("/metrics");
    assert!(first.contains("Content-Type: text/plain; version=0.0.4"), "{first}");
    let figures =
        || first.lines().filter(|line| line.starts_with("subrosa_") && !line.starts_with("subrosa_limit"));
    for line in
        figures().filter(|line| !line.starts_with("subrosa_info") && !line.starts_with("subrosa_ready"))
    {
        let figure: u64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        assert!(figure.is_multiple_of(100), "{line}");
    }
    let appends = figures().find(|line| line.contains("\"append\"")).unwrap();
    let appends: u64 = appends.rsplit(' ').next().unwrap().parse().unwrap();
    assert!((200..=600).contains(&appends), "{appends}");
    for _ in 0..420 {
        peer.append(1, 7).await.unwrap();
    }
    assert_eq!(relay.get("/metrics"), first, "the same for a minute");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_nonsense_are_refused_and_serving_goes_on() {
    let data = tempfile::tempdir().unwrap();
    let relay = Relay::start(data.path(), &[]);
    assert!(relay.get("/").contains("404"));
    let host = relay.http;
    for (said, code) in [
        ("GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(), "403"),
        (format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\nOrigin: https://evil.example\r\n\r\n"), "403"),
        (format!("POST /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n"), "405"),
        ("\u{1}\u{2}\r\n\r\n".to_owned(), "400"),
        (format!("GET /{} ", "a".repeat(4_091)), "431"),
    ] {
        assert!(relay.say(said.as_bytes()).starts_with(&format!("HTTP/1.1 {code} ")), "{said}");
    }
    let head = relay.say(format!("HEAD /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
    // More silent connections than there are places: they are given up in time, and clients are served all along.
    let silent: Vec<_> = (0..12).map(|_| TcpStream::connect(host).unwrap()).collect();
    relay.peer().await.reply(Request::Ping).await.unwrap();
    drop(silent);
    assert!(relay.get("/healthz").contains("200 OK"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_hears_that_it_serves_lives_and_stops() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let relay =
        Relay::start(data.path(), &[("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "300000")]);
    let mut buffer = [0; 256];
    let mut hear = || {
        let len = socket.recv(&mut buffer).unwrap();
        str::from_utf8(&buffer[..len]).unwrap().to_owned()
    };
    assert_eq!(hear(), "READY=1\nSTATUS=serving");
    for _ in 0..3 {
        assert_eq!(hear(), "WATCHDOG=1");
    }
    relay.peer().await.reply(Request::Append { write: write(9), cell: cell(1) }).await.unwrap_err();
    relay.signal(Signal::TERM);
    let last = std::iter::repeat_with(hear).find(|words| words != "WATCHDOG=1").unwrap();
    assert_eq!(last, "STOPPING=1\nSTATUS=draining");
}

#[test]
fn an_address_that_others_reach_is_refused_with_the_reason() {
    let data = tempfile::tempdir().unwrap();
    let config = data.path().join("relay.toml");
    std::fs::write(&config, "[observe]\nhttp = \"0.0.0.0:9672\"\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_subrosa-relay"));
    let output = command.arg("--data").arg(data.path()).arg("--config").arg(&config).output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78));
    assert!(words.contains("line 2") && words.contains("for this machine only"), "{words}");
}
