//! [`Liar`]: the real relay over a store that its operator rewrites while nobody looks.
//!
//! Spec: docs/security/threat-model.md, "The relay's operator, or whoever seizes the relay".
//! Invariant: between two calls of a client the operator may
//! do with stored cells and bundles whatever is possible with bytes; the code that serves them is the product's.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use subrosa_codec::{Cell, Day};
use subrosa_relay::{Config, Relay};
use subrosa_relay_core::{
    InviteOp, Knowledge, Limits, MemReader, MemStore, Op, Outcome, Store, StoreFault, StoreRead,
};
use subrosa_wire::{InviteId, InviteKind, OwnerId, QueueId, Seq};

/// A relay whose operator lies.
pub(crate) struct Liar {
    relay: Relay,
    shelf: Shelf,
}

/// A bundle as it was put.
#[derive(Clone)]
pub(crate) struct Put {
    id: InviteId,
    owner: OwnerId,
    kind: InviteKind,
    expires: Day,
    pub(crate) bundle: Cell,
}

/// What the operator holds.
struct Held {
    store: MemStore,
    /// Every cell that ever came, in order: nothing that a relay was given has to be forgotten.
    came: Vec<(QueueId, Cell)>,
    puts: Vec<Put>,
    expires: Day,
}

#[derive(Clone)]
struct Shelf(Arc<Mutex<Held>>);

impl Shelf {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn note(&mut self, op: &Op) {
        match op {
            Op::Append { queue, cell, expires } => {
                self.came.push((*queue, cell.clone()));
                self.expires = *expires;
            }
            Op::Invite(InviteOp::Put { id, owner, kind, expires, bundle, .. }) => {
                let (id, owner, kind, expires, bundle) = (*id, *owner, *kind, *expires, bundle.clone());
                self.puts.push(Put { id, owner, kind, expires, bundle });
            }
            _ => {}
        }
    }

    fn perform(&mut self, op: Op) -> Outcome {
        self.store.commit(&[op]).expect("memory does not fail").remove(0)
    }
}

impl Store for Shelf {
    type Reader = MemReader;

    fn commit(&mut self, ops: &[Op]) -> Result<Vec<Outcome>, StoreFault> {
        let mut held = self.held();
        ops.iter().for_each(|op| held.note(op));
        held.store.commit(ops)
    }

    fn reader(&self) -> MemReader {
        self.held().store.reader()
    }

    fn knowledge(&self, rows: usize) -> Knowledge {
        self.held().store.knowledge(rows)
    }
}

impl Liar {
    pub(crate) fn start() -> Self {
        let store = MemStore::new(Limits::default());
        let held = Held { store, came: Vec::new(), puts: Vec::new(), expires: Day(0) };
        let shelf = Shelf(Arc::new(Mutex::new(held)));
        let config = Config { host: Some("127.0.0.1".to_owned()), ..Config::memory() };
        let relay = Relay::start_with(config, shelf.clone()).expect("the relay starts");
        Self { relay, shelf }
    }

    pub(crate) fn address(&self) -> String {
        self.relay.address().to_string()
    }

    /// How many cells came so far.
    pub(crate) fn came(&self) -> usize {
        self.shelf.held().came.len()
    }

    /// The queue of the newest cell that came.
    pub(crate) fn newest(&self) -> QueueId {
        self.shelf.held().came.last().expect("a cell came").0
    }

    /// Every cell that ever came for `queue`, delivered or not.
    pub(crate) fn ever(&self, queue: QueueId) -> Vec<Cell> {
        let held = self.shelf.held();
        held.came.iter().filter(|(of, _)| *of == queue).map(|(_, cell)| cell.clone()).collect()
    }

    /// What lies in `queue`.
    pub(crate) fn lies(&self, queue: QueueId) -> Vec<Cell> {
        self.cells(queue).into_iter().map(|(_, cell)| cell).collect()
    }

    fn cells(&self, queue: QueueId) -> Vec<(Seq, Cell)> {
        let reader = self.shelf.held().store.reader();
        reader.cells(queue, Seq(0), u32::MAX).expect("memory does not fail")
    }

    /// Puts `cells` in place of all that lies in `queue`.
    pub(crate) fn rewrite(&self, queue: QueueId, cells: Vec<Cell>) {
        let last = self.cells(queue).last().map(|(seq, _)| *seq);
        let mut held = self.shelf.held();
        if let Some(upto) = last {
            held.perform(Op::Ack { queue, upto });
        }
        let expires = held.expires;
        for cell in cells {
            let outcome = held.perform(Op::Append { queue, cell, expires });
            assert!(matches!(outcome, Outcome::Appended(_)), "{outcome:?}");
        }
    }

    /// So many days go by for what is stored.
    pub(crate) fn passes(&self, days: u32) {
        let mut held = self.shelf.held();
        let day = held.puts.last().expect("an invite was put").expires;
        held.perform(Op::Sweep { today: Day(day.0 + days), budget: u32::MAX });
    }

    /// The bundle that was put last.
    pub(crate) fn put(&self) -> Put {
        self.shelf.held().puts.last().expect("a bundle was put").clone()
    }

    /// Keeps `bundle` where `put` was.
    pub(crate) fn swap_bundle(&self, put: &Put, bundle: Cell) {
        let Put { id, owner, kind, expires, bundle: _ } = *put;
        let op = InviteOp::Put { id, owner, kind, expires, bundle, admit: subrosa_wire::Admit::OPEN };
        assert!(matches!(self.shelf.held().perform(Op::Invite(op)), Outcome::Done));
    }
}
