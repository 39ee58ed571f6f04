//! [`Line`]: what one person has on disk about another, and [`Cells`]: what is on its way between them.
//!
//! Spec: docs/spec/ratchet.md, "Stored state". Invariant: a state that is committed passes through its stored form.

use std::collections::{BTreeMap, BTreeSet};

use subrosa_codec::Cell;
use subrosa_crypto::{Session, SessionId};

use super::{Fault, must};

/// Names a cell: all its bytes.
pub(super) type Print = [u8; 32];

/// One session of a line, with all that was ever done in it.
#[derive(Clone)]
pub(super) struct Slot {
    pub(super) session: Session,
    /// Handshake or recovery cell, sent again until something is opened here.
    pub(super) first: Option<Flight>,
    /// Sealed, and not acknowledged.
    pub(super) outbox: Vec<Flight>,
    /// What this device sealed, by number.
    pub(super) own: BTreeMap<u32, Print>,
    /// What this device opened, by number.
    pub(super) opened: BTreeMap<u32, Print>,
    /// What it was told is lost.
    pub(super) lost: BTreeSet<u32>,
    /// Began with a recovery of this side.
    pub(super) recovery: bool,
    /// It did, and nothing was opened in it: an answer makes it the current one (RAT-80).
    pub(super) trial: bool,
}

/// What one person has on disk about another.
#[derive(Clone, Default)]
pub(super) struct Line {
    pub(super) slots: Vec<Slot>,
    /// The session that is written in.
    pub(super) current: Option<SessionId>,
}

/// What a cell on its way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Handshake,
    Recovery,
    Ratchet { sid: SessionId, seq: u32 },
}

/// A cell on its way, with what only the oracle knows of it.
#[derive(Clone)]
pub(super) struct Flight {
    pub(super) cell: Cell,
    pub(super) kind: Kind,
    /// Whoever sealed it, and for whom.
    pub(super) from: usize,
    pub(super) to: usize,
}

impl Flight {
    /// The ordered pair it goes along.
    pub(super) const fn way(&self) -> (usize, usize) {
        (self.from, self.to)
    }
}

impl Slot {
    pub(super) fn new(session: Session, first: Option<Flight>, recovery: bool) -> Self {
        Self {
            session,
            first,
            outbox: Vec::new(),
            own: BTreeMap::new(),
            opened: BTreeMap::new(),
            lost: BTreeSet::new(),
            recovery,
            trial: recovery,
        }
    }

    /// The state goes to disk and comes back.
    pub(super) fn commit(&mut self, next: &Session) -> Result<(), Fault> {
        let bytes = next.write();
        let Ok(read) = Session::parse(&bytes) else {
            return Err("a state that was written is no state when it is read".into());
        };
        must!(read.write() == bytes, "a state changes on disk");
        self.session = read;
        let low = self.session.outbox_low();
        self.outbox.retain(|flight| !matches!(flight.kind, Kind::Ratchet { seq, .. } if seq < low));
        Ok(())
    }
}

impl Line {
    pub(super) fn slot(&self, sid: SessionId) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.session.id() == sid)
    }

    pub(super) fn slot_mut(&mut self, sid: SessionId) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|slot| slot.session.id() == sid)
    }

    /// The session that is written in.
    pub(super) fn speaking(&self) -> Option<&Slot> {
        self.slot(self.current?)
    }

    pub(super) fn speaking_mut(&mut self) -> Option<&mut Slot> {
        self.slot_mut(self.current?)
    }

    /// Where a cell is tried, the current session first.
    pub(super) fn trial(&self) -> Vec<SessionId> {
        let others = self.slots.iter().map(|slot| slot.session.id()).filter(|sid| Some(*sid) != self.current);
        self.current.into_iter().chain(others).collect()
    }

    /// Every session's bytes, to see that nothing changed.
    pub(super) fn bytes(&self) -> Vec<Vec<u8>> {
        self.slots.iter().map(|slot| slot.session.write().to_vec()).collect()
    }
}
