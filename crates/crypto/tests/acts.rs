//! Random lists of acts over two and three people, one list for everything that may happen to them.
//!
//! Spec: docs/spec/ratchet.md, docs/spec/recovery.md, docs/spec/handshake.md. Invariant: no wrong content, no content
//! twice, no (key, nonce) twice, no state changed by a failure, everything in time is readable, both sides agree at rest,
//! and an alarm is latched exactly when a copy or an old state has spoken (A5, A8, A9, A10, A17, A28, A33, A35).
//!
//! `SUBROSA_CASES=10000 cargo test --release -p subrosa-crypto --test acts` is the long form. A failure prints its seed
//! and the shortest list; `SUBROSA_SEED=<seed>` plays that one again, and the list goes into [`known`].

#[path = "acts/mod.rs"]
mod acts;

use std::panic::{AssertUnwindSafe, catch_unwind};

use acts::{Act, Meeting, Setting, What, draw, play, shrink};

/// Lists that each test plays in the short form.
const CASES: u64 = 12;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// A panic of the code under test is a fault like any other.
fn fault(setting: Setting, acts: &[Act]) -> Option<String> {
    match catch_unwind(AssertUnwindSafe(|| play(setting, acts))) {
        Ok(Ok(())) => None,
        Ok(Err(fault)) => Some(fault),
        Err(_) => Some("a panic, see above".into()),
    }
}

fn campaign(people: usize, forks: bool) {
    let (first, cases) = match number("SUBROSA_SEED") {
        Some(seed) => (seed, 1),
        None => (1, number("SUBROSA_CASES").unwrap_or(CASES)),
    };
    for seed in first..first + cases {
        let (setting, acts) = draw(people, forks, seed);
        if fault(setting, &acts).is_some() {
            let short = shrink(&acts, |acts| fault(setting, acts).is_some());
            let why = fault(setting, &short).unwrap_or_default();
            panic!("SUBROSA_SEED={seed} ({people} people, forks {forks}): {why}\n{setting:?}\n{short:?}");
        }
    }
}

#[test]
fn two_honest_people_over_any_network_lose_double_and_mistake_nothing() {
    campaign(2, false);
}

#[test]
fn three_honest_people_over_any_network_lose_double_and_mistake_nothing() {
    campaign(3, false);
}

#[test]
fn two_people_who_are_copied_and_restored_and_recover_repeat_no_nonce_and_know_of_it() {
    campaign(2, true);
}

#[test]
fn three_people_who_are_copied_and_restored_and_recover_repeat_no_nonce_and_know_of_it() {
    campaign(3, true);
}

/// Lists that failed once, or that show something.
#[test]
fn known() {
    let lists: [(Setting, &[(What, u8, u16, u32)]); 2] = [
        (Setting { people: 2, meeting: Meeting::Crossing, forks: false, seed: 1 }, &[]),
        (Setting { people: 3, meeting: Meeting::Address, forks: true, seed: 2 }, &[(What::Recover, 0, 0, 1)]),
    ];
    for (setting, acts) in lists {
        let acts: Vec<_> =
            acts.iter().map(|&(what, pair, n, seed)| Act { what, pair, n, seed }).collect();
        assert_eq!(play(setting, &acts), Ok(()), "{setting:?} {acts:?}");
    }
}
