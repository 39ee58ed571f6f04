//! Bad input and bad luck: each has a sentence that says what happened and what to do, an exit code, and loses nothing.
//!
//! Spec: docs/guide/chat.md, "Exit codes" and "When something goes wrong".
//! Invariant: after each fault the profile works on.

use std::io::{BufRead, BufReader};
use std::process::Command;
use std::sync::Arc;

use subrosa_client::{Answer, Command as Ask, Notice, Options, Query, Unlock};
use subrosa_codec::Millis;
use subrosa_tests::{Binaries, Outcome, PATIENCE, Person, RelayProcess, binaries, eventually};

const BINARIES: Binaries = binaries!();

struct Scene {
    folder: tempfile::TempDir,
    relay: RelayProcess,
    ana: Person,
    bob: Person,
}

impl Scene {
    fn new() -> Self {
        Self::with_config("")
    }

    /// At a relay with this configuration.
    fn with_config(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("relay.toml");
        std::fs::write(&file, config).unwrap();
        let relay = RelayProcess::start_with(BINARIES, &folder.path().join("relay"), Some(file));
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
    // INV-11.
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
    // Under another host name, too: the secret is what counts, and nobody is asked.
    let renamed = link.replace("127.0.0.1", "localhost");
    refused(&scene.ana.run(&["add", &renamed]), 8, &["your own invite"]);
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

/// What a call said beside its result.
fn note(outcome: &Outcome) -> String {
    let note = outcome.err.iter().find(|object| object["type"] == "note");
    note.unwrap_or_else(|| panic!("no note in {outcome:?}"))["text"].as_str().unwrap().to_owned()
}

#[test]
fn a_relay_that_is_down_is_named_and_what_was_written_waits() {
    let mut scene = Scene::new();
    scene.ana.meets(&scene.bob);
    scene.relay.kill();
    let outcome = scene.ana.run(&["send", "Bob", "later", "--wait", "2"]);
    assert_eq!(outcome.code, Some(7), "{outcome:?}");
    assert_eq!(outcome.all("queued").count(), 1);
    let said = note(&outcome);
    assert!(said.contains("127.0.0.1") && said.contains("can't be reached"), "{said}");
    let outcome = scene.ana.run(&["invite", "--wait", "1"]);
    assert!(matches!(outcome.code, Some(7 | 9)), "{outcome:?}");
    scene.relay.restart();
    scene.ana.ok(&["status"]);
    scene.bob.hears(&["later"]);
}

#[test]
fn a_full_queue_is_told_and_nothing_in_it_or_behind_it_is_lost() {
    let scene = Scene::with_config("[limits]\nqueue_cells = 6\n");
    scene.ana.meets(&scene.bob);
    let mut sent = Vec::new();
    let full = loop {
        let text = format!("text {}", sent.len());
        let outcome = scene.ana.run(&["send", "Bob", &text, "--wait", "3"]);
        sent.push(text);
        match outcome.code {
            Some(0) => assert!(sent.len() < 10, "the queue is never full"),
            _ => break outcome,
        }
    };
    assert_eq!(full.code, Some(7), "{full:?}");
    assert!(note(&full).contains("its queue is full"), "{full:?}");
    let outcome = scene.ana.run(&["send", "Bob", "and one more", "--wait", "0"]);
    assert_eq!(outcome.code, Some(7), "{outcome:?}");
    sent.push("and one more".to_owned());
    let mut heard = Vec::new();
    eventually("the rest is brought", || {
        heard.extend(scene.bob.unread());
        scene.ana.ok(&["status", "--wait", "1"]);
        heard.len() >= sent.len()
    });
    assert_eq!(heard, sent);
}

#[test]
fn a_profile_of_a_newer_version_is_left_alone() {
    let scene = Scene::new();
    let vault = scene.ana.folder().join("vault.db");
    let genuine = std::fs::read(&vault).unwrap();
    let mut newer = genuine.clone();
    // SQLite's `user_version`, which holds the vault's format.
    newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
    std::fs::write(&vault, &newer).unwrap();
    refused(&scene.ana.run(&["contacts"]), 11, &["newer subrosa", "please update"]);
    assert_eq!(std::fs::read(&vault).unwrap(), newer, "not touched");
    std::fs::write(&vault, &genuine).unwrap();
    scene.ana.ok(&["contacts"]);
}

#[test]
fn a_relay_store_of_a_newer_version_is_left_alone() {
    let mut scene = Scene::new();
    scene.ana.meets(&scene.bob);
    scene.ana.ok(&["send", "Bob", "wait for me"]);
    scene.relay.stop();
    let manifest = scene.relay.folder().join("MANIFEST");
    let genuine = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, genuine.replace("format 2", "format 3")).unwrap();
    let output = scene.relay.command().output().unwrap();
    assert_eq!(output.status.code(), Some(65));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("newer version") && said.contains("update subrosa-relay"), "{said}");
    std::fs::write(&manifest, genuine).unwrap();
    scene.relay.restart();
    scene.bob.hears(&["wait for me"]);
}

#[test]
fn a_clock_that_is_days_off_is_told_and_what_is_written_arrives() {
    const TWO_DAYS: u64 = 2 * 24 * 60 * 60 * 1000;
    let scene = Scene::new();
    scene.ana.meets(&scene.bob);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (ahead, word) in [(true, "ahead of"), (false, "behind")] {
        let mut options = Options::new(scene.ana.folder());
        let honest = options.now.clone();
        options.now = Arc::new(move || {
            let now = honest().0;
            Millis(if ahead { now + TWO_DAYS } else { now - TWO_DAYS })
        });
        runtime.block_on(async {
            let (client, mut notices) = subrosa_client::open(options, Unlock::None).unwrap();
            let told = async {
                loop {
                    if let Notice::Trouble(sentence) = notices.next().await.expect("it runs")
                        && sentence.contains("clock")
                    {
                        return sentence;
                    }
                }
            };
            let sentence = tokio::time::timeout(PATIENCE, told).await.expect("it is told");
            assert!(sentence.contains(word) && sentence.contains("set the date"), "{sentence}");
            let Answer::Chats(chats) = client.query(Query::Chats).await.unwrap() else { panic!("no chats") };
            let send = Ask::Send { to: chats[0].id, text: word.to_owned(), reply: None };
            client.command(send).await.unwrap();
            tokio::time::timeout(PATIENCE, client.idle()).await.expect("it is sent");
            client.close().await;
        });
        scene.bob.hears(&[word]);
    }
    // With the clock right again, nothing has expired.
    scene.ana.ok(&["send", "Bob", "right again"]);
    scene.bob.hears(&["right again"]);
    scene.bob.ok(&["send", "Ana", "good"]);
    scene.ana.hears(&["good"]);
}

#[test]
fn a_full_disk_loses_nothing() {
    // A small file system of its own, where a private mount namespace is allowed.
    let scene = Scene::new();
    scene.ana.meets(&scene.bob);
    let small = scene.folder.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let script = r#"
        mount -t tmpfs -o size=1m none "$1" && echo mounted >&2 || exit 99
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
    let mounted =
        |output: &std::process::Output| String::from_utf8_lossy(&output.stderr).contains("mounted\n");
    let Some(output) = command.output().ok().filter(mounted) else {
        println!("SKIPPED: no private mount namespace here, so no disk to fill");
        return;
    };
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(11), "{err}");
    assert!(err.contains("disk is full"), "{err}");
    scene.bob.hears(&["fits again"]);
}
