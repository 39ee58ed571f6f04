//! Erased means erased: this process's own memory, searched for every secret after its sessions were dropped.
//!
//! Spec: docs/security/erasure.md. Invariant: the process that is searched never holds a copy of a needle that the product
//! did not make itself: the parent, which runs the same acts under the same seed, learns all secrets and tells fingerprints.
//!
//! ```text
//! parent                                   child, a process of its own
//! acts(seed), every secret noted           acts(seed), everything dropped (or one kept on purpose)
//! fingerprints of 8-byte words  --stdin--> reads /proc/self/mem, all readable maps, at every offset
//! words back to kinds of secret <--stdout- "hit" fingerprint, where
//! ```

mod acts;
mod depth;
mod needles;
mod scan;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::{env, println};

pub(crate) use needles::witness;

/// What the child leaves behind on purpose.
const LEFT: &str = "SUBROSA_ERASURE_LEFT";

/// Searches a child that left `left` behind; the kinds found, each with the places.
fn search(left: &str) -> BTreeMap<String, BTreeSet<String>> {
    let needles = needles::of(acts::all);
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "erasure::the_searched_process", "--ignored", "--nocapture", "--test-threads=1"])
        .env(LEFT, left)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let words: Vec<u8> = needles.words().flat_map(u64::to_le_bytes).collect();
    child.stdin.take().unwrap().write_all(&words).unwrap();
    let out = child.wait_with_output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success(), "{text}");
    let searched = text.lines().find_map(|line| line.strip_prefix("searched ")).unwrap();
    println!("{left}: {} secrets, {} words; searched {searched}", needles.secrets, needles.words().count());
    let mut found = BTreeMap::<String, BTreeSet<String>>::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("hit ")) {
        let (word, place) = line.split_once(' ').unwrap();
        for kind in needles.kinds(word.parse().unwrap()) {
            found.entry(kind.to_string()).or_default().insert(place.to_string());
        }
    }
    found.iter().for_each(|(kind, places)| println!("    {kind}: {places:?}"));
    found
}

/// The kinds that docs/security/erasure.md promises, as their purposes are called.
const KINDS: [&str; 6] = [
    "ratchet::keys::purpose::Root",
    "ratchet::keys::purpose::Chain",
    "ratchet::keys::purpose::Message",
    "ratchet::keys::purpose::Header",
    "kem::SeedPurpose",
    "dh::Scalar",
];

#[test]
fn nothing_of_a_dropped_session_is_left_in_memory() {
    assert_eq!(search("nothing"), BTreeMap::new());
}

#[test]
fn the_search_sees_one_secret_of_each_kind_that_is_kept() {
    let found = search("sessions");
    for kind in KINDS {
        assert!(found.contains_key(kind), "{kind} was kept and not seen");
    }
}

#[test]
fn the_search_sees_a_copy_that_was_freed_and_one_on_a_stack_that_was_left() {
    for left in ["freed", "stack"] {
        let found = search(left);
        let kinds: Vec<_> = found.keys().map(String::as_str).collect();
        assert_eq!(kinds, ["kem::SeedPurpose"], "{left}");
    }
}

#[test]
#[ignore = "started by the other tests of this file, in a process of its own"]
fn the_searched_process() {
    let left = env::var(LEFT).unwrap();
    let mut words = Vec::new();
    std::io::stdin().read_to_end(&mut words).unwrap();
    let words = words.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
    let (done, wait) = std::sync::mpsc::channel();
    // A thread whose stack stays as the acts left it: it waits for an end that never comes.
    std::thread::spawn(move || {
        let kept = acts::deep(|| acts::leaving(&left));
        done.send(()).unwrap();
        std::thread::park();
        drop(kept);
    });
    wait.recv().unwrap();
    scan::own_memory(words);
}
