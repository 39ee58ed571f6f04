//! A profile that was copied, and one that was put back: the other side is told, and the owner too.
//!
//! Spec: docs/spec/ratchet.md, "Alarms and latches"; A9, A10, A29.
//! Invariant: an alarm stops sending until the person chose.

use std::path::Path;
use std::process::Command;

use subrosa_tests::{Person, RelayProcess};

use crate::{BINARIES, alarm, alarmed};

/// Two contacts at an honest relay, with a conversation behind them.
struct Talk {
    folder: tempfile::TempDir,
    _relay: RelayProcess,
    ana: Person,
    bob: Person,
}

impl Talk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let relay = RelayProcess::start(BINARIES, &folder.path().join("relay"));
        let person = |name: &str| Person::new(BINARIES, &folder.path().join(name), name, relay.address());
        let (ana, bob) = (person("Ana"), person("Bob"));
        ana.meets(&bob);
        let talk = Self { folder, _relay: relay, ana, bob };
        talk.turn("first");
        talk
    }

    /// Each says `text` to the other, who reads it.
    fn turn(&self, text: &str) {
        say(&self.ana, "Bob", text, &self.bob);
        say(&self.bob, "Ana", text, &self.ana);
    }

    /// Bob's folder, copied while he is away.
    fn copy_of_bob(&self) -> Person {
        let copy = self.folder.path().join("copy");
        copy_folder(self.bob.folder(), &copy);
        Person::at(BINARIES, &copy)
    }

    /// Bob's folder is what it was when `old` was taken.
    fn put_back(&self, old: &Person) {
        std::fs::remove_dir_all(self.bob.folder()).unwrap();
        copy_folder(old.folder(), self.bob.folder());
    }
}

fn say(from: &Person, name: &str, text: &str, to: &Person) {
    from.ok(&["send", name, text]);
    to.hears(&[text]);
}

fn copy_folder(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

#[test]
fn a10_two_devices_with_one_profile_raise_the_alarm_at_the_other_side() {
    let talk = Talk::new();
    let clone = talk.copy_of_bob();
    say(&talk.bob, "Ana", "this is Bob", &talk.ana);
    assert_eq!(alarm(&talk.ana), None, "one device alone raises none");
    clone.ok(&["send", "Ana", "and this is a copy of him"]);
    alarmed(&talk.ana, "second copy");
    let refused = talk.ana.run(&["send", "Bob", "to whom?"]);
    assert_eq!(refused.code, Some(10), "{refused:?}");
    assert!(refused.error().contains("second copy"), "{}", refused.error());
    // The person decides.
    talk.ana.ok(&["unlatch", "Bob"]);
    talk.ana.ok(&["send", "Bob", "I looked into it"]);
}

#[test]
fn two_devices_that_both_stepped_are_told_by_the_first_cell_of_the_second() {
    let talk = Talk::new();
    let clone = talk.copy_of_bob();
    talk.turn("more");
    talk.turn("and more");
    clone.ok(&["send", "Ana", "late, from the copy"]);
    alarmed(&talk.ana, "second copy");
}

#[test]
fn an_old_copy_that_was_put_back_is_told_by_what_the_other_side_has_seen() {
    let talk = Talk::new();
    let old = talk.copy_of_bob();
    say(&talk.bob, "Ana", "after the copy", &talk.ana);
    talk.ana.ok(&["send", "Bob", "seen"]);
    talk.put_back(&old);
    talk.bob.hears(&["seen"]);
    alarmed(&talk.bob, "older than");
    assert_eq!(talk.bob.run(&["send", "Ana", "here"]).code, Some(10));
    assert_eq!(talk.bob.run(&["unlatch", "Ana"]).code, Some(10), "an own rollback can't be waved through");
}

#[test]
fn a_much_older_copy_can_open_nothing_and_says_so() {
    let talk = Talk::new();
    let old = talk.copy_of_bob();
    talk.turn("after the copy");
    talk.turn("and again");
    talk.put_back(&old);
    for text in ["are", "you", "there?"] {
        talk.ana.ok(&["send", "Bob", text]);
    }
    alarmed(&talk.bob, "could not be opened");
    assert_eq!(talk.bob.unread(), Vec::<String>::new());
    // Nothing is latched by what a relay alone could do: but its first word is told at the other side.
    talk.bob.ok(&["send", "Ana", "from the old copy"]);
    alarmed(&talk.ana, "second copy");
}

#[test]
fn an_old_copy_that_speaks_first_raises_the_alarm_at_the_other_side() {
    let talk = Talk::new();
    let old = talk.copy_of_bob();
    talk.turn("after the copy");
    talk.put_back(&old);
    talk.bob.ok(&["send", "Ana", "from the old copy"]);
    alarmed(&talk.ana, "second copy");
}
