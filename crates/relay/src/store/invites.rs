//! Invites: a record each, and their sealed bundle in a slot.
//!
//! Spec: docs/spec/relay.md, "Invites" (A25, A34). Invariant: the record that says who took an invite is on disk
//! before the bundle leaves, since both are of one commit and nothing leaves before it.

use subrosa_codec::{CELL_LEN, Cell, Day};
use subrosa_relay_core::{InviteOp, Outcome, StoreFault};
use subrosa_wire::{Admit, ClaimHash, InviteId, InviteKind, InviteState, OwnerId, Refusal};

use crate::slab::{Header, PutError, Slot};
use crate::store::rows::{InviteRow, Name, Row};
use crate::store::tokens::Making;
use crate::store::{BUNDLE, SlabStore, day16, refused};

/// What stands for "nobody" in the record.
const NO_CLAIM: [u8; 16] = [0; 16];

impl SlabStore {
    pub(super) fn invite_op(&mut self, op: &InviteOp) -> Result<Outcome, StoreFault> {
        match op {
            InviteOp::Put { id, owner, kind, expires, bundle, admit } => {
                let row = InviteRow {
                    slot: 0,
                    owner: *owner,
                    kind: *kind,
                    opened: false,
                    claim: ClaimHash::from_bytes(NO_CLAIM),
                    expires: day16(*expires),
                };
                self.put_invite(*id, row, (bundle, *admit))
            }
            InviteOp::Take { id, claim } => self.take_invite(*id, *claim),
            InviteOp::Check { owner } => {
                let row = self.invite_of(*owner);
                Ok(Outcome::Invite(row.map_or(InviteState::Gone, |(_, row)| state(&row))))
            }
            InviteOp::Revoke { owner } => match self.invite_of(*owner) {
                Some((id, row)) => {
                    self.erase_invite(id, &row)?;
                    Ok(Outcome::Done)
                }
                None => {
                    self.bury_owned(*owner)?;
                    refused(Refusal::Missing)
                }
            },
            _ => refused(Refusal::Unsupported),
        }
    }

    /// The record of `id`, if it is there and has not expired.
    fn invite(&self, id: InviteId) -> Option<InviteRow> {
        self.records.table().invite(id).filter(|row| self.is_alive(row.expires))
    }

    fn invite_of(&self, owner: OwnerId) -> Option<(InviteId, InviteRow)> {
        match self.records.table().owned_by(owner)? {
            Row::Invite(id, row) if self.is_alive(row.expires) => Some((id, row)),
            _ => None,
        }
    }

    fn put_invite(
        &mut self,
        id: InviteId,
        mut row: InviteRow,
        (bundle, admit): (&Cell, Admit),
    ) -> Result<Outcome, StoreFault> {
        self.bury_invite(id)?;
        let old = self.invite(id);
        match &old {
            Some(old) if old.owner != row.owner || old.kind != row.kind => return refused(Refusal::Missing),
            Some(old) if old.kind == InviteKind::OneTime && old.opened => return refused(Refusal::Used),
            Some(old) => row.opened = old.opened,
            None if self.owner_is_taken(row.owner) => return refused(Refusal::Missing),
            None => {}
        }
        let token =
            match old.map_or_else(|| self.admission(admit, Making::Bytes(CELL_LEN as u64)), |_| Ok(None)) {
                Ok(token) => token,
                Err(refusal) => return refused(refusal),
            };
        if self.tight {
            return refused(Refusal::Storage);
        }
        if old.is_none() {
            self.bury_owned(row.owner)?;
            if self.records.table().counts().invites >= self.limits.invites {
                return refused(Refusal::QuotaExceeded);
            }
            if !self.records.reserve()? {
                return refused(Refusal::Storage);
            }
        }
        let header = Header { kind: BUNDLE, expires: row.expires, seq: 0, owner: *id.as_bytes() };
        row.slot = match self.cells.put(&header, bundle.as_bytes()) {
            Ok(slot) => slot.0,
            Err(PutError::Full) => return refused(Refusal::Storage),
            Err(error) => return Err(error.into()),
        };
        // The old bundle is there until the record that names the new one is durable: a cut between leaves one of them.
        self.retired.extend(old.map(|old| Slot(old.slot)));
        self.put_record(Row::Invite(id, row))?;
        self.charge(token)?;
        Ok(Outcome::Done)
    }

    fn take_invite(&mut self, id: InviteId, claim: ClaimHash) -> Result<Outcome, StoreFault> {
        self.bury_invite(id)?;
        let Some(row) = self.invite(id) else { return refused(Refusal::Missing) };
        let one_time = row.kind == InviteKind::OneTime;
        if one_time && row.opened && row.claim != claim {
            return refused(Refusal::Used);
        }
        let header = Header { kind: BUNDLE, expires: row.expires, seq: 0, owner: *id.as_bytes() };
        let Some(body) = self.cells.reader().read(Slot(row.slot), &header)? else {
            return Err(StoreFault::Damaged("an invite's bundle"));
        };
        if !row.opened {
            let claim = if one_time { claim } else { row.claim };
            self.put_record(Row::Invite(id, InviteRow { opened: true, claim, ..row }))?;
        }
        Cell::from_vec(body).map(Outcome::Bundle).map_err(|_| StoreFault::Damaged("an invite's bundle"))
    }

    /// Erases the invite `id` if it has expired, so that its names are free.
    fn bury_invite(&mut self, id: InviteId) -> Result<(), StoreFault> {
        let row = self.records.table().invite(id);
        match row.filter(|row| !self.is_alive(row.expires)) {
            Some(row) => self.erase_invite(id, &row),
            None => Ok(()),
        }
    }

    /// Erases the invite `id`, its bundle and its record.
    pub(super) fn erase_invite(&mut self, id: InviteId, row: &InviteRow) -> Result<(), StoreFault> {
        self.cells.erase(Slot(row.slot))?;
        self.records.erase(Name::Invite(id));
        Ok(())
    }

    /// Whether `owner` owns something that has not expired.
    pub(super) fn owner_is_taken(&self, owner: OwnerId) -> bool {
        let row = self.records.table().owned_by(owner);
        row.is_some_and(|row| self.is_alive(row.last_day()))
    }

    /// Erases what `owner` owns if it has expired.
    pub(super) fn bury_owned(&mut self, owner: OwnerId) -> Result<(), StoreFault> {
        let row = self.records.table().owned_by(owner);
        match row {
            Some(Row::Invite(id, _)) => self.bury_invite(id),
            Some(Row::Blob(id, _)) => self.bury_blob(id),
            _ => Ok(()),
        }
    }

    /// Whether a last day has not passed.
    pub(super) fn is_alive(&self, expires: u16) -> bool {
        Day(u32::from(expires)) >= self.today
    }
}

/// What the owner is told, and `disclose` prints.
pub(super) const fn state(row: &InviteRow) -> InviteState {
    if row.opened { InviteState::Opened } else { InviteState::Unopened }
}
