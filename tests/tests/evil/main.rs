//! Real clients and a relay whose operator lies: no wrong text is ever shown, gaps are, and no false alarm fires; a copied
//! profile is told by the other side.
//!
//! Spec: docs/security/threat-model.md; A10, A17, A27, A29. Invariant: whatever the operator did, bringing what was written
//! ends with every text once, in order.

mod copies;
mod liar;

use std::path::Path;

use liar::Liar;
use serde_json::Value;
use subrosa_codec::Cell;
use subrosa_tests::{Binaries, Person, Seed, binaries, eventually};
use subrosa_wire::QueueId;

pub(crate) const BINARIES: Binaries = binaries!();

/// Two contacts at a liar's relay.
struct Scene {
    folder: tempfile::TempDir,
    liar: Liar,
    ana: Person,
    bob: Person,
    /// The queue in which Bob hears Ana, and the one in which she hears him.
    to_bob: QueueId,
    to_ana: QueueId,
}

impl Scene {
    /// They met, and have said one thing each.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let liar = Liar::start();
        let person = |name: &str| person(&liar, folder.path(), name);
        let (ana, bob) = (person("Ana"), person("Bob"));
        ana.meets(&bob);
        ana.ok(&["send", "Bob", "hello Bob"]);
        let to_bob = liar.newest();
        bob.hears(&["hello Bob"]);
        bob.ok(&["send", "Ana", "hello Ana"]);
        let to_ana = liar.newest();
        ana.hears(&["hello Ana"]);
        Self { folder, liar, ana, bob, to_bob, to_ana }
    }

    /// Ana writes `texts`, and Bob has heard none of them yet: the cells of each, which may be more than one: what her
    /// client says by itself goes along.
    fn ana_writes(&self, texts: &[&str]) -> Vec<Vec<Cell>> {
        // What she had to say before is said.
        self.bob.ok(&["read"]);
        let one = |text: &&str| {
            let before = self.liar.lies(self.to_bob).len();
            self.ana.ok(&["send", "Bob", text]);
            let cells = self.liar.lies(self.to_bob).split_off(before);
            assert!(!cells.is_empty(), "{text}");
            cells
        };
        texts.iter().map(one).collect()
    }
}

pub(crate) fn person(liar: &Liar, folder: &Path, name: &str) -> Person {
    Person::new(BINARIES, &folder.join(name), name, &liar.address())
}

/// What stands on a screen, oldest first: texts of theirs, and gaps as `[n]`.
fn shown(person: &Person) -> Vec<String> {
    let outcome = person.ok(&["read", "--last", "1000"]);
    let theirs = outcome.all("message").filter(|row| row["mine"] == false);
    let row = |row: &Value| match row["kind"].as_str() {
        Some("text") => row["text"].as_str().unwrap().to_owned(),
        Some("gap" | "lost") => format!("[{}]", row["cells"]),
        other => format!("{other:?}"),
    };
    theirs.map(row).collect()
}

/// Waits until exactly `expected` stands on a person's screen.
fn shows(person: &Person, expected: &[impl AsRef<str>]) {
    let expected: Vec<&str> = expected.iter().map(AsRef::as_ref).collect();
    let mut seen = Vec::new();
    eventually(&format!("{expected:?}"), || {
        // What is wrong stays wrong; what is not there yet comes.
        seen = shown(person);
        if seen != expected {
            eprintln!("on the screen: {seen:?}");
        }
        seen == expected
    });
}

/// Waits until a person's only contact has this alarm.
pub(crate) fn alarmed(person: &Person, words: &str) {
    eventually(&format!("an alarm: {words}"), || {
        person.ok(&["read"]);
        alarm(person).is_some_and(|said| said.contains(words))
    });
}

/// The alarm of a person's only contact.
pub(crate) fn alarm(person: &Person) -> Option<String> {
    person.ok(&["contacts"]).one("contact")["alarm"].as_str().map(str::to_owned)
}

/// No alarm stands but the one that any relay can cause, says so, and stops nothing: three cells that can't be opened.
fn nothing_false(person: &Person) {
    for contact in person.ok(&["contacts"]).all("contact") {
        let said = contact["alarm"].as_str().unwrap_or_default();
        assert!(said.is_empty() || said.contains("could not be opened"), "a false alarm: {contact}");
    }
}

fn flipped(cell: &Cell, at: usize) -> Cell {
    let mut cell = cell.clone();
    cell.as_mut_bytes()[at] ^= 1 << (at % 8);
    cell
}

const FIVE: [&str; 5] = ["one", "two", "three", "four", "five"];

/// What Bob sees when everything has come.
fn all_of(texts: &[&str]) -> Vec<String> {
    ["hello Bob"].iter().chain(texts).map(|text| (*text).to_owned()).collect()
}

#[test]
fn reordered_cells_are_shown_in_the_order_in_which_they_were_written() {
    let scene = Scene::new();
    let mut cells = scene.ana_writes(&FIVE).concat();
    cells.reverse();
    scene.liar.rewrite(scene.to_bob, cells);
    scene.bob.hears(&FIVE);
    shows(&scene.bob, &all_of(&FIVE));
    assert_eq!(alarm(&scene.bob), None);
    scene.bob.ok(&["send", "Ana", "all here"]);
    scene.ana.hears(&["all here"]);
    assert_eq!(alarm(&scene.ana), None);
}

#[test]
fn a_withheld_cell_leaves_a_gap_until_it_comes_and_is_read_then() {
    let scene = Scene::new();
    let mut cells = scene.ana_writes(&FIVE);
    let withheld = cells.remove(2);
    let gap = format!("[{}]", withheld.len());
    scene.liar.rewrite(scene.to_bob, cells.concat());
    scene.bob.hears(&["one", "two", "four", "five"]);
    shows(&scene.bob, &all_of(&["one", "two", &gap, "four", "five"]));
    assert_eq!(scene.bob.unread(), Vec::<String>::new());
    scene.liar.rewrite(scene.to_bob, withheld);
    scene.bob.hears(&["three"]);
    assert_eq!(scene.bob.unread(), Vec::<String>::new());
    shows(&scene.bob, &all_of(&FIVE));
    assert_eq!(alarm(&scene.bob), None);
}

#[test]
fn a_dropped_cell_leaves_a_gap_and_the_talk_goes_on() {
    // Its sender brings it again after a day; crates/engine has that test, which moves the clock.
    let scene = Scene::new();
    let cells = scene.ana_writes(&FIVE);
    let gap = format!("[{}]", cells[..2].concat().len());
    scene.liar.rewrite(scene.to_bob, cells[2..].concat());
    scene.bob.hears(&FIVE[2..]);
    for text in ["and", "on"] {
        scene.bob.ok(&["send", "Ana", text]);
        scene.ana.hears(&[text]);
        scene.ana.ok(&["send", "Bob", text]);
        scene.bob.hears(&[text]);
    }
    shows(&scene.bob, &all_of(&[&gap, "three", "four", "five", "and", "on"]));
    assert_eq!((alarm(&scene.ana), alarm(&scene.bob)), (None, None));
}

#[test]
fn doubled_and_replayed_cells_show_nothing_twice_and_raise_no_alarm() {
    let scene = Scene::new();
    let cells = scene.ana_writes(&FIVE).concat();
    let doubled = cells.iter().chain(&cells).cloned().collect();
    scene.liar.rewrite(scene.to_bob, doubled);
    scene.bob.hears(&FIVE);
    scene.bob.ok(&["send", "Ana", "thanks"]);
    scene.ana.hears(&["thanks"]);
    // Everything that ever came, oldest and newest first, in both directions.
    for queue in [scene.to_bob, scene.to_ana] {
        let mut old = scene.liar.ever(queue);
        old.extend(old.clone().into_iter().rev());
        scene.liar.rewrite(queue, old);
    }
    assert_eq!(scene.bob.unread(), Vec::<String>::new());
    assert_eq!(scene.ana.unread(), Vec::<String>::new());
    shows(&scene.bob, &all_of(&FIVE));
    shows(&scene.ana, &["hello Ana", "thanks"]);
    assert_eq!((alarm(&scene.ana), alarm(&scene.bob)), (None, None));
}

#[test]
fn flipped_bits_show_nothing_and_the_genuine_cells_are_taken_after_them() {
    let scene = Scene::new();
    let cells = scene.ana_writes(&FIVE);
    // One in its header, one in its body, one in its last byte.
    let mut forged = cells.clone();
    for (at, byte) in [(0, 5), (2, 2000), (4, 4095)] {
        forged[at].iter_mut().for_each(|cell| *cell = flipped(cell, byte));
    }
    scene.liar.rewrite(scene.to_bob, forged.concat());
    scene.bob.hears(&["two", "four"]);
    assert!(shown(&scene.bob).iter().all(|row| row.starts_with('[') || all_of(&FIVE).contains(row)));
    nothing_false(&scene.bob);
    scene.liar.rewrite(scene.to_bob, cells.concat());
    scene.bob.hears(&["one", "three", "five"]);
    shows(&scene.bob, &all_of(&FIVE));
    scene.bob.ok(&["send", "Ana", "all here"]);
    nothing_false(&scene.ana);
    nothing_false(&scene.bob);
}

#[test]
fn garbage_without_end_stops_no_one_from_sending() {
    let scene = Scene::new();
    let cells: Vec<Cell> = scene.ana_writes(&FIVE).concat();
    let garbage = (0..40).flat_map(|at| {
        let cell = &cells[at % cells.len()];
        [flipped(cell, 1 + at), cell.clone()]
    });
    scene.liar.rewrite(scene.to_bob, garbage.collect());
    scene.bob.hears(&FIVE);
    // "Could not be opened" may be said, since the relay does that; nothing is latched by it.
    nothing_false(&scene.bob);
    scene.bob.ok(&["send", "Ana", "still here"]);
    scene.ana.hears(&["still here"]);
    shows(&scene.bob, &all_of(&FIVE));
}

#[test]
fn cells_in_a_queue_that_is_not_theirs_are_shown_to_nobody() {
    let scene = Scene::new();
    let eve = person(&scene.liar, scene.folder.path(), "Eve");
    eve.meets(&scene.bob);
    eve.ok(&["send", "Bob", "hello from Eve"]);
    let eve_to_bob = scene.liar.newest();
    assert_ne!(eve_to_bob, scene.to_bob);
    scene.bob.hears(&["hello from Eve"]);

    let from_ana = scene.ana_writes(&["Ana's secret"]).concat();
    eve.ok(&["send", "Bob", "Eve's secret"]);
    let from_eve = scene.liar.lies(eve_to_bob);
    scene.liar.rewrite(scene.to_bob, from_eve.clone());
    scene.liar.rewrite(eve_to_bob, from_ana.clone());
    // Ana's words come back to her, too.
    scene.liar.rewrite(scene.to_ana, from_ana.clone());
    assert_eq!(scene.bob.unread(), Vec::<String>::new(), "no words under another's name");
    assert_eq!(scene.ana.unread(), Vec::<String>::new(), "no own words as a contact's");
    scene.liar.rewrite(scene.to_bob, from_ana);
    scene.liar.rewrite(eve_to_bob, from_eve);
    let mut said: Vec<(String, String)> = Vec::new();
    eventually("both secrets", || {
        let outcome = scene.bob.ok(&["read"]);
        let word = |row: &Value, field: &str| row[field].as_str().unwrap().to_owned();
        said.extend(
            outcome
                .all("message")
                .filter(|row| row["kind"] == "text")
                .map(|row| (word(row, "name"), word(row, "text"))),
        );
        said.len() >= 2
    });
    said.sort_unstable();
    let expected = [("Ana", "Ana's secret"), ("Eve", "Eve's secret")];
    assert_eq!(said, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    for person in [&scene.ana, &scene.bob] {
        nothing_false(person);
    }
}

#[test]
fn a27_a_swapped_bundle_is_refused_and_says_not_to_trust_the_relay() {
    // INV-40.
    let folder = tempfile::tempdir().unwrap();
    let liar = Liar::start();
    let person = |name: &str| person(&liar, folder.path(), name);
    let (ana, bob, eve) = (person("Ana"), person("Bob"), person("Eve"));
    // An address is handed out for ever; a one-time invite burns each time, so there is a new one for each.
    for (name, make) in [("address", Person::address as fn(&Person) -> String), ("invite", Person::invite)] {
        for lie in ["another's", "a flipped bit", "nothing"] {
            drop(make(&eve));
            let of_eve = liar.put().bundle;
            let link = make(&ana);
            let genuine = liar.put();
            let bundle = match lie {
                "another's" => of_eve,
                "a flipped bit" => flipped(&genuine.bundle, 1234),
                _ => Cell::zeroed(),
            };
            liar.swap_bundle(&genuine, bundle);
            let outcome = bob.run(&["add", &link]);
            assert_eq!(outcome.code, Some(8), "{name}, {lie}: {outcome:?}");
            assert!(outcome.error().contains("Do not trust this relay"), "{}", outcome.error());
            assert_eq!(bob.ok(&["contacts"]).all("contact").count(), 0, "nobody was added");
        }
    }
    assert_eq!(ana.ok(&["requests"]).all("request").count(), 0);
}

#[test]
fn an_expired_invite_says_so_and_adds_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let liar = Liar::start();
    let person = |name: &str| person(&liar, folder.path(), name);
    let (ana, bob) = (person("Ana"), person("Bob"));
    let link = ana.invite();
    liar.passes(1);
    let outcome = bob.run(&["add", &link]);
    assert_eq!(outcome.code, Some(8), "{outcome:?}");
    assert!(outcome.error().contains("expired"), "{}", outcome.error());
    assert!(outcome.error().contains("ask for a new one"), "{}", outcome.error());
    assert_eq!(bob.ok(&["contacts"]).all("contact").count(), 0);
}

#[test]
fn a17_whatever_a_seeded_liar_does_each_text_is_shown_once_and_in_order() {
    let scene = Scene::new();
    let mut seed = Seed::of_run();
    let mut written: [Vec<String>; 2] = [vec!["hello Bob".to_owned()], vec!["hello Ana".to_owned()]];
    let rounds = std::env::var("SUBROSA_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(25);
    for round in 0..rounds {
        let side = seed.below(2) as usize;
        let (sender, name) = [(&scene.ana, "Bob"), (&scene.bob, "Ana")][side];
        let text = format!("text {round}");
        sender.ok(&["send", name, &text]);
        written[side].push(text);
        let queue = [scene.to_bob, scene.to_ana][seed.below(2) as usize];
        scene.liar.rewrite(queue, mischief(&scene, queue, &mut seed));
        if seed.below(3) == 0 {
            let (reader, of) = [(&scene.bob, &written[0]), (&scene.ana, &written[1])][seed.below(2) as usize];
            let mut rest = of.iter();
            for row in shown(reader).iter().filter(|row| !row.starts_with('[')) {
                assert!(
                    rest.any(|text| text == row),
                    "round {round}: {row:?} is wrong, doubled or out of order"
                );
            }
        }
    }
    for queue in [scene.to_bob, scene.to_ana] {
        scene.liar.rewrite(queue, scene.liar.ever(queue));
    }
    for (reader, of) in [(&scene.bob, &written[0]), (&scene.ana, &written[1])] {
        shows(reader, of);
        nothing_false(reader);
    }
    assert!(scene.liar.came() > rounds);
}

/// What the liar makes of what lies in `queue`.
fn mischief(scene: &Scene, queue: QueueId, seed: &mut Seed) -> Vec<Cell> {
    let mut cells = scene.liar.lies(queue);
    if cells.is_empty() {
        return cells;
    }
    let at = seed.below(cells.len() as u64) as usize;
    match seed.below(7) {
        0 => cells.reverse(),
        1 => drop(cells.remove(at)),
        2 => cells.push(cells[at].clone()),
        3 => cells[at] = flipped(&cells[at], seed.below(4096) as usize),
        4 => {
            let old = scene.liar.ever(queue);
            cells.extend(old.into_iter().rev().take(6));
        }
        5 => {
            // From the other direction, or from the other end of the other direction.
            let other = if queue == scene.to_bob { scene.to_ana } else { scene.to_bob };
            cells.extend(scene.liar.ever(other).into_iter().take(2));
        }
        _ => cells.rotate_left(at),
    }
    cells
}
