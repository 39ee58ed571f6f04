//! People at a private relay, through the real binaries: the token stands in the address, and in nothing that leaves a profile
//! but OPEN.
//!
//! Spec: docs/spec/relay.md, "Access". Invariant: whoever has no token makes nothing there, and can still write to those who have.

use std::fs;
use std::process::Command;

use subrosa_tests::{Binaries, Person, RelayProcess, binaries, eventually};

const BINARIES: Binaries = binaries!();

fn private(folder: &std::path::Path) -> RelayProcess {
    let config = folder.join("private.toml");
    fs::write(&config, "[relay]\naccess = \"token\"\n[store]\ngrow_mib = 1\nreserve_mib = 0\n").unwrap();
    RelayProcess::start_with(BINARIES, &folder.join("private"), Some(config))
}

/// An address that holds a new token.
fn admitted(relay: &RelayProcess) -> String {
    let mut command = Command::new(BINARIES.relay);
    command.arg("--data").arg(relay.folder()).args(["--host", "127.0.0.1", "token", "new"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn two_people_with_tokens_chat_at_a_private_relay_and_their_links_hold_none() {
    let folder = tempfile::tempdir().unwrap();
    let relay = private(folder.path());
    let (one, two) = (admitted(&relay), admitted(&relay));
    assert!(one != two && one.starts_with(relay.address()), "{one}");
    let ana = Person::new(BINARIES, &folder.path().join("ana"), "Ana", &one);
    let bob = Person::new(BINARIES, &folder.path().join("bob"), "Bob", &two);
    let link = ana.invite();
    let token = one.split_once("?token=").unwrap().1;
    assert!(!link.contains("token") && !link.contains(&token[..20]), "{link}");
    bob.ok(&["add", &link]);
    eventually("the handshake arrives", || ana.ok(&["status"]).all("contact").count() == 1);
    ana.ok(&["send", "Bob", "hello Bob"]);
    bob.hears(&["hello Bob"]);
    bob.ok(&["send", "Ana", "hello Ana"]);
    ana.hears(&["hello Ana"]);
}

#[test]
fn a_person_of_another_relay_writes_to_one_of_a_private_relay_without_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let (relay, other) = (private(folder.path()), RelayProcess::start(BINARIES, &folder.path().join("open")));
    let ana = Person::new(BINARIES, &folder.path().join("ana"), "Ana", &admitted(&relay));
    let bob = Person::new(BINARIES, &folder.path().join("bob"), "Bob", other.address());
    ana.meets(&bob);
    bob.ok(&["send", "Ana", "from elsewhere"]);
    ana.hears(&["from elsewhere"]);
    ana.ok(&["send", "Bob", "to elsewhere"]);
    bob.hears(&["to elsewhere"]);
}
