//! The real binary: killed, stopped, started twice, started wrongly.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod binary;
mod support;

use std::net::SocketAddr;
use std::time::Duration;

use binary::{Process, output};
use rustix::process::Signal;
use subrosa_relay::RelayAddress;
use subrosa_wire::{Frame, InviteKind, Request, Response, Rid, Seq};
use support::{Peer, cell, invite, read, write};
use tempfile::TempDir;

/// A cell that says which one it is.
fn numbered(n: u32) -> Request {
    let mut cell = cell(0);
    cell.as_mut_bytes()[..4].copy_from_slice(&n.to_le_bytes());
    Request::Append { write: write(1), cell }
}

/// Appends from `first` on, 16 at a time, until `enough` are acknowledged, then kills the relay with more under way.
async fn append_and_kill(process: &Process, first: u32, enough: usize) -> (Vec<u32>, u32) {
    let mut peer = process.peer().await;
    let mut sent: Vec<(Rid, u32)> = Vec::new();
    let mut acknowledged = Vec::new();
    let mut next = first;
    loop {
        let killed = acknowledged.len() >= enough;
        while !killed && next - first < u32::try_from(acknowledged.len()).unwrap() + 16 {
            sent.push((peer.send(numbered(next)).await.unwrap(), next));
            next += 1;
        }
        let Some(Frame { rid, message }) = peer_frame(&mut peer, killed).await else {
            return (acknowledged, next);
        };
        assert!(matches!(message, Response::Reply(Ok(_))), "{message:?}");
        acknowledged.push(sent.iter().find(|(other, _)| *other == rid).unwrap().1);
        if acknowledged.len() == enough {
            process.signal(Signal::KILL);
        }
    }
}

/// The next frame; after the kill, only those that were under way: a killed relay does not say goodbye.
async fn peer_frame(peer: &mut Peer, killed: bool) -> Option<Frame<Response>> {
    if !killed {
        return peer.frame().await;
    }
    tokio::time::timeout(Duration::from_millis(100), peer.frame()).await.ok().flatten()
}

#[tokio::test]
async fn ten_kills_lose_nothing_that_was_acknowledged() {
    let data = tempfile::tempdir().unwrap();
    let (mut acknowledged, mut next) = (Vec::new(), 0);
    for round in 0..10 {
        let process = Process::start(data.path());
        if round == 0 {
            process.peer().await.open(1, 1).await.unwrap();
        }
        let (more, after) = append_and_kill(&process, next, 3 + 7 * round).await;
        acknowledged.extend(more);
        next = after;
    }
    let process = Process::start(data.path());
    let mut peer = process.peer().await;
    let handle = peer.open(1, 64).await.unwrap();
    let mut found: Vec<u32> = Vec::new();
    let mut last = Seq(0);
    while acknowledged.last() > found.last() {
        let Response::Cell { seq, cell, .. } = peer.unasked().await else { panic!("not a cell") };
        assert!(seq > last, "places only grow, over restarts too");
        last = seq;
        found.push(u32::from_le_bytes(*cell.as_bytes().first_chunk().unwrap()));
        peer.reply(Request::Ack { handle, upto: seq }).await.unwrap();
    }
    assert!(acknowledged.len() >= 300);
    assert!(acknowledged.iter().all(|n| found.contains(n)), "acknowledged, and not there after kill -9");
    assert!(found.is_sorted_by(|a, b| a < b), "in order, and none twice");
}

#[tokio::test]
async fn a_client_notices_a_killed_and_restarted_relay_at_once() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(data.path());
    let mut peer = process.peer().await;
    process.signal(Signal::KILL);
    process.end();
    let _process = Process::start(data.path());
    peer.send(Request::Ping).await;
    let closed = tokio::time::timeout(Duration::from_secs(10), peer.connection.closed()).await;
    assert!(matches!(closed, Ok(quinn::ConnectionError::Reset)), "{closed:?}");
}

#[tokio::test]
async fn a_signal_drains_and_exits_with_zero_and_nothing_personal_was_said() {
    // REL-13.
    for signal in [Signal::TERM, Signal::INT] {
        let data = tempfile::tempdir().unwrap();
        let process = Process::start(data.path());
        let mut peer = process.peer().await;
        peer.open(1, 4).await.unwrap();
        peer.append(1, 0x77).await.unwrap();
        peer.reply(invite(2, InviteKind::OneTime, 3)).await.unwrap();
        peer.send_bytes(&[0xff; 32]).await;
        process.signal(signal);
        let (code, words) = process.end();
        assert_eq!(code, Some(0), "{words}");
        let ids =
            [*write(1).id().as_bytes(), *read(1).id().as_bytes(), *write(1).expose(), *read(1).expose()];
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        for id in ids {
            assert!(!words.contains(&hex(&id[..4])), "{words}");
        }
        assert!(words.contains("serving") && !words.contains("127.0.0.1"), "{words}");
        let (code, text, _) = output(data.path(), &["disclose"]);
        assert_eq!(code, 0);
        assert!(
            text.contains("queues: 1") && text.contains("invites: 1") && text.contains("7777777777"),
            "{text}"
        );
        let (_, json, _) = output(data.path(), &["disclose", "--json"]);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["cell_count"], 1);
    }
}

#[test]
fn a_second_relay_on_the_same_folder_or_port_says_so() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(data.path());
    let (code, _, words) = output(data.path(), &["--listen", "127.0.0.1:0"]);
    assert_eq!(code, 69);
    assert!(words.contains("another relay is running on this data folder"), "{words}");
    let (code, _, words) = output(data.path(), &["check"]);
    assert_eq!(code, 69);
    assert!(words.contains("is running"), "{words}");
    let other = tempfile::tempdir().unwrap();
    let listen = format!("127.0.0.1:{}", process.address.port());
    let (code, _, words) = output(other.path(), &["--listen", &listen]);
    assert_eq!(code, 69);
    assert!(words.contains(&format!("UDP port {} is in use", process.address.port())), "{words}");
}

#[test]
fn init_makes_everything_once_and_address_prints_it_again() {
    let parent = TempDir::new().unwrap();
    let data = parent.path().join("a").join("b");
    let (code, _, words) = output(&data, &["address"]);
    assert_eq!(code, 65);
    assert!(words.contains("there is no relay in") && words.contains("init"), "{words}");
    let (code, first, words) = output(&data, &["init", "--listen", "127.0.0.1:0"]);
    assert_eq!(code, 0, "{words}");
    assert!(words.contains("Only this machine"), "{words}");
    for words in [&["address"][..], &["address", "--listen", "127.0.0.1:0"], &["init"]] {
        let (code, again, _) = output(&data, words);
        assert_eq!((code, &again), (0, &first), "{words:?}");
    }
    let (_, code, _) = output(&data, &["address", "--qr", "--host", "relay.example.org"]);
    let port = RelayAddress::parse(&first).unwrap().port();
    assert!(code.contains(&format!("relay.example.org:{port}/r#")) && code.contains('█'), "{code}");
    assert_eq!(output(&data, &["address"]).1, first, "asking changes nothing");
}

#[tokio::test]
async fn the_address_that_was_announced_is_the_one_of_every_later_command_and_start() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    // Not the host that would be found by itself, so that it must have been kept.
    let (code, first, words) = output(data, &["init", "--listen", "127.0.0.1:0", "--host", "localhost"]);
    assert_eq!(code, 0, "{words}");
    assert_eq!(output(data, &["address"]).1, first);
    for _restart in 0..2 {
        let process = Process::run(data, &["run"]);
        assert_eq!(format!("{}\n", process.address), first);
        assert_eq!(output(data, &["address"]).1, first, "also while it runs");
        let at = SocketAddr::from(([127, 0, 0, 1], process.address.port()));
        Peer::new(at, process.address.key()).await.reply(Request::Ping).await.unwrap();
        process.signal(Signal::TERM);
        assert_eq!(process.end().0, Some(0));
        assert_eq!(output(data, &["address"]).1, first, "and after it");
    }
    let port = RelayAddress::parse(&first).unwrap().port();
    let (_, text, _) = output(data, &["disclose"]);
    assert!(text.contains(&format!("listen 127.0.0.1:{port}  host localhost (named)")), "{text}");
    let (_, json, _) = output(data, &["disclose", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["announced"]["host"], "localhost");
}

#[test]
fn a_flag_or_a_key_of_the_file_wins_over_the_announced_address_and_is_kept_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let (data, config) = (folder.path().join("data"), folder.path().join("relay.toml"));
    let host = |words: &[&str]| {
        let (code, line, said) = output(&data, words);
        assert_eq!(code, 0, "{said}");
        RelayAddress::parse(&line).unwrap().host().to_owned()
    };
    let config = config.to_str().unwrap();
    std::fs::write(config, "[relay]\nhost = \"file.example\"\n").unwrap();
    assert_eq!(host(&["init", "--listen", "127.0.0.1:0"]), "127.0.0.1");
    assert_eq!(host(&["address", "--config", config]), "file.example");
    assert_eq!(host(&["address"]), "127.0.0.1", "asking keeps nothing");
    assert_eq!(host(&["init", "--config", config]), "file.example");
    assert_eq!(host(&["address"]), "file.example");
    assert_eq!(host(&["init", "--config", config, "--host", "flag.example"]), "flag.example");
    assert_eq!(host(&["init"]), "flag.example");
    std::fs::write(config, "[relay]\nlisten = \"127.0.0.2:0\"\n").unwrap();
    assert_eq!(host(&["init", "--config", config]), "flag.example", "one key says nothing of the other");
    let kept = std::fs::read_to_string(data.join("address")).unwrap();
    assert!(kept.contains("listen 127.0.0.2:") && !kept.contains(":0\n"), "{kept}");
    let (_, shown, _) = output(&data, &["config", "show"]);
    assert!(shown.contains("listen = \"[::]:7672\""), "a configuration belongs to no folder: {shown}");
    std::fs::write(data.join("address"), "7672").unwrap();
    let (code, _, words) = output(&data, &["address"]);
    assert_eq!(code, 65);
    assert!(words.contains("its file \"address\" is damaged"), "{words}");
}

#[tokio::test]
async fn a_relay_that_people_use_does_not_start_under_another_key() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(data.path());
    process.peer().await.open(1, 1).await.unwrap();
    process.signal(Signal::TERM);
    process.end();
    std::fs::remove_file(data.path().join("relay.key")).unwrap();
    let (code, _, words) = output(data.path(), &["run", "--listen", "127.0.0.1:0"]);
    assert_eq!(code, 65);
    assert!(words.contains("relay.key is missing"), "{words}");
    assert!(!data.path().join("relay.key").exists());
}

#[test]
fn what_is_wrong_is_said_with_its_exit_code() {
    let data = tempfile::tempdir().unwrap();
    let (code, _, words) = output(data.path(), &["serve"]);
    assert_eq!(code, 64, "{words}");
    let (code, help, _) = output(data.path(), &["--help"]);
    assert_eq!(code, 0);
    assert!(help.contains("disclose"));
    let config = data.path().join("c.toml");
    std::fs::write(&config, "[limits]\nqeues = 1\n").unwrap();
    let (code, _, words) = output(data.path(), &["config", "check", "--config", config.to_str().unwrap()]);
    assert_eq!(code, 78);
    assert!(words.contains("line 2") && words.contains("did you mean \"queues\"?"), "{words}");
    let (code, shown, _) = output(data.path(), &["config", "show", "--host", "h.example"]);
    assert!(code == 0 && shown.contains("host = \"h.example\""), "{shown}");
    let file = data.path().join("file");
    std::fs::write(&file, "").unwrap();
    let (code, _, words) = output(&file, &["run", "--listen", "127.0.0.1:0"]);
    assert_eq!(code, 73, "{words}");
    let init = ["init", "--listen", "127.0.0.1:0"];
    assert_eq!(output(data.path(), &init).0, 0);
    let manifest = data.path().join("MANIFEST");
    let newer = std::fs::read_to_string(&manifest).unwrap().replace("format 2", "format 9");
    std::fs::write(&manifest, newer).unwrap();
    let (code, _, words) = output(data.path(), &init);
    assert_eq!(code, 65);
    assert!(words.contains("newer version"), "{words}");
}
