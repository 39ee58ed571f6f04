//! The conformance suite: what every [`Store`] must do, run against real stores by their own tests.
//!
//! Spec: docs/spec/relay.md. Invariant: it passes for [`crate::MemStore`], and what it does not pin, a
//! store may choose.
//!
//! It is an ordinary public module, so that a store in another crate, on a real disk, runs exactly these
//! rules: [`run`] with a [`Bench`] that makes and restarts the store.

use crate::{Access, Limits, Store};

mod blobs;
mod desk;
mod expiry;
mod invites;
mod knowledge;
mod model;
mod queues;
mod restart;

/// Makes and restarts the stores under test.
pub trait Bench {
    /// The store under test.
    type Store: Store;

    /// A new, empty store with these limits. Where [`Limits::chunks`] is 0 it offers no blobs.
    fn fresh(&mut self, limits: &Limits) -> Self::Store;

    /// The same store after its process was stopped and started again, with the same limits.
    fn reopen(&mut self, store: Self::Store, limits: &Limits) -> Self::Store;

    /// Whether the store can keep blobs at all.
    fn keeps_blobs(&self) -> bool {
        true
    }

    /// How many random histories to compare with the model; fewer for a store that syncs a slow disk.
    fn histories(&self) -> u64 {
        16
    }
}

/// Limits small enough that a test meets each of them.
const SMALL: Limits = Limits {
    access: Access::Open,
    queues: 3,
    queue_cells: 6,
    cells: 14,
    invites: 2,
    blob_chunks: 4,
    chunks: 4,
    cell_days: 30,
    lease_days: 384,
    invite_days: 30,
    blob_days: 30,
    connections: 8,
    handles: 8,
    puts: 8,
    output: 1 << 20,
    output_total: 1 << 20,
    sweep: 256,
};

/// One rule: a sentence, and the check that it holds.
type Rule<B> = (&'static str, fn(&mut B));

/// Runs every rule against stores of `bench`.
///
/// # Panics
/// On the first rule that is broken; the message says what was expected.
pub fn run<B: Bench>(bench: &mut B) {
    each(bench, |_| {});
}

/// As [`run`], telling `begin` each rule before it is checked.
///
/// # Panics
/// On the first rule that is broken.
pub fn each<B: Bench>(bench: &mut B, mut begin: impl FnMut(&'static str)) {
    let mut check = |bench: &mut B, rules: &[Rule<B>]| {
        for (sentence, rule) in rules {
            begin(sentence);
            rule(bench);
        }
    };
    check(bench, &queues::rules());
    check(bench, &invites::rules());
    check(bench, &expiry::rules());
    check(bench, &restart::rules());
    check(bench, &knowledge::rules());
    if bench.keeps_blobs() {
        check(bench, &blobs::rules());
    }
    check(bench, &model::rules());
}
