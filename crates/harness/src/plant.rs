//! [`Plant`]: deliberate defects around the product, which a simulation must find to prove anything.
//!
//! Spec: docs/ARCHITECTURE.md, "The harness". Invariant: a plant lies in the harness's own runtime and store, between the
//! engine and its rows or the core and its store: no build of the product can contain one.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use subrosa_codec::Day;
use subrosa_engine::rows::{Key, Table};
use subrosa_engine::{Change, Effect, Event, OutboxId, RelayAnswer};
use subrosa_relay_core::{Knowledge, MemReader, MemStore, Op, Outcome, Store, StoreFault, StoreRead};
use subrosa_wire::Seq;

/// A defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Plant {
    /// The client acknowledges a cell before it commits what was in it.
    AckBeforeCommit,
    /// The client sends a sealed cell before it commits the ratchet's step.
    SendBeforeCommit,
    /// The ratchet's state after an opened cell is not kept: known cells are opened again.
    DedupeOff,
    /// A cell leaves the outbox when the relay has it, not when the contact has it.
    OutboxTrustsRelay,
    /// After a restart, what was sealed is not sent.
    ResumeForgetsCells,
    /// No timer rings.
    TimersNeverRing,
    /// What was seen is not kept.
    SeenForgotten,
    /// What was received stands in the chat, and the unread counter is not written.
    UnreadForgotten,
    /// A sent text is sealed and not kept in the own chat.
    OwnTextForgotten,
    /// The relay answers before its disk has it.
    AckBeforeSync,
    /// The relay erases the whole queue at an acknowledgement.
    AckErasesQueue,
    /// The relay erases nothing that was acknowledged.
    AckErasesNothing,
    /// The relay's cells expire on the day on which they came.
    ExpiresTooEarly,
    /// The relay counts a cell as appended that did not fit.
    FullIsFine,
}

impl Plant {
    /// Spoils what an event leads to.
    pub(crate) fn spoil(self, event: &Event, changes: &mut Vec<Change>) {
        let touches = |change: &Change, tables: &[Table]| matches!(change, Change::Put(key, _) if tables.contains(&key.table));
        let command = matches!(event, Event::Command(_));
        match (self, event) {
            (Self::DedupeOff, Event::Cell { .. }) => changes.retain(|c| !touches(c, &[Table::Ratchet])),
            (Self::UnreadForgotten, Event::Cell { .. }) => {
                changes.retain(|c| !touches(c, &[Table::Contact]));
            }
            (
                Self::OutboxTrustsRelay,
                Event::Finished { effect: Effect::Send(id), answer: RelayAnswer::Ok(_) },
            ) => {
                let OutboxId { session, seq } = *id;
                changes.retain(|c| !touches(c, &[Table::Outbox]));
                changes
                    .extend([Table::Outbox, Table::Cell].map(|t| Change::Erase(Key::new(t, session.0, seq))));
            }
            (Self::SeenForgotten, Event::Command(subrosa_engine::api::Command::Seen { .. })) => {
                changes.clear()
            }
            (Self::OwnTextForgotten, _) if command => changes.retain(|c| !touches(c, &[Table::Message])),
            _ => {}
        }
    }
}

/// The model of a store, with a defect or none, and a power switch.
#[derive(Debug)]
pub(crate) struct PlantedStore {
    live: MemStore,
    /// Where what is on disk differs from what a process reads.
    synced: Option<MemStore>,
    commits: u64,
    today: Day,
    plant: Option<Plant>,
}

/// Commits between two syncs of the store that answers too early.
const LATE: u64 = 8;
/// Where the store that takes everything stops to take anything.
const FITS: usize = 4;

impl PlantedStore {
    pub(crate) fn new(store: MemStore, plant: Option<Plant>) -> Self {
        let late = plant == Some(Plant::AckBeforeSync);
        Self { synced: late.then(|| store.clone()), live: store, commits: 0, today: Day(0), plant }
    }

    /// What a power cut leaves.
    pub(crate) fn cut(self) -> Self {
        Self::new(self.synced.unwrap_or(self.live).reopen(), self.plant)
    }

    fn apply(&mut self, op: &Op) -> Result<Outcome, StoreFault> {
        let inner = &mut self.live;
        let one = |op: &Op, on: &mut MemStore| {
            on.commit(std::slice::from_ref(op))?.pop().ok_or(StoreFault::Broken("no outcome"))
        };
        match (self.plant, op) {
            (Some(Plant::AckErasesQueue), Op::Ack { queue, .. }) => {
                one(&Op::Ack { queue: *queue, upto: Seq(u64::MAX) }, inner)
            }
            (Some(Plant::AckErasesNothing), Op::Ack { .. }) => Ok(Outcome::Done),
            (Some(Plant::ExpiresTooEarly), Op::Append { queue, cell, .. }) => {
                one(&Op::Append { queue: *queue, cell: cell.clone(), expires: self.today }, inner)
            }
            (Some(Plant::FullIsFine), Op::Append { queue, .. }) => {
                let lying = inner.reader().cells(*queue, Seq(0), 64)?.len();
                if lying >= FITS { Ok(Outcome::Appended(Seq(1))) } else { one(op, inner) }
            }
            _ => one(op, inner),
        }
    }
}

impl Store for PlantedStore {
    type Reader = MemReader;

    fn commit(&mut self, ops: &[Op]) -> Result<Vec<Outcome>, StoreFault> {
        let mut outcomes = Vec::with_capacity(ops.len());
        for op in ops {
            if let Op::Sweep { today, .. } = op {
                self.today = *today;
            }
            outcomes.push(self.apply(op)?);
        }
        self.commits += 1;
        if self.commits.is_multiple_of(LATE) && self.synced.is_some() {
            self.synced = Some(self.live.clone());
        }
        Ok(outcomes)
    }

    fn reader(&self) -> MemReader {
        self.live.reader()
    }

    fn knowledge(&self, rows: usize) -> Knowledge {
        self.live.knowledge(rows)
    }
}
