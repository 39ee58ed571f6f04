//! What an operator does with the real binary: tokens, questions to a running relay, reloading, stopping.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod binary;
mod support;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use binary::{Process, configure, output};
use rustix::process::Signal;
use serde_json::Value;
use subrosa_relay::RelayAddress;
use subrosa_wire::{Admit, InviteKind, Open, Refusal, Request, Response};
use support::{Peer, invite, read, write};

const PRIVATE: &str = "access = \"token\"";

/// Runs a command that has to work and prints JSON.
fn json(data: &Path, words: &[&str]) -> Value {
    let (code, text, said) = output(data, words);
    assert_eq!(code, 0, "{words:?}: {said}");
    serde_json::from_str(&text).unwrap()
}

/// Makes a token; the address that holds it.
fn token(data: &Path, words: &[&str]) -> RelayAddress {
    let (code, text, said) = output(data, &[&["token", "new"], words].concat());
    assert_eq!(code, 0, "{said}");
    RelayAddress::parse(&text).unwrap()
}

async fn open(peer: &mut Peer, n: u8, admit: Admit) -> Result<u64, Refusal> {
    peer.reply(Request::Open(Open { queue: write(n).id(), read: read(n), admit, credit: 4 })).await
}

/// D3, D8.
#[tokio::test]
async fn d3_a_private_relay_makes_things_for_tokens_only_and_within_their_limits() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start_with(data.path(), PRIVATE, "");
    let mut peer = process.peer().await;
    assert_eq!(open(&mut peer, 1, Admit::OPEN).await, Err(Refusal::NotAdmitted));
    assert_eq!(open(&mut peer, 1, Admit::from_bytes([9; 32])).await, Err(Refusal::NotAdmitted));
    assert_eq!(peer.reply(invite(1, InviteKind::OneTime, 3)).await, Err(Refusal::NotAdmitted));
    let address = token(data.path(), &["--queues", "2", "--bytes", "8K", "--expires", "30d"]);
    assert!(address.is_same_relay(&process.address));
    let admit = address.admit();
    assert!(open(&mut peer, 1, admit).await.is_ok() && open(&mut peer, 2, admit).await.is_ok());
    assert!(open(&mut peer, 1, admit).await.is_ok(), "what is there is not counted again");
    assert_eq!(open(&mut peer, 3, admit).await, Err(Refusal::QuotaExceeded));
    assert_eq!(peer.reply(invite(1, InviteKind::OneTime, 3)).await, Ok(0));
    assert_eq!(peer.reply(invite(1, InviteKind::OneTime, 4)).await, Ok(0), "renewing is not counted");
    assert_eq!(peer.reply(invite(2, InviteKind::OneTime, 3)).await, Ok(0));
    assert_eq!(peer.reply(invite(3, InviteKind::OneTime, 3)).await, Err(Refusal::QuotaExceeded));
    // Whoever has no token may write, read and take.
    let mut stranger = process.peer().await;
    stranger.append(1, 5).await.unwrap();
    assert_eq!(stranger.take(1, 1).await, Ok(4));
    assert!(open(&mut stranger, 1, Admit::OPEN).await.is_ok());
    let listed = json(data.path(), &["token", "list", "--json"]);
    assert_eq!(listed["tokens"][0]["queues"]["used"], 2, "{listed}");
    assert_eq!(listed["tokens"][0]["bytes"]["used"], 8_192);
    let (_, text, _) = output(data.path(), &["token", "list"]);
    assert!(text.contains("token 1: 2 of 2 queues and 8192 of 8192 bytes"), "{text}");
    // Over a restart the use is what it was, and a revoked token is nothing.
    process.signal(Signal::TERM);
    process.end();
    let process = Process::start_with(data.path(), PRIVATE, "");
    let mut peer = process.peer().await;
    assert_eq!(open(&mut peer, 3, admit).await, Err(Refusal::QuotaExceeded));
    assert_eq!(json(data.path(), &["token", "revoke", "1", "--json"])["revoked"], 1);
    assert_eq!(open(&mut peer, 3, admit).await, Err(Refusal::NotAdmitted));
    assert!(open(&mut peer, 2, admit).await.is_ok(), "what was made stays until its lease ends");
    assert_eq!(output(data.path(), &["token", "revoke", "1"]).0, 64);
    assert!(output(data.path(), &["token", "list"]).1.contains("no tokens"));
}

#[tokio::test]
async fn a_token_is_kept_as_its_hash_and_shown_once_and_a_stopped_relay_makes_them_too() {
    let data = tempfile::tempdir().unwrap();
    assert_eq!(output(data.path(), &["init", "--listen", "127.0.0.1:0"]).0, 0);
    let made = json(data.path(), &["token", "new", "--json", "--expires", "2100-01-01"]);
    assert_eq!((made["number"].as_u64(), made["expires"].as_str()), (Some(1), Some("2100-01-01")));
    let address = RelayAddress::parse(made["address"].as_str().unwrap()).unwrap();
    let id = *address.admit().id().unwrap().as_bytes();
    let mut kept = false;
    for entry in std::fs::read_dir(data.path()).unwrap() {
        let path = entry.unwrap().path();
        let Ok(bytes) = std::fs::read(&path) else { continue };
        assert!(!bytes.windows(32).any(|window| window == address.admit().expose()), "{}", path.display());
        kept |= bytes.windows(32).any(|window| window == id);
    }
    assert!(kept);
    let shown = output(data.path(), &["disclose", "--json"]).1;
    assert!(shown.contains("\"admit id\"") && !shown.contains(&address.to_string()), "{shown}");
    let process = Process::start_with(data.path(), PRIVATE, "");
    assert_eq!(process.address, address.clone().with_admit(Admit::OPEN));
    assert!(open(&mut process.peer().await, 1, address.admit()).await.is_ok());
    for wrong in [&["--expires", "2020-01-01"][..], &["--expires", "soon"], &["--bytes", "1X"]] {
        assert_eq!(output(data.path(), &[&["token", "new"], wrong].concat()).0, 64, "{wrong:?}");
    }
}

#[tokio::test]
async fn a_running_relay_is_asked_through_its_socket_which_is_its_owners_only() {
    let data = tempfile::tempdir().unwrap();
    let (code, _, said) = output(data.path(), &["status"]);
    assert!(code == 69 && said.contains("no relay is running"), "{said}");
    let process = Process::start(data.path());
    let mut peer = process.peer().await;
    peer.open(1, 4).await.unwrap();
    peer.append(1, 0x77).await.unwrap();
    let socket = data.path().join("admin.sock");
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    let status = json(data.path(), &["status", "--json"]);
    assert_eq!(
        (&status["queues"]["now"], &status["cells"]["now"], &status["streams"]["now"]),
        (&1.into(), &1.into(), &1.into()),
        "{status}"
    );
    assert_eq!(status["address"], process.address.to_string());
    assert!(output(data.path(), &["status"]).1.contains("queues: 1 of 1000000\n"));
    // What is no question is answered, and changes nothing.
    for line in ["{}\n", "no\n", "{\"ask\":\"backup\",\"to\":\"relative\"}\n", "{\"ask\":\"token-new\"}\n"] {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.write_all(line.as_bytes()).unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["error"]["code"], 64, "{answer}");
    }
    let shown = json(data.path(), &["disclose", "--json"]);
    assert_eq!(shown["cell_count"], 1);
    assert!(shown["does_not_have"].as_array().is_some_and(|all| all.len() > 5), "{shown}");
    for table in ["queues", "invites", "blobs", "tokens", "store"] {
        let known = shown["tables"].as_array().unwrap().iter().find(|known| known["name"] == table).unwrap();
        assert!(!known["fields"].as_array().unwrap().is_empty(), "{known}");
    }
    assert!(output(data.path(), &["disclose"]).1.contains("7777777777"));
    process.signal(Signal::TERM);
    assert_eq!(process.end().0, Some(0));
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_backup_of_a_running_relay_is_whole_and_comes_back() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(data.path());
    let mut peer = process.peer().await;
    peer.open(1, 4).await.unwrap();
    for n in 0..200 {
        peer.append(1, n).await.unwrap();
    }
    let copy = tempfile::tempdir().unwrap();
    let to = copy.path().join("backup");
    let writing = tokio::spawn(async move {
        for n in 200..250 {
            peer.append(1, n).await.unwrap();
        }
    });
    let (words, from) = (to.to_str().unwrap().to_owned(), data.path().to_owned());
    let report =
        tokio::task::spawn_blocking(move || json(&from, &["backup", &words, "--json"])).await.unwrap();
    writing.await.unwrap();
    assert_eq!(report["sound"], true);
    let (code, _, said) = output(data.path(), &["backup", to.to_str().unwrap()]);
    assert!(code == 73 && said.contains("not empty"), "{code} {said}");
    assert_eq!(json(data.path(), &["status", "--json"])["cells"]["now"], 250, "the relay is well");
    drop(process);
    let back = copy.path().join("back");
    assert_eq!(output(&back, &["restore", to.to_str().unwrap(), "--verify"]).0, 0);
    assert_eq!(output(&back, &["restore", to.to_str().unwrap()]).0, 0);
    let process = Process::start(&back);
    let mut peer = process.peer().await;
    peer.open(1, 64).await.unwrap();
    assert_eq!(peer.cell().await.1, 0);
    assert!(json(&back, &["status", "--json"])["cells"]["now"].as_u64() >= Some(200));
}

/// Waits until `status` says `value` for `key`: a signal has no answer.
fn await_status(data: &Path, key: &str, value: &Value) {
    let until = Instant::now() + Duration::from_secs(10);
    while json(data, &["status", "--json"])[key] != *value {
        assert!(Instant::now() < until, "{key} does not become {value}");
    }
}

#[tokio::test]
async fn sighup_reloads_limits_and_access_and_a_wrong_file_changes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(data.path());
    let mut peer = process.peer().await;
    peer.open(1, 4).await.unwrap();
    configure(data.path(), PRIVATE, "queues = 7");
    process.signal(Signal::HUP);
    await_status(data.path(), "access", &"token".into());
    assert_eq!(json(data.path(), &["status", "--json"])["queues"]["limit"], 7);
    assert_eq!(peer.open(2, 4).await, Err(Refusal::NotAdmitted));
    peer.append(1, 1).await.unwrap();
    configure(data.path(), "", "queues = 1");
    let done = json(data.path(), &["reload", "--json"]);
    assert_eq!(done["restart_for"], Value::Array(vec![]));
    assert_eq!(peer.open(2, 4).await, Err(Refusal::QuotaExceeded));
    configure(data.path(), "host = \"h.example\"", "queues = 9");
    let (code, text, _) = output(data.path(), &["reload"]);
    assert!(code == 0 && text.contains("a restart is needed for: host"), "{text}");
    configure(data.path(), "", "qeues = 1");
    let (code, _, said) = output(data.path(), &["reload"]);
    assert!(code == 78 && said.contains("did you mean \"queues\"?"), "{said}");
    process.signal(Signal::HUP);
    assert_eq!(json(data.path(), &["status", "--json"])["queues"]["limit"], 9);
    assert!(peer.open(2, 4).await.is_ok());
    process.signal(Signal::TERM);
    let (code, said) = process.end();
    assert_eq!(code, Some(0));
    assert!(said.contains("was not reloaded; what held before still holds"), "{said}");
    assert!(said.contains("limits, access and rates are reloaded"), "{said}");
}

#[tokio::test]
async fn sigterm_tells_everyone_when_to_come_back_and_ends_in_time_though_nobody_leaves() {
    // REL-52, REL-53.
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(data.path());
    let mut peers = Vec::new();
    for _ in 0..20 {
        peers.push(process.peer().await);
    }
    process.signal(Signal::TERM);
    let begun = Instant::now();
    for peer in &mut peers {
        let Response::GoAway(bye) = peer.unasked().await else { panic!("no goodbye") };
        assert_eq!(bye.reason, Refusal::Draining);
        assert!(bye.retry > 0 && bye.jitter >= 10, "{bye:?}");
        assert_eq!(peer.closed().await.map(u64::from), Some(10));
    }
    assert_eq!(process.end().0, Some(0));
    assert!(begun.elapsed() < Duration::from_secs(10));
}

/// D1, D2.
#[tokio::test]
async fn d2_one_neighbourhood_has_its_share_of_connections_and_no_more() {
    let data = tempfile::tempdir().unwrap();
    let config = configure(data.path(), "", "");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}[network]\nprefix_connections = 2\nloopback = \"counted\"\n"))
        .unwrap();
    let process = Process::run(data.path(), &["--config", &config, "run"]);
    let at = std::net::SocketAddr::new(process.address.host().parse().unwrap(), process.address.port());
    let first = process.peer().await;
    let _second = process.peer().await;
    let suite = subrosa_relay::provider;
    assert!(support::connect(at, process.address.key(), suite(), subrosa_wire::ALPN).await.is_err());
    first.connection.close(0_u32.into(), b"");
    let until = Instant::now() + Duration::from_secs(10);
    while support::connect(at, process.address.key(), suite(), subrosa_wire::ALPN).await.is_err() {
        assert!(Instant::now() < until, "the place of one who left is free again");
    }
}

#[tokio::test]
async fn the_doctor_finds_a_well_relay_well_and_says_what_is_missing() {
    let data = tempfile::tempdir().unwrap();
    let state = |found: &Value, name: &str| {
        let checks = found["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["check"] == name);
        check.unwrap_or_else(|| panic!("{name}: {found}"))["state"].as_str().unwrap().to_owned()
    };
    let (code, text, _) = output(data.path(), &["doctor", "--json"]);
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, found["well"].as_bool()), (1, Some(false)), "{text}");
    assert!(["key", "store", "network"].iter().all(|name| state(&found, name) == "fail"), "{text}");
    let process = Process::start(data.path());
    let found = output(data.path(), &["doctor", "--json"]).1;
    let found: Value = serde_json::from_str(&found).unwrap();
    for name in ["config", "key", "store", "clock", "udp here", "udp announced"] {
        assert_eq!(state(&found, name), "ok", "{found}");
    }
    assert!(!data.path().join("doctor.part").exists());
    process.signal(Signal::TERM);
    process.end();
    let (_, text, _) = output(data.path(), &["doctor"]);
    assert!(text.contains("network: the relay does not run"), "{text}");
    std::fs::write(data.path().join("relay.key"), "no key").unwrap();
    let (code, text, _) = output(data.path(), &["doctor"]);
    assert!(code == 1 && text.contains("FAIL  key"), "{text}");
}

#[test]
fn an_upgrade_is_tried_on_a_copy_and_a_newer_store_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    assert_eq!(output(&data, &["upgrade", "--check"]).0, 65);
    assert_eq!(output(&data, &["init", "--listen", "127.0.0.1:0"]).0, 0);
    let before = std::fs::read(data.join("records.slab")).unwrap();
    let done = json(&data, &["upgrade", "--check", "--json"]);
    assert_eq!(
        (done["format"].as_u64(), done["reads"].as_u64(), done["report"]["sound"].as_bool()),
        (Some(2), Some(2), Some(true))
    );
    assert_eq!(std::fs::read(data.join("records.slab")).unwrap(), before);
    assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 1, "the copy is taken away");
    assert_eq!(output(&data, &["upgrade"]).0, 64);
    let manifest = std::fs::read_to_string(data.join("MANIFEST")).unwrap().replace("format 2", "format 3");
    std::fs::write(data.join("MANIFEST"), manifest).unwrap();
    let (code, _, said) = output(&data, &["upgrade", "--check"]);
    assert!(code == 65 && said.contains("newer version"), "{said}");
}

#[test]
fn every_command_stands_in_the_manual_the_completions_and_the_guide_and_json_is_json() {
    let data = tempfile::tempdir().unwrap();
    let (_, man, _) = output(data.path(), &["man"]);
    let (_, bash, _) = output(data.path(), &["completions", "bash"]);
    let guide = include_str!("../../../docs/guide/relay.md");
    for command in [
        "run",
        "init",
        "address",
        "status",
        "reload",
        "token",
        "disclose",
        "check",
        "repair",
        "backup",
        "restore",
        "doctor",
        "upgrade",
        "config",
        "completions",
        "man",
    ] {
        assert!(man.contains(command) && bash.contains(command), "{command}");
        assert!(guide.contains(&format!("`{command}")), "{command} is missing in the guide");
    }
    let made = json(data.path(), &["init", "--listen", "127.0.0.1:0", "--json"]);
    assert_eq!(json(data.path(), &["address", "--json"])["address"], made["address"]);
    assert_eq!(json(data.path(), &["config", "check", "--json"])["good"], true);
    assert_eq!(json(data.path(), &["config", "show", "--json"])["network"]["retry_above"], 64);
    assert_eq!(json(data.path(), &["check", "--json"])["sound"], true);
}
