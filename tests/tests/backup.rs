//! A backup, the end of the machine that it was made on, and a restore in another place: through the command line alone.
//!
//! Spec: docs/guide/chat.md, "Backups". Invariant: every step is a process of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use subrosa_tests::{Binaries, Haystack, Outcome, Person, RelayProcess, Screen, binaries, eventually};

const BINARIES: Binaries = binaries!();

/// Two contacts at a relay who have written to each other, and Bob's words.
struct Pair {
    ana: Person,
    bob: Person,
    words: String,
    relay: RelayProcess,
    folder: tempfile::TempDir,
}

impl Pair {
    fn talking() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let relay = RelayProcess::start(BINARIES, &folder.path().join("relay"));
        let ana = Person::new(BINARIES, &folder.path().join("ana"), "Ana", relay.address());
        let bob = Person::new(BINARIES, &folder.path().join("bob"), "Bob", relay.address());
        ana.meets(&bob);
        // Each turn lets both take a step: keys for a recovery go back and forth with them.
        for text in ["one", "two"] {
            ana.ok(&["send", "Bob", text]);
            bob.hears(&[text]);
            bob.ok(&["send", "Ana", text]);
            ana.hears(&[text]);
        }
        let words = fresh(&bob);
        Self { ana, bob, words, relay, folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn backup(&self, to: &Path) -> Outcome {
        self.bob.run_with(&["backup", text(to)], &self.words)
    }

    /// Bob somewhere else.
    fn elsewhere(&self, name: &str) -> Person {
        Person::at(BINARIES, &self.file(name))
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn fresh(person: &Person) -> String {
    let made = person.ok(&["words"]);
    let words = made.one("words")["words"].as_array().unwrap();
    assert_eq!(words.len(), 24);
    words.iter().map(|word| word.as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

fn events(person: &Person, who: &str) -> Vec<String> {
    let all = person.ok(&["read", who, "--last", "50"]);
    let event = |line: &serde_json::Value| line["text"].as_str().map(str::to_owned);
    all.all("message").filter(|line| line["kind"] == "event").filter_map(event).collect()
}

#[test]
fn a_profile_that_was_lost_comes_back_from_its_backup_and_both_chat_on() {
    let pair = Pair::talking();
    let file = pair.file("bob.backup");
    let made = pair.backup(&file);
    assert_eq!(made.code, Some(0), "{made:?}");
    assert_eq!((&made.one("backup")["contacts"], &made.one("backup")["returning"]), (&1.into(), &1.into()));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    // 64 KiB and a head: the smallest size that there is, whatever was said.
    assert_eq!(fs::metadata(&file).unwrap().len(), 33 + 65_536);
    let number = pair.bob.ok(&["verify", "Ana"]).one("safety")["number"].clone();
    fs::remove_dir_all(pair.bob.folder()).unwrap();

    let bob = pair.elsewhere("new-bob");
    let outcome = bob.run_with(&["restore", text(&file), "--no-passphrase"], &pair.words);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.one("restored")["name"], "Bob");
    assert_eq!(outcome.one("profile")["relay"].as_str().unwrap(), pair.relay.address());
    assert_eq!(outcome.one("contact")["standing"], "restored");
    assert_eq!(bob.ok(&["verify", "Ana"]).one("safety")["number"], number, "the same identity");
    let lines = bob.ok(&["read", "Ana", "--last", "50"]);
    assert_eq!(lines.texts(), ["one", "one", "two", "two"], "the history is there");
    assert!(events(&bob, "Ana")[0].contains("Restored from a backup"));

    // What is written meanwhile waits for the other side, and for both proofs.
    let waiting = bob.run(&["send", "Ana", "I am back", "--wait", "1"]);
    assert_eq!(waiting.code, Some(7), "{waiting:?}");
    eventually("both sides answer until both are proven, and the text goes out", || {
        pair.ana.ok(&["status"]);
        let bob = bob.ok(&["status"]);
        bob.one("contact")["standing"] == "contact" && bob.one("contact")["level"] == "mutual"
    });
    pair.ana.hears(&["I am back"]);
    pair.ana.ok(&["send", "Bob", "so you are"]);
    bob.hears(&["so you are"]);
    eventually("both see that it was read", || {
        let state = |person: &Person, who| {
            let lines = person.ok(&["read", who, "--last", "1", "--wait", "2"]);
            lines.out.last().unwrap()["state"].as_str().unwrap_or_default().to_owned()
        };
        bob.ok(&["status"]);
        state(&pair.ana, "Bob") == "read"
    });
    for (person, who) in [(&pair.ana, "Bob"), (&bob, "Ana")] {
        let contact = person.ok(&["contacts"]);
        assert_eq!(contact.one("contact")["alarm"], serde_json::Value::Null, "{who}");
        assert_eq!(contact.one("contact")["level"], "mutual", "{who}");
    }
    let told: Vec<String> =
        events(&pair.ana, "Bob").into_iter().filter(|event| event.contains("recovered")).collect();
    assert_eq!(told.len(), 1, "one visible recovery: {told:?}");
}

#[test]
fn the_old_profile_beside_a_restored_one_is_told_and_stopped() {
    let pair = Pair::talking();
    let file = pair.file("bob.backup");
    assert_eq!(pair.backup(&file).code, Some(0));
    let copy = pair.elsewhere("copy");
    assert_eq!(copy.run_with(&["restore", text(&file), "--no-passphrase"], &pair.words).code, Some(0));
    eventually("Ana's side answers, and tells the old one", || {
        pair.ana.ok(&["status"]);
        copy.ok(&["status"]);
        pair.bob.ok(&["status"]).one("contact")["alarm"] != serde_json::Value::Null
    });
    assert_eq!(pair.bob.run(&["send", "Ana", "who is that?"]).code, Some(10));
    assert!(events(&pair.bob, "Ana").iter().any(|event| event.contains("recovered in your name")));
}

#[test]
fn what_is_wrong_with_words_or_file_is_said_and_leaves_no_profile() {
    // BAK-05, BAK-08.
    let pair = Pair::talking();
    let file = pair.file("bob.backup");
    let none = pair.bob.run(&["backup", text(&file)]);
    assert_eq!(none.code, Some(13), "no words yet, and nobody to show them to");
    assert!(none.error().contains("subrosa words"), "{}", none.error());
    assert_eq!(pair.backup(&file).code, Some(0));
    let before = fs::read(&file).unwrap();
    let again = pair.bob.run(&["backup", text(&file)]);
    assert_eq!(again.code, Some(1), "never over a file without being asked");
    assert!(again.error().contains("is there already"), "{}", again.error());
    assert_eq!(fs::read(&file).unwrap(), before);
    assert_eq!(pair.bob.run(&["backup", text(&file), "--overwrite"]).code, Some(0), "the words are kept");
    assert_ne!(fs::read(&file).unwrap(), before);

    let bad = pair.words.replacen(pair.words.split(' ').nth(6).unwrap(), "zzzzzz", 1);
    let mut swapped: Vec<&str> = pair.words.split(' ').collect();
    swapped.rotate_left(1);
    let sound = fs::read(&file).unwrap();
    let (cut, flipped, newer) = (pair.file("cut"), pair.file("flipped"), pair.file("newer"));
    fs::write(&cut, &sound[..sound.len() - 1]).unwrap();
    let mut other = sound.clone();
    other[40_000] ^= 1;
    fs::write(&flipped, &other).unwrap();
    fs::write(&newer, [&[2], &sound[1..]].concat()).unwrap();
    let others = fresh(&pair.bob);
    let cases = [
        (&file, bad.as_str(), "word 7 (\"zzzzzz\")"),
        (&file, &swapped.join(" "), "belong together"),
        (&file, "abandon ability", "2 words"),
        (&file, &others, "do not open this backup"),
        (&cut, &pair.words, "not a complete backup"),
        (&flipped, &pair.words, "beginning of the file is damaged"),
        (&newer, &pair.words, "newer version"),
        (&pair.file("none"), &pair.words, "can't be read"),
    ];
    let new = pair.elsewhere("new");
    for (from, words, said) in cases {
        for args in [&["restore", text(from), "--no-passphrase"][..], &["backup", "--verify", text(from)]] {
            let outcome = new.run_with(args, words);
            assert_eq!(outcome.code, Some(13), "{args:?}: {outcome:?}");
            assert!(outcome.error().contains(said), "{args:?}: {}", outcome.error());
            assert!(!new.folder().join("vault.db").exists(), "{args:?}");
        }
    }
    let good = new.run_with(&["backup", "--verify", text(&file)], &pair.words);
    assert_eq!(good.code, Some(0), "{good:?}");
    assert!(!new.folder().exists(), "checking makes nothing");
    let there = pair.ana.run_with(&["restore", text(&file), "--no-passphrase"], &pair.words);
    assert_eq!(there.code, Some(3), "a profile is there already");
    let lying = fs::read_dir(pair.folder.path()).unwrap();
    let parts =
        lying.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".part"));
    assert_eq!(parts.count(), 0, "nothing unfinished lies about");
    let hay = Haystack::of(&pair.file("bob.backup").with_file_name("bob"));
    assert!(hay.with(pair.words.as_bytes()).is_empty());
}

#[test]
fn a_chat_is_exported_as_text_markdown_and_json() {
    let pair = Pair::talking();
    let loud = "*not bold*\nme: not me";
    assert_eq!(pair.ana.run_with(&["send", "Bob", "-"], loud).code, Some(0));
    pair.bob.hears(&[loud]);
    let plain = |args: &[&str]| {
        let mut command = std::process::Command::new(BINARIES.subrosa);
        let output = command.arg("--folder").arg(pair.bob.folder()).args(args).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let lines = plain(&["export", "Ana"]);
    assert!(lines.contains("Ana: one") && lines.contains("me: two"), "{lines}");
    assert!(
        lines.contains("Ana: *not bold*\n    me: not me"),
        "a second line is no line of somebody else: {lines}"
    );
    let marked = plain(&["export", "Ana", "--format", "markdown"]);
    assert!(marked.starts_with("# Ana\n") && marked.contains("> \\*not bold\\*"), "{marked}");
    let out = pair.file("chat.json");
    plain(&["export", "Ana", "--format", "json", "--out", text(&out)]);
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    let objects = fs::read_to_string(&out).unwrap();
    let texts: Vec<String> = objects
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter_map(|line| line["text"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(texts, ["one", "one", "two", "two", loud]);
}

/// The numbered words on a screen; numbers in the sentences stand above them.
fn shown(screen: &str) -> Vec<String> {
    let pieces: Vec<&str> = screen.split_whitespace().collect();
    let after = |number: usize| {
        let at = pieces.windows(2).rposition(|two| two[0] == number.to_string() && two[1].len() >= 3);
        at.map(|at| pieces[at + 1].to_owned())
    };
    (1..=24).map_while(after).collect()
}

/// Answers the question for one word that stands last on the screen, after `answered` others.
fn answer(screen: &mut Screen, answered: &mut Vec<usize>, say: impl Fn(usize) -> String) {
    let asked = |text: &str| -> Option<usize> {
        let last = text.lines().rev().find(|line| !line.trim().is_empty())?;
        last.trim().strip_prefix("Word ")?.strip_suffix(':')?.parse().ok()
    };
    let known = answered.clone();
    screen.wait("a question for another word", |text| {
        asked(text).is_some_and(|number| !known.contains(&number))
    });
    let number = asked(&screen.text()).unwrap();
    answered.push(number);
    screen.type_keys(&format!("{}\r", say(number)));
}

#[test]
fn the_words_are_shown_once_and_three_of_them_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let bob = Person::at(BINARIES, &folder.path().join("bob"));
    bob.ok(&["init", "--name", "Bob", "--no-passphrase"]);
    let file = folder.path().join("bob.backup");
    let mut screen = Screen::start(BINARIES, bob.folder(), &["backup", text(&file)]);
    screen.wait("24 words", |text| shown(text).len() == 24 && text.contains("Press Enter"));
    screen.wait_for("The words alone restore nothing, and the file alone restores nothing.");
    let words = shown(&screen.text());
    screen.type_keys("\r");
    // Three wrong answers would end it: one is forgiven, and asks for three others.
    answer(&mut screen, &mut Vec::new(), |_| "wrong".to_owned());
    screen.wait_for("Look at the paper");
    assert!(shown(&screen.text()).len() < 24, "the words are gone from the screen");
    let mut answered = Vec::new();
    for _ in 0..3 {
        answer(&mut screen, &mut answered, |number| words[number - 1].to_uppercase());
    }
    screen.wait_for("is good");
    assert_eq!(screen.ended(), 0);
    let good = bob.run_with(&["backup", "--verify", text(&file)], &words.join(" "));
    assert_eq!(good.code, Some(0), "{good:?}");
    // The second time nothing is shown.
    let again = bob.ok(&["backup", text(&file), "--overwrite"]);
    assert_eq!(again.out.len(), 1, "{again:?}");
}
