//! The vectors that the second implementation made: tests/second/vectors/, written by tests/second/make.py.
//!
//! Spec: docs/spec/, every page but at-rest. Invariant: whatever that implementation computed from the spec alone comes
//! out here too, errors, events and alarms included; a file changes only together with the spec.

#[path = "../examples/peer/party.rs"]
mod party;

use std::collections::BTreeMap;

use party::Party;
use sha2::{Digest, Sha256};
use subrosa_crypto::{Identity, IdentitySeed, SafetyNumber};

const TODAY: u32 = 20_000;
const NOW: u64 = 20_000 * 86_400_000;

type Row = BTreeMap<String, String>;

/// One object of strings in a line, without escapes: every second piece between quotes is a name or a value.
fn rows(file: &str) -> Vec<Row> {
    let objects = file.lines().filter(|line| line.starts_with('{'));
    let rows: Vec<Row> = objects
        .map(|line| {
            let strings: Vec<String> = line.split('"').skip(1).step_by(2).map(str::to_owned).collect();
            strings.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
        })
        .collect();
    assert!(!rows.is_empty());
    rows
}

fn bytes(first: u8, n: usize) -> String {
    let up: Vec<u8> = (0..n).map(|i| first.wrapping_add(i as u8)).collect();
    hex::encode(up)
}

fn sha(cells: &[&str]) -> String {
    let mut hash = Sha256::new();
    cells.iter().for_each(|cell| hash.update(hex::decode(cell).unwrap()));
    hex::encode(hash.finalize())
}

/// `offset:hex` in turn, laid over `cell`.
fn patched(cell: &str, patch: &str) -> String {
    let mut cell = cell.to_owned();
    for run in patch.split(',').filter(|run| !run.is_empty()) {
        let (at, new) = run.split_once(':').unwrap();
        let at = 2 * at.parse::<usize>().unwrap();
        cell.replace_range(at..at + new.len(), new);
    }
    cell
}

fn queue(byte: u8) -> String {
    let mut raw = vec![1, 0];
    raw.extend([byte; 32]);
    raw.extend([byte + 1; 32]);
    raw.extend(4433_u16.to_le_bytes());
    raw.push(13);
    raw.extend(b"relay.example");
    raw.resize(340, 0);
    hex::encode(raw)
}

fn person(seed: u8) -> Party {
    let mut party = Party::new();
    ok(&mut party, &format!("identity {} 0", hex::encode([seed; 32])));
    party
}

/// The words of an answer that has to be `ok`.
fn ok(party: &mut Party, line: &str) -> Vec<String> {
    let answer = party.answer(line);
    let words = answer.strip_prefix("ok").unwrap_or_else(|| panic!("{answer}"));
    words.split_whitespace().map(str::to_owned).collect()
}

/// As the second implementation writes it: the words, or the error.
fn said(answer: &str) -> &str {
    answer.split_once(' ').unwrap().1.trim()
}

/// The error, or `taken`.
fn verdict(answer: &str) -> &str {
    answer.strip_prefix("err ").unwrap_or("taken")
}

/// Ida makes the invite of the vectors: link and bundle.
fn invite(ida: &mut Party, kind: &str) -> (String, String) {
    let (relay, host, name) = (hex::encode([0x20; 32]), hex::encode("relay.example"), hex::encode("Ida"));
    let rng = bytes(3, 152);
    let line = format!("invite {kind} {relay} {host} 4433 {} {name} 20007 {rng}", queue(0x30));
    let words = ok(ida, &line);
    (words[0].clone(), words[1].clone())
}

/// Jon answers it: the handshake cell.
fn join(jon: &mut Party, (link, bundle): &(String, String)) -> String {
    let (name, greeting, rng) = (hex::encode("Jon"), hex::encode("hi"), bytes(0x83, 32));
    let line = format!("join s {link} {bundle} {TODAY} {} {name} {greeting} {rng}", queue(0x30));
    ok(jon, &line).remove(0)
}

#[test]
fn identities_and_safety_numbers() {
    let rows = rows(include_str!("../../../tests/second/vectors/identities.json"));
    let seed = |row: &Row| IdentitySeed::from_bytes(hex::decode(&row["seed"]).unwrap().try_into().unwrap());
    let people: Vec<Identity> =
        rows.iter().map(|row| Identity::derive(&seed(row), row["index"].parse().unwrap())).collect();
    for (at, row) in rows.iter().enumerate() {
        let (one, next) = (people[at].public(), people[(at + 1) % people.len()].public());
        assert_eq!(sha(&[&hex::encode(one.as_bytes())]), row["public"]);
        assert_eq!(hex::encode(one.fingerprint().0), row["fingerprint"]);
        let number = SafetyNumber::of(one, next);
        assert_eq!(number.to_string(), row["digits with the next"]);
        assert_eq!(number.qr_payload(), row["code"]);
        assert!(number.matches_qr(&row["code"]));
    }
}

#[test]
fn links() {
    let mut party = Party::new();
    for row in rows(include_str!("../../../tests/second/vectors/links.json")) {
        assert_eq!(said(&party.answer(&format!("link {}", row["text"]))), row["is"], "{}", row["name"]);
    }
}

#[test]
fn first_contact() {
    let (mut kind, mut made, mut honest) = (String::new(), Default::default(), String::new());
    let mut jon = person(0x0b);
    for row in rows(include_str!("../../../tests/second/vectors/contacts.json")) {
        let name = &row["name"];
        match row["what"].as_str() {
            "invite" => {
                kind.clone_from(&row["kind"]);
                made = invite(&mut person(0x0a), &kind);
                honest = join(&mut jon, &made);
                assert_eq!((&made.0, sha(&[&made.1])), (&row["link"], row["bundle"].clone()));
                assert_eq!(sha(&[&honest]), row["cell"], "{name}");
            }
            "bundle" => {
                let bundle = patched(&made.1, &row["patch"]);
                let answer = jon.answer(&format!("bundle {} {bundle} {TODAY}", made.0));
                assert_eq!(said(&answer), row["is"], "{name}");
            }
            _ => {
                let mut ida = person(0x0a);
                invite(&mut ida, &kind);
                if name.starts_with("repeat") {
                    ok(&mut ida, &format!("accept s {honest}"));
                }
                let cell = patched(&honest, &row["patch"]);
                assert_eq!(verdict(&ida.answer(&format!("accept s {cell}"))), row["is"], "{name}");
            }
        }
    }
}

#[test]
fn recoveries() {
    let (mut ida, mut jon) = (person(0x0a), person(0x0b));
    let public =
        |party: &mut Party, seed: u8| ok(party, &format!("identity {} 0", hex::encode([seed; 32]))).remove(0);
    let (ida_public, jon_public) = (public(&mut ida, 0x0a), public(&mut jon, 0x0b));
    let (mut honest, mut key) = (String::new(), String::new());
    for row in rows(include_str!("../../../tests/second/vectors/recoveries.json")) {
        if row["what"] == "recovery" {
            key.clone_from(&row["key"]);
            let (hint, rng) = (hex::encode([0x60; 32]), bytes(0x85, 32));
            let line = format!("recover s {ida_public} {key} {} 2 7 {hint} {rng}", queue(0x50));
            honest = ok(&mut jon, &line).remove(0);
            assert_eq!(sha(&[&honest]), row["cell"]);
            assert_eq!(ok(&mut jon, "state s")[0], row["session"]);
            continue;
        }
        let (cell, other) = (patched(&honest, &row["patch"]), bytes(1, 36));
        let answer = ida.answer(&format!("accept-recovery s {jon_public} {other} {key} {cell}"));
        assert_eq!(verdict(&answer), row["is"], "{}", row["name"]);
    }
}

/// The two of a conversation, Jon first, and every cell that was sealed.
struct Chat {
    people: [Party; 2],
    cells: Vec<String>,
}

impl Chat {
    fn meet(kind: &str) -> Self {
        let mut people = [person(0x0b), person(0x0a)];
        let made = invite(&mut people[1], kind);
        let cell = join(&mut people[0], &made);
        ok(&mut people[1], &format!("accept s {cell}"));
        Self { people, cells: Vec::new() }
    }

    /// Does what the row says and gives what the second implementation would write.
    fn act(&mut self, row: &Row) -> String {
        let party = &mut self.people[row["who"].parse::<usize>().unwrap()];
        let cell = |name: &str| &self.cells[row[name].parse::<usize>().unwrap()];
        match row["act"].as_str() {
            "seal" => {
                let [session, weight, index, count, content] =
                    ["session", "weight", "index", "count", "content"].map(|name| &row[name]);
                let rng = bytes(row["random"].parse().unwrap(), 160);
                let answer =
                    party.answer(&format!("seal {session} {weight} {index} {count} {content} {rng}"));
                let Some(made) = answer.strip_prefix("ok ") else { return said(&answer).to_owned() };
                let (cell, seq) = made.split_once(' ').unwrap();
                self.cells.push(cell.to_owned());
                format!("{} {seq}", sha(&[cell]))
            }
            "burst" => {
                let from = self.cells.len();
                for first in 0..row["n"].parse::<usize>().unwrap() {
                    let rng = bytes(first as u8, 160);
                    let line = format!("seal s {} 0 1 - {rng}", row["weight"]);
                    self.cells.push(ok(party, &line).remove(0));
                }
                sha(&self.cells[from..].iter().map(String::as_str).collect::<Vec<_>>())
            }
            "open" => {
                said(&party.answer(&format!("open {} {} {NOW}", row["session"], cell("cell")))).to_owned()
            }
            "forged" => {
                ok(party, "copy s aside");
                let cell = patched(cell("cell"), &row["patch"]);
                said(&party.answer(&format!("open aside {cell} {NOW}"))).to_owned()
            }
            _ => said(&party.answer(&row["command"])).to_owned(),
        }
    }
}

#[test]
fn conversations() {
    let mut chat = None;
    for row in rows(include_str!("../../../tests/second/vectors/ratchet.json")) {
        if row["act"] == "meet" {
            chat = Some(Chat::meet(&row["kind"]));
            continue;
        }
        let said = chat.as_mut().unwrap().act(&row);
        assert_eq!(said, row["is"], "{row:?}");
    }
}
