//! Invites: a record each, and their sealed bundle in a slot.
//!
//! Spec: docs/spec/relay.md, "Invites" (A25, A34). Invariant: the record that says who took an invite is on disk
//! before the bundle leaves, since both are of one commit and nothing leaves before it.

use subrosa_codec::{Cell, Day};
use subrosa_relay_core::{InviteOp, Outcome, StoreFault};
use subrosa_wire::{BlobId, ClaimHash, InviteId, InviteKind, InviteState, OwnerId, Refusal};

use crate::slab::{Header, PutError, Slot};
use crate::store::rows::{Expiring, InviteRow, Key};
use crate::store::{BUNDLE, SlabStore, day16, refused};

/// What stands for "nobody" in the record.
const NO_CLAIM: [u8; 16] = [0; 16];

impl SlabStore {
    pub(super) fn invite_op(&mut self, op: &InviteOp) -> Result<Outcome, StoreFault> {
        match op {
            InviteOp::Put { id, owner, kind, expires, bundle } => {
                let row = InviteRow {
                    slot: 0,
                    owner: *owner,
                    kind: *kind,
                    opened: false,
                    claim: ClaimHash::from_bytes(NO_CLAIM),
                    expires: day16(*expires),
                };
                self.put_invite(*id, row, bundle)
            }
            InviteOp::Take { id, claim } => self.take_invite(*id, *claim),
            InviteOp::Check { owner } => {
                let row = self.invite_of(*owner)?;
                Ok(Outcome::Invite(row.map_or(InviteState::Gone, |(_, row)| state(&row))))
            }
            InviteOp::Revoke { owner } => match self.invite_of(*owner)? {
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
    fn invite(&self, id: InviteId) -> Result<Option<InviteRow>, StoreFault> {
        Ok(self.any_invite(id)?.filter(|row| self.is_alive(row.expires)))
    }

    pub(super) fn any_invite(&self, id: InviteId) -> Result<Option<InviteRow>, StoreFault> {
        Ok(self.records.get(Key::Invite(id))?.map(|row| InviteRow::parse(&row)).transpose()?)
    }

    fn invite_of(&self, owner: OwnerId) -> Result<Option<(InviteId, InviteRow)>, StoreFault> {
        let Some(id) = self.owned_by(owner)? else { return Ok(None) };
        let id = InviteId::from_bytes(id);
        Ok(self.invite(id)?.filter(|row| row.owner == owner).map(|row| (id, row)))
    }

    fn put_invite(&mut self, id: InviteId, mut row: InviteRow, bundle: &Cell) -> Result<Outcome, StoreFault> {
        self.bury_invite(id)?;
        let old = self.invite(id)?;
        match &old {
            Some(old) if old.owner != row.owner || old.kind != row.kind => return refused(Refusal::Missing),
            Some(old) if old.kind == InviteKind::OneTime && old.opened => return refused(Refusal::Used),
            Some(old) => row.opened = old.opened,
            None if self.owner_is_taken(row.owner)? => return refused(Refusal::Missing),
            None => {}
        }
        if self.tight {
            return refused(Refusal::Storage);
        }
        if old.is_none() {
            self.bury_owned(row.owner)?;
            if self.totals.invites >= self.limits.invites {
                return refused(Refusal::QuotaExceeded);
            }
        }
        let header = Header { kind: BUNDLE, expires: row.expires, seq: 0, owner: *id.as_bytes() };
        row.slot = match self.cells.put(&header, bundle.as_bytes()) {
            Ok(slot) => slot.0,
            Err(PutError::Full) => return refused(Refusal::Storage),
            Err(error) => return Err(error.into()),
        };
        if let Some(old) = old {
            self.erase_invite(id, &old)?;
        }
        self.totals.invites += 1;
        self.records.put(Key::Invite(id), row.write());
        self.records.put(Key::Owner(row.owner), id.as_bytes().to_vec());
        self.records.put(Key::Expiry(row.expires, Expiring::Invite, *id.as_bytes()), Vec::new());
        Ok(Outcome::Done)
    }

    fn take_invite(&mut self, id: InviteId, claim: ClaimHash) -> Result<Outcome, StoreFault> {
        self.bury_invite(id)?;
        let Some(row) = self.invite(id)? else { return refused(Refusal::Missing) };
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
            self.records.put(Key::Invite(id), InviteRow { opened: true, claim, ..row }.write());
        }
        Cell::from_vec(body).map(Outcome::Bundle).map_err(|_| StoreFault::Damaged("an invite's bundle"))
    }

    /// Erases the invite `id` if it has expired, so that its names are free.
    fn bury_invite(&mut self, id: InviteId) -> Result<(), StoreFault> {
        match self.any_invite(id)?.filter(|row| !self.is_alive(row.expires)) {
            Some(row) => self.erase_invite(id, &row),
            None => Ok(()),
        }
    }

    /// Erases the invite `id`, its bundle and its records.
    pub(super) fn erase_invite(&mut self, id: InviteId, row: &InviteRow) -> Result<(), StoreFault> {
        self.cells.erase(Slot(row.slot))?;
        self.records.erase(Key::Invite(id));
        self.records.erase(Key::Owner(row.owner));
        self.records.erase(Key::Expiry(row.expires, Expiring::Invite, *id.as_bytes()));
        self.totals.invites -= 1;
        Ok(())
    }

    /// What `owner` owns: the id of an invite or of a blob.
    pub(super) fn owned_by(&self, owner: OwnerId) -> Result<Option<[u8; 32]>, StoreFault> {
        let Some(id) = self.records.get(Key::Owner(owner))? else { return Ok(None) };
        <[u8; 32]>::try_from(&*id).map(Some).map_err(|_| StoreFault::Damaged("an owner record"))
    }

    /// Whether `owner` owns something that has not expired.
    pub(super) fn owner_is_taken(&self, owner: OwnerId) -> Result<bool, StoreFault> {
        let Some(id) = self.owned_by(owner)? else { return Ok(false) };
        let invite = self.invite(InviteId::from_bytes(id))?.is_some_and(|row| row.owner == owner);
        Ok(invite || self.blob_of(owner)?.is_some())
    }

    /// Erases what `owner` owns if it has expired.
    pub(super) fn bury_owned(&mut self, owner: OwnerId) -> Result<(), StoreFault> {
        let Some(id) = self.owned_by(owner)? else { return Ok(()) };
        let (invite, blob) = (InviteId::from_bytes(id), BlobId::from_bytes(id));
        if self.any_invite(invite)?.is_some_and(|row| row.owner == owner) {
            self.bury_invite(invite)?;
        }
        if self.any_blob(blob)?.is_some_and(|row| row.owner == owner) {
            self.bury_blob(blob)?;
        }
        Ok(())
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
