//! Bad input and bad luck: each has a sentence that says what happened and what to do, an exit code, and loses nothing.
//!
//! Spec: docs/guide/chat.md, "Exit codes" and "When something goes wrong".
//! Invariant: after each fault the profile works on.

use std::io::{BufRead, BufReader};
use std::process::Command;

use subrosa_tests::{Binaries, Outcome, Person, RelayProcess, binaries};

const BINARIES: Binaries = binaries!();

struct Scene {
    folder: tempfile::TempDir,
    relay: RelayProcess,
    ana: Person,
    bob: Person,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let relay = RelayProcess::start(BINARIES, &folder.path().join("relay"));
        let ana = Person::new(BINARIES, &folder.path().join("ana"), "Ana", relay.address());
        let bob = Person::new(BINARIES, &folder.path().join("bob"), "Bob", relay.address());
        Self { folder, relay, ana, bob }
    }
}

fn refused(outcome: &Outcome, code: i32, words: &[&str]) {
    assert_eq!(outcome.code, Some(code), "{outcome:?}");
    for word in words {
        assert!(outcome.error().contains(word), "{word:?} is not in {:?}", outcome.error());
    }
}

#[test]
fn a_link_that_is_none_or_damaged_is_told_apart_and_nothing_is_burnt() {
    let scene = Scene::new();
    let link = scene.ana.invite();
    refused(&scene.bob.run(&["add", "hello"]), 8, &["link"]);
    refused(&scene.bob.run(&["add", &link[..link.len() - 1]]), 8, &["damaged"]);
    let mut swapped = link.clone();
    let last = if swapped.pop() == Some('A') { 'B' } else { 'A' };
    swapped.push(last);
    refused(&scene.bob.run(&["add", &swapped]), 8, &["damaged"]);
    refused(&scene.bob.run(&["add", scene.relay.address()]), 8, &["address of a relay"]);
    let padded = format!("  {link}\n");
    assert_eq!(scene.bob.run_with(&["add", "-"], &padded).code, Some(0), "the invite still works");
}

#[test]
fn a_used_and_a_revoked_invite_say_so() {
    let scene = Scene::new();
    let eve = Person::new(BINARIES, &scene.folder.path().join("eve"), "Eve", scene.relay.address());
    let link = scene.ana.invite();
    scene.bob.ok(&["add", &link]);
    refused(&eve.run(&["add", &link]), 8, &["already used", "ask for a new one"]);
    let other = scene.ana.invite();
    let id = scene.ana.ok(&["invites"]);
    let id = id.all("invite").find(|invite| invite["link"] == other.as_str()).unwrap()["id"].to_string();
    scene.ana.ok(&["revoke", &id]);
    refused(&eve.run(&["add", &other]), 8, &["gone", "ask for a new one"]);
    refused(&scene.ana.run(&["revoke", "4711"]), 6, &["no such invite"]);
}

#[test]
fn ones_own_invite_and_a_known_inviter_are_asked_about() {
    let scene = Scene::new();
    let link = scene.ana.invite();
    refused(&scene.ana.run(&["add", &link]), 8, &["your own invite"]);
    scene.bob.ok(&["add", &scene.ana.invite()]);
    refused(&scene.bob.run(&["add", &scene.ana.invite()]), 8, &["already have this contact"]);
    assert_eq!(scene.bob.ok(&["contacts"]).all("contact").count(), 1);
}

#[test]
fn a_relay_that_is_not_the_pinned_one_is_never_spoken_to() {
    let mut scene = Scene::new();
    scene.relay.stop();
    let port = scene.relay.address().split(':').nth(2).and_then(|rest| rest.split('/').next()).unwrap();
    let listen = format!("127.0.0.1:{port}");
    let mut other = Command::new(BINARIES.relay);
    other.args(["run", "--listen", &listen, "--host", "127.0.0.1", "--data"]);
    other.arg(scene.folder.path().join("other")).stdout(std::process::Stdio::piped());
    let mut other = other.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(other.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let outcome = scene.ana.run(&["invite", "--wait", "10"]);
    other.kill().unwrap();
    other.wait().unwrap();
    refused(&outcome, 9, &["not the pinned one"]);
    scene.relay.restart();
    assert_eq!(scene.ana.ok(&["invites"]).all("invite").count(), 1, "the invite waits for the right one");
}

#[test]
fn a_second_process_on_the_same_profile_is_turned_away() {
    let scene = Scene::new();
    scene.ana.meets(&scene.bob);
    scene.ana.ok(&["send", "Bob", "are you in?"]);
    let mut first = scene.bob.command(&["read", "--follow"]).spawn().unwrap();
    let mut line = String::new();
    // What it printed, it printed with the profile open.
    BufReader::new(first.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let outcome = scene.bob.run(&["contacts"]);
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(line.contains("are you in?"), "{line}");
    refused(&outcome, 5, &["another subrosa", "quit it first"]);
    assert_eq!(scene.bob.ok(&["contacts"]).all("contact").count(), 1);
}

#[test]
fn a_missing_profile_a_wrong_name_and_a_wrong_relay_address_say_what_to_do() {
    let scene = Scene::new();
    let nobody = Person::at(BINARIES, &scene.folder.path().join("nobody"));
    refused(&nobody.run(&["contacts"]), 3, &["subrosa init"]);
    refused(&scene.ana.run(&["send", "Zoe", "hi"]), 6, &["Zoe", "subrosa contacts"]);
    refused(&scene.ana.run(&["init", "--name", "Again", "--no-passphrase"]), 3, &["already"]);
    let typo = format!("{}x", scene.relay.address());
    let outcome = nobody.run(&["init", "--name", "No", "--no-passphrase", "--relay", &typo]);
    refused(&outcome, 9, &["damaged"]);
    assert!(!nobody.folder().exists(), "no profile was made");
    let lonely = Person::at(BINARIES, &scene.folder.path().join("lonely"));
    lonely.ok(&["init", "--name", "Lonely", "--no-passphrase"]);
    refused(&lonely.run(&["invite"]), 9, &["no relay yet"]);
    assert_eq!(scene.ana.run(&["send"]).code, Some(2));
}

#[test]
fn a_full_disk_loses_nothing() {
    // A small file system of its own, where a private mount namespace is allowed.
    let scene = Scene::new();
    scene.ana.meets(&scene.bob);
    let small = scene.folder.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let script = r#"
        mount -t tmpfs -o size=1m none "$1" || exit 99
        cp -r "$2/." "$1/" || exit 98
        dd if=/dev/zero of="$1/filler" bs=1k 2>/dev/null
        "$3" --folder "$1" --json send Bob "does not fit" --wait 1; full=$?
        rm "$1/filler"
        "$3" --folder "$1" --json send Bob "fits again" --wait 10 || exit 97
        exit $full"#;
    let mut command = Command::new("unshare");
    command
        .args(["-r", "-m", "sh", "-c", script, "sh"])
        .arg(&small)
        .arg(scene.ana.folder())
        .arg(BINARIES.subrosa);
    let outcome = command.output();
    let Some(output) =
        outcome.ok().filter(|output| output.status.code() != Some(99) && output.status.code() != Some(1))
    else {
        println!("SKIPPED: no private mount namespace here, so no disk to fill");
        return;
    };
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(11), "{err}");
    assert!(err.contains("disk is full"), "{err}");
    scene.bob.hears(&["fits again"]);
}
