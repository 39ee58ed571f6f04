//! Other people's vectors through this crate's own wrappers: Wycheproof whole, and the RFCs.
//!
//! Spec: docs/spec/README.md, "Primitives"; docs/security/vectors.md has the numbers. Invariant: every case of a set ends in
//! one of its counted verdicts, and the counts are compared for equality, so that none is skipped in silence.

mod aead;
mod dh;
mod kdf;
mod kem;
mod rfc;

mod signature;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use std::println;

/// What became of the cases of one set.
struct Tally {
    set: &'static str,
    verdicts: BTreeMap<&'static str, usize>,
}

impl Tally {
    fn of(set: &'static str) -> Self {
        Self { set, verdicts: BTreeMap::new() }
    }

    /// One case ended so.
    fn count(&mut self, verdict: &'static str) {
        *self.verdicts.entry(verdict).or_default() += 1;
    }

    /// Prints the counts, which must be `want`, and no case missing of the `total` that the set says it has.
    fn is(&self, total: usize, want: &[(&'static str, usize)]) {
        println!("{}: {total} cases", self.set);
        self.verdicts.iter().for_each(|(verdict, count)| println!("    {count:>5}  {verdict}"));
        let want: BTreeMap<_, _> = want.iter().copied().collect();
        assert_eq!(self.verdicts, want, "{}", self.set);
        assert_eq!(self.verdicts.values().sum::<usize>(), total, "{}: a case was not counted", self.set);
    }
}

/// Bytes as the documents print them: hexadecimal with white space anywhere.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|sign| !sign.is_ascii_whitespace()).collect();
    hex::decode(digits).unwrap()
}

/// The same, of a length that the caller knows.
fn array<const N: usize>(text: &str) -> [u8; N] {
    hex(text).try_into().unwrap()
}

#[test]
#[should_panic(expected = "a case was not counted")]
fn a_case_that_is_skipped_is_noticed() {
    let mut tally = Tally::of("one of two");
    tally.count("agrees");
    tally.is(2, &[("agrees", 1)]);
}
