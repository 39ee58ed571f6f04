//! Invites of the model.
//!
//! Spec: docs/spec/relay.md, "Invites". Invariant: a one-time invite never leaves under two claims.

use subrosa_wire::{InviteId, InviteKind, InviteState, Refusal};

use super::{Invite, Owned, State};
use crate::{Access, InviteOp, Limits, Outcome};

impl State {
    pub(super) fn invite(&mut self, op: &InviteOp, limits: &Limits) -> Result<Outcome, Refusal> {
        match op {
            InviteOp::Put { id, owner, kind, expires, bundle, admit: _ } => {
                let (claim, opened) = (None, false);
                let new = Invite {
                    owner: *owner,
                    kind: *kind,
                    opened,
                    claim,
                    expires: *expires,
                    bundle: bundle.clone(),
                };
                self.put_invite(*id, new, limits)
            }
            InviteOp::Take { id, claim } => {
                self.erase_past_invite(*id);
                let invite = self.invites.get_mut(id).ok_or(Refusal::Missing)?;
                match (invite.kind, invite.claim) {
                    // REL-43.
                    (InviteKind::OneTime, Some(first)) if first != *claim => return Err(Refusal::Used),
                    (InviteKind::OneTime, _) => invite.claim = Some(*claim),
                    // REL-42.
                    // Whoever takes an address leaves no trace but that someone did.
                    (InviteKind::Address, _) => {}
                }
                invite.opened = true;
                Ok(Outcome::Bundle(invite.bundle.clone()))
            }
            InviteOp::Check { owner } => {
                let state = match self.owners.get(owner) {
                    Some(Owned::Invite(id)) => self.state_of(*id),
                    _ => InviteState::Gone,
                };
                Ok(Outcome::Invite(state))
            }
            // REL-45.
            InviteOp::Revoke { owner } => match self.owners.get(owner).copied() {
                Some(Owned::Invite(id)) => {
                    let there = self.state_of(id) != InviteState::Gone;
                    self.erase_invite(id);
                    if there { Ok(Outcome::Done) } else { Err(Refusal::Missing) }
                }
                _ => Err(Refusal::Missing),
            },
        }
    }

    fn put_invite(&mut self, id: InviteId, new: Invite, limits: &Limits) -> Result<Outcome, Refusal> {
        // REL-41.
        self.erase_past_invite(id);
        if self.owns_other(new.owner, Owned::Invite(id)) {
            return Err(Refusal::Missing);
        }
        if let Some(old) = self.invites.get_mut(&id) {
            if old.owner != new.owner || old.kind != new.kind {
                return Err(Refusal::Missing);
            }
            if old.claim.is_some() {
                return Err(Refusal::Used);
            }
            old.expires = new.expires;
            old.bundle = new.bundle;
            return Ok(Outcome::Done);
        }
        if limits.access == Access::Token {
            return Err(Refusal::NotAdmitted);
        }
        // What the owner's right was bound to has expired: it makes room.
        self.erase_owned(new.owner);
        if self.invites.len() as u64 >= limits.invites {
            return Err(Refusal::QuotaExceeded);
        }
        self.owners.insert(new.owner, Owned::Invite(id));
        self.invites.insert(id, new);
        Ok(Outcome::Done)
    }

    fn state_of(&self, id: InviteId) -> InviteState {
        // REL-44.
        match self.invites.get(&id) {
            Some(invite) if self.is_past(invite.expires) => InviteState::Gone,
            Some(invite) if invite.opened => InviteState::Opened,
            Some(_) => InviteState::Unopened,
            None => InviteState::Gone,
        }
    }

    pub(super) fn erase_invite(&mut self, id: InviteId) {
        if let Some(invite) = self.invites.remove(&id) {
            self.owners.remove(&invite.owner);
        }
    }

    fn erase_past_invite(&mut self, id: InviteId) {
        if self.invites.get(&id).is_some_and(|invite| self.is_past(invite.expires)) {
            self.erase_invite(id);
        }
    }
}
