//! The model keeps the rules that it is the measure of.

use crate::conformance::{self, Bench};
use crate::{Limits, MemStore};

struct Memory;

impl Bench for Memory {
    type Store = MemStore;

    fn fresh(&mut self, limits: &Limits) -> MemStore {
        MemStore::new(*limits)
    }

    fn reopen(&mut self, store: MemStore, _limits: &Limits) -> MemStore {
        store.reopen()
    }
}

#[test]
fn the_model_keeps_every_rule_of_stores() {
    let mut rules = 0;
    conformance::each(&mut Memory, |rule| {
        println!("{rule}");
        rules += 1;
    });
    assert!(rules > 40, "{rules} rules ran");
}
