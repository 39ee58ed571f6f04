//! [`MemVault`]: a vault in memory, the model that the one on disk is compared with; [`Index`] is shared by both.
//!
//! Spec: docs/ARCHITECTURE.md, "The client's rows". Invariant: an event's changes are applied all or not at all.

mod index;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;
use core::ops::ControlFlow;

use rand_core::CryptoRng;
use subrosa_codec::Millis;

pub use index::Index;

use crate::api::{Answer, CommandError, ContactId, Done, MessageId, Position, Query};
use crate::event::{Effect, Event, Job, Transition};
use crate::rows::{Bytes, Change, Corrupt, Key, Rows, Span, Table};

/// All rows of one person, in memory. [`MemVault::snapshot`] is what a disk would hold at that moment.
#[derive(Clone, Default)]
pub struct MemVault {
    rows: BTreeMap<Key, Bytes>,
    /// Questions fill it, and they only have `&self`.
    index: RefCell<Index>,
}

/// What [`MemVault::run`] did: committed, and now to be carried out.
#[derive(Debug, Default)]
pub struct Ran {
    /// What to do, in order.
    pub effects: Vec<Effect>,
    /// The answers to the commands among the events, in their order.
    pub done: Vec<Result<Done, CommandError>>,
}

impl MemVault {
    /// The vault of a new person: the rows that [`crate::found`] writes.
    ///
    /// # Errors
    /// [`Corrupt`] never on a new vault; the type is that of [`MemVault::apply`].
    pub fn found(name: &str, rng: &mut impl CryptoRng) -> Result<Self, Corrupt> {
        let mut vault = Self::default();
        vault.apply(&crate::found(name, rng))?;
        Ok(vault)
    }

    /// Handles `events` in order, each in a transaction of its own.
    ///
    /// # Errors
    /// [`Corrupt`] by the first event that met a damaged row: those before it are applied, it and those after it
    /// are not, and no effect of this call may be carried out.
    pub fn run(
        &mut self,
        events: impl IntoIterator<Item = Event>,
        now: Millis,
        rng: &mut impl CryptoRng,
    ) -> Result<Ran, Corrupt> {
        let mut ran = Ran::default();
        for event in events {
            let Transition { changes, effects, done } = crate::handle(self, event, now, rng)?;
            self.apply(&changes)?;
            ran.effects.extend(effects);
            ran.done.extend(done);
        }
        Ok(ran)
    }

    /// Applies `changes` in order, all or none.
    ///
    /// # Errors
    /// [`Corrupt`] when a message row among them can't be read: nothing was applied then.
    pub fn apply(&mut self, changes: &[Change]) -> Result<(), Corrupt> {
        let index = self.index.get_mut();
        if let Err(corrupt) = changes.iter().try_for_each(|change| index.apply(change)) {
            index.clear();
            return Err(corrupt);
        }
        for change in changes {
            match change {
                Change::Put(key, row) => drop(self.rows.insert(*key, row.clone())),
                Change::Erase(key) => drop(self.rows.remove(key)),
                Change::EraseAll { table, parent } => {
                    self.rows.retain(|key, _| (key.table, key.parent) != (*table, *parent));
                }
            }
        }
        Ok(())
    }

    /// [`crate::resume`] on these rows.
    ///
    /// # Errors
    /// [`Corrupt`] when a row can't be read.
    pub fn resume(&self, now: Millis) -> Result<Vec<Effect>, Corrupt> {
        crate::resume(self, now)
    }

    /// [`crate::job`] on these rows.
    ///
    /// # Errors
    /// [`Corrupt`] when a row can't be read.
    pub fn job(&self, effect: &Effect) -> Result<Option<Job>, Corrupt> {
        crate::job(self, effect)
    }

    /// [`crate::query`] on these rows.
    ///
    /// # Errors
    /// [`Corrupt`] when a row can't be read.
    pub fn query(&self, query: &Query, now: Millis) -> Result<Answer, Corrupt> {
        crate::query(self, query, now)
    }

    /// A copy, as it would be read back after a crash at this moment (or restored from an old copy).
    #[must_use]
    pub fn snapshot(&self) -> Self {
        Self { rows: self.rows.clone(), index: RefCell::default() }
    }

    /// Goes back to `snapshot`.
    pub fn restore(&mut self, snapshot: &Self) {
        *self = snapshot.snapshot();
    }

    /// Every row in the order of its key: to compare vaults, and to damage one in a test.
    pub fn rows(&self) -> impl Iterator<Item = (&Key, &Bytes)> {
        self.rows.iter()
    }

    /// How many rows `table` holds.
    #[must_use]
    pub fn count(&self, table: Table) -> usize {
        self.rows.keys().filter(|key| key.table == table).count()
    }
}

impl Rows for MemVault {
    fn get(&self, key: Key) -> Result<Option<Bytes>, Corrupt> {
        Ok(self.rows.get(&key).cloned())
    }

    fn span(&self, span: Span) -> Result<Vec<(Key, Bytes)>, Corrupt> {
        let (from, to) = match span.parent {
            Some(parent) => (Key::new(span.table, parent, span.from), Key::new(span.table, parent, span.to)),
            None => (Key::new(span.table, i64::MIN, i64::MIN), Key::new(span.table, i64::MAX, i64::MAX)),
        };
        if from > to {
            return Ok(Vec::new());
        }
        let limit = usize::try_from(span.limit).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        let mut take = |(key, row): (&Key, &Bytes)| {
            if span.holds(*key) && found.len() < limit {
                found.push((*key, row.clone()));
            }
            if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let mut range = self.rows.range(from..=to);
        let _stopped = if span.newest_first {
            range.rev().try_for_each(&mut take)
        } else {
            range.try_for_each(&mut take)
        };
        Ok(found)
    }

    fn position(&self, chat: ContactId, mine: bool, id: MessageId) -> Result<Option<Position>, Corrupt> {
        // `span` does not touch the index: the borrow can't be taken twice.
        self.index.borrow_mut().position(self, chat, mine, id)
    }
}

impl fmt::Debug for MemVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, index: _ } = self;
        f.debug_struct("MemVault").field("rows", &rows.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
