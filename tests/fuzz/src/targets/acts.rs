//! The acts of crates/crypto/tests/acts, made from bytes: people, copies, crashes and a network over the ratchet.
//!
//! Spec: docs/spec/ratchet.md, docs/spec/recovery.md. Invariant: the same as of the property tests, whose one list of acts
//! this is. The locks are real here: what was changed on its way must not open.

use super::Target;

#[path = "../../../../crates/crypto/tests/acts/mod.rs"]
mod list;

use list::{Act, Meeting, Setting, play};

/// Acts of one input: enough for a fork, few enough to try many.
const MOST: usize = 24;

pub(super) const TARGETS: &[Target] = &[Target { name: "acts", longest: 1 + 8 * MOST, run: acts, seeds }];

/// The setting 1, then acts of 8 bytes.
fn acts(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else { return };
    let meeting = [Meeting::OneTime, Meeting::Address, Meeting::Crossing][usize::from(first / 2 % 3)];
    let people = if first & 1 == 0 { 2 } else { 3 };
    let setting = Setting { people, meeting, forks: true, seed: 1 };
    let acts: Vec<_> = rest.as_chunks().0.iter().take(MOST).map(|bytes| Act::parse(*bytes)).collect();
    if let Err(fault) = play(setting, &acts) {
        panic!("{fault}\n{setting:?} {acts:?}");
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let lists = (1..7).map(|seed: u8| {
        let (_, acts) = list::draw(2, true, u64::from(seed));
        let bytes = acts.iter().take(MOST).flat_map(|act| act.write());
        [seed].into_iter().chain(bytes).collect()
    });
    lists.collect()
}
