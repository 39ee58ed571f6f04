//! Two people through the command line alone: against a relay of their own, and against an embedded one.
//!
//! Spec: docs/guide/chat.md, "The command line". Invariant: every step is a process of its own.

use std::time::Duration;

use serde_json::Value;
use subrosa_tests::{Binaries, Person, RelayProcess, binaries, eventually};

const BINARIES: Binaries = binaries!();

/// Two contacts at a relay, the first met through the second's one-time invite.
struct Pair {
    relay: RelayProcess,
    ana: Person,
    bob: Person,
    _folder: tempfile::TempDir,
}

impl Pair {
    fn met() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let relay = RelayProcess::start(BINARIES, &folder.path().join("relay"));
        let ana = Person::new(BINARIES, &folder.path().join("ana"), "Ana", relay.address());
        let bob = Person::new(BINARIES, &folder.path().join("bob"), "Bob", relay.address());
        let link = ana.invite();
        assert_eq!(bob.ok(&["add", &link]).one("joined")["name"], "Ana");
        // The handshake lies at the relay until Ana's client runs.
        eventually("the handshake arrives", || ana.ok(&["status"]).all("contact").count() == 1);
        Self { relay, ana, bob, _folder: folder }
    }
}

fn number_of(person: &Person, contact: &str) -> Value {
    person.ok(&["verify", contact]).one("safety")["number"].clone()
}

#[test]
fn two_people_meet_chat_verify_and_go_on_after_restarts() {
    let mut pair = Pair::met();
    pair.ana.ok(&["send", "Bob", "hello Bob"]);
    pair.bob.hears(&["hello Bob"]);
    assert_eq!(pair.bob.unread(), Vec::<String>::new(), "read once is read");
    pair.bob.ok(&["send", "Ana", "hello Ana"]);
    pair.relay.stop();
    pair.relay.restart();
    pair.ana.hears(&["hello Ana"]);

    assert_eq!(number_of(&pair.ana, "Bob"), number_of(&pair.bob, "Ana"));
    assert_eq!(pair.ana.ok(&["verify", "Bob", "--yes"]).one("safety")["verified"], true);
    assert_eq!(pair.ana.ok(&["contacts"]).one("contact")["verified"], true);

    pair.relay.kill();
    let outcome = pair.bob.run(&["send", "Ana", "while it is down", "--wait", "1"]);
    assert_eq!(outcome.code, Some(7), "{outcome:?}");
    assert_eq!(outcome.all("queued").count(), 1);
    pair.relay.restart();
    // Any start of Bob's sends it.
    pair.bob.ok(&["status"]);
    pair.ana.hears(&["while it is down"]);
    let lines = pair.ana.ok(&["read", "--last", "10"]);
    assert_eq!(lines.texts(), ["hello Bob", "hello Ana", "while it is down"]);
}

#[test]
fn a_few_texts_lead_both_to_mutual_authentication() {
    let pair = Pair::met();
    let mutual = |person: &Person| person.ok(&["contacts"]).one("contact")["level"] == "mutual";
    // The confirming cells wait up to a minute by chance: texts take the same steps at once.
    for text in ["one", "two"] {
        pair.ana.ok(&["send", "Bob", text]);
        pair.bob.hears(&[text]);
        pair.bob.ok(&["send", "Ana", text]);
        pair.ana.hears(&[text]);
    }
    assert!(mutual(&pair.ana) && mutual(&pair.bob));
}

#[test]
fn an_address_brings_requests_that_are_accepted_or_turned_away() {
    let folder = tempfile::tempdir().unwrap();
    let relay = RelayProcess::start(BINARIES, &folder.path().join("relay"));
    let person = |name: &str| Person::new(BINARIES, &folder.path().join(name), name, relay.address());
    let (ana, bob, eve) = (person("Ana"), person("Bob"), person("Eve"));
    let link = ana.address();
    bob.ok(&["add", &link, "--greeting", "from the library"]);
    eve.ok(&["add", &link]);
    eventually("both requests arrive", || ana.ok(&["requests"]).all("request").count() == 2);
    let requests = ana.ok(&["requests"]);
    let greeting =
        requests.all("request").find(|request| request["name"] == "Bob").unwrap()["greeting"].clone();
    assert_eq!(greeting, "from the library");
    assert_eq!(ana.run(&["send", "Bob", "too early"]).code, Some(6), "a request is no contact yet");
    ana.ok(&["accept", "Bob"]);
    ana.ok(&["reject", "Eve"]);
    assert_eq!(ana.ok(&["requests"]).all("request").count(), 0);
    ana.ok(&["send", "Bob", "come in"]);
    bob.hears(&["come in"]);
    bob.ok(&["send", "Ana", "thank you"]);
    ana.hears(&["thank you"]);
    assert_eq!(eve.ok(&["contacts"]).one("contact")["standing"], "pending", "the rejected learns nothing");
}

#[test]
fn the_relay_of_a_profile_is_enough_for_two() {
    let folder = tempfile::tempdir().unwrap();
    let ana = Person::at(BINARIES, &folder.path().join("ana"));
    let profile = ana.ok(&["init", "--name", "Ana", "--no-passphrase", "--host", "127.0.0.1"]);
    let address = profile.one("profile")["relay"].as_str().expect("it hosts").to_owned();
    assert_eq!(profile.one("profile")["hosting"], true);
    let _host = ana.start(&["host"]);
    let bob = Person::new(BINARIES, &folder.path().join("bob"), "Bob", &address);
    let link = ana.invite();
    bob.ok(&["add", &link]);
    bob.ok(&["send", "Ana", "your relay works"]);
    ana.hears(&["your relay works"]);
    ana.ok(&["send", "Bob", "so it does"]);
    bob.hears(&["so it does"]);
}

#[test]
fn a_text_keeps_its_lines_and_a_long_one_its_length() {
    let pair = Pair::met();
    let outcome = pair.ana.run_with(&["send", "Bob", "-"], "first line\nsecond line\n");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let long = "ä".repeat(20_000);
    let outcome = pair.ana.run_with(&["send", "Bob", "-"], &long);
    assert_eq!(outcome.code, Some(0), "{:?}", outcome.err);
    pair.bob.hears(&["first line\nsecond line".to_owned(), long]);
}

#[test]
fn follow_prints_what_arrives() {
    use std::io::{BufRead, BufReader};
    let pair = Pair::met();
    let mut child = pair.bob.command(&["read", "--follow"]).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (found, arrived) = std::sync::mpsc::channel();
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(found.send(line))));
    pair.ana.ok(&["send", "Bob", "are you there?"]);
    let line = arrived.recv_timeout(Duration::from_secs(20)).expect("it arrives");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "a signal ends it in order");
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["text"], "are you there?");
}

#[test]
fn a_passphrase_comes_from_a_file_and_a_wrong_one_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (right, wrong) = (folder.path().join("right"), folder.path().join("wrong"));
    std::fs::write(&right, "correct horse\n").unwrap();
    std::fs::write(&wrong, "battery staple\n").unwrap();
    let ana = Person::at(BINARIES, &folder.path().join("ana"));
    let (right, wrong) = (right.to_str().unwrap(), wrong.to_str().unwrap());
    ana.ok(&["init", "--name", "Ana", "--passphrase-file", right]);
    ana.ok(&["contacts", "--passphrase-file", right]);
    let outcome = ana.run(&["contacts", "--passphrase-file", wrong]);
    assert_eq!(outcome.code, Some(4));
    assert!(outcome.error().contains("wrong passphrase"), "{}", outcome.error());
    let outcome = ana.run(&["contacts"]);
    assert_eq!(outcome.code, Some(4), "nobody is there to type it");
    ana.ok(&["passwd", "--passphrase-file", right, "--new-passphrase-file", wrong]);
    ana.ok(&["contacts", "--passphrase-file", wrong]);
    assert_eq!(ana.run(&["contacts", "--passphrase-file", right]).code, Some(4));
}
