//! What the self-test at start-up costs: `cargo bench -p subrosa-crypto --bench self_test`.
//!
//! Spec: docs/security/vectors.md. Invariant: the longest of all rounds is printed beside the median, the first included.

use std::time::{Duration, Instant};

/// What it may cost in a release build.
const LIMIT: Duration = Duration::from_millis(5);
const ROUNDS: usize = 201;

fn main() {
    let mut rounds = [Duration::ZERO; ROUNDS].map(|_| {
        let start = Instant::now();
        subrosa_crypto::self_test().expect("every known answer is given");
        start.elapsed()
    });
    let first = rounds[0];
    rounds.sort();
    let (median, longest) = (rounds[ROUNDS / 2], rounds[ROUNDS - 1]);
    println!("self-test: first {first:.2?}, median {median:.2?}, longest of {ROUNDS} {longest:.2?}");
    assert!(median < LIMIT, "the limit is {LIMIT:?}");
}
