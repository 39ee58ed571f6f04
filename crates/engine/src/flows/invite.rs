//! Invites of mine: made, stored, renewed, used, taken back.
//!
//! Spec: docs/spec/invite.md; docs/spec/handshake.md, "Edge cases". Invariant: a used or revoked invite keeps no
//! prekey; what is left of it only knows repeats.

use alloc::string::ToString;

use rand_core::CryptoRng;
use subrosa_codec::Millis;
use subrosa_crypto::{InviteError, InviteKeys, InviteKind, InviteTerms, QueueDescriptor, QueueEntry};
use subrosa_wire::Refusal;

use super::queue::NewQueue;
use crate::api::{CommandError, InviteId, Notice};
use crate::event::{Effect, RelayAnswer};
use crate::id::InboundId;
use crate::job::{bytes32, relay};
use crate::limits::{INVITE_DAYS, NO_ANSWER, RENEW, RETENTION};
use crate::rows::{Corrupt, Hidden, Inbound, Invite, InviteStage, Mine, Row, Rows, Table, TimerKind};
use crate::tx::{Stop, Tx};

const BROKEN: Corrupt = Corrupt { table: Table::Invite };

/// The keys in an invite's row.
pub(super) fn keys_of(mine: &Mine) -> Result<InviteKeys, Corrupt> {
    InviteKeys::parse(mine.keys.expose()).map_err(|_| BROKEN)
}

impl<R: Rows, G: CryptoRng> Tx<'_, R, G> {
    pub(super) fn invite(&mut self, reusable: bool) -> Result<InviteId, Stop> {
        let me = self.identity()?;
        let name = self.me()?.name;
        let NewQueue { id: inbound, relay, descriptor } = self.new_queue(None)?;
        let kind = if reusable { InviteKind::Address } else { InviteKind::OneTime };
        let terms = InviteTerms {
            kind,
            relay_key_hash: *relay.key().as_bytes(),
            host: relay.host(),
            port: relay.port(),
            descriptor: &descriptor,
            name: &name,
            // INV-15.
            expires: self.now.day().plus(INVITE_DAYS),
        };
        let made = InviteKeys::create(&me, &terms, self.rng).map_err(refused)?;
        let id = InviteId(self.next_id()?);
        let row = Invite {
            link: Hidden::copy(made.link.to_string().as_bytes()),
            reusable,
            stage: InviteStage::Storing,
            expires: ends(&made.keys).0,
            mine: Some(Mine {
                keys: Hidden::from_zeroizing(made.keys.write()),
                // INV-07.
                owner: Hidden::copy(&self.random::<32>()),
                relay: relay.to_string(),
                bundle: Some(Hidden::copy(made.bundle.as_ref())),
                inbound: inbound.0,
                tried: false,
            }),
            theirs: None,
        };
        self.put(Invite::key(id), &row);
        let mut queue: Inbound = self.need(Inbound::key(inbound))?;
        queue.invite = Some(id.0);
        self.put(Inbound::key(inbound), &queue);
        self.effect(Effect::PutInvite(id));
        let at = if reusable { self.now.plus(RENEW) } else { ends(&made.keys) };
        self.timer(TimerKind::Invite, id.0, at);
        self.tell(Notice::Invites);
        Ok(id)
    }

    pub(super) fn revoke(&mut self, id: InviteId) -> Result<(), Stop> {
        let missing = Stop::No(CommandError::Missing("invite"));
        let Some(mut row) = self.load::<Invite>(Invite::key(id))? else { return Err(missing) };
        let Some(mut mine) = row.mine.take() else {
            // A link that I was taking: nothing of it is anywhere else.
            self.erase(Invite::key(id));
            self.clear_timer(TimerKind::Reinvite, id.0)?;
            self.tell(Notice::Invites);
            return Ok(());
        };
        if matches!(row.stage, InviteStage::Used | InviteStage::Revoking) {
            return Err(missing);
        }
        let mut keys = keys_of(&mine)?;
        keys.burn();
        mine.keys = Hidden::from_zeroizing(keys.write());
        mine.bundle = None;
        // INV-38.
        row.stage = InviteStage::Revoking;
        self.release(InboundId(mine.inbound))?;
        row.mine = Some(mine);
        self.put(Invite::key(id), &row);
        self.clear_timer(TimerKind::Invite, id.0)?;
        self.effect(Effect::RevokeInvite(id));
        self.tell(Notice::Invites);
        Ok(())
    }

    /// The invite does not need its queue any more.
    fn release(&mut self, queue: InboundId) -> Result<(), Corrupt> {
        if let Some(mut row) = self.load::<Inbound>(Inbound::key(queue))? {
            row.invite = None;
            self.put(Inbound::key(queue), &row);
        }
        self.close_queue_if_idle(queue)
    }

    pub(super) fn put_answered(&mut self, id: InviteId, answer: &RelayAnswer) -> Result<(), Corrupt> {
        let Some(mut row) = self.load::<Invite>(Invite::key(id))? else { return Ok(()) };
        if row.stage != InviteStage::Storing {
            return Ok(());
        }
        match answer {
            // INV-34.
            // Used: it was stored, the answer was lost, and somebody took it meanwhile.
            RelayAnswer::Ok(_) | RelayAnswer::Refused(Refusal::Used) => {
                row.stage = InviteStage::Ready;
                if let Some(mine) = &mut row.mine {
                    mine.bundle = None;
                }
                self.put(Invite::key(id), &row);
                self.tell(Notice::Invites);
                self.clear_timer(TimerKind::Reinvite, id.0)
            }
            RelayAnswer::Refused(refusal) => self.ask_invite_again(id, *refusal),
            RelayAnswer::Bundle(_) => Ok(()),
        }
    }

    pub(super) fn revoke_answered(&mut self, id: InviteId, answer: &RelayAnswer) -> Result<(), Corrupt> {
        let Some(row) = self.load::<Invite>(Invite::key(id))? else { return Ok(()) };
        match answer {
            RelayAnswer::Ok(_) | RelayAnswer::Refused(Refusal::Missing)
                if row.stage == InviteStage::Revoking =>
            {
                self.erase_invite(id)
            }
            RelayAnswer::Refused(refusal) => self.ask_invite_again(id, *refusal),
            _ => Ok(()),
        }
    }

    /// Says what a person should know of a refusal, and asks the relay again later.
    pub(super) fn ask_invite_again(&mut self, id: InviteId, refusal: Refusal) -> Result<(), Corrupt> {
        // INV-35.
        if refusal.lasts() {
            self.tell(Notice::Trouble(refusal.to_string()));
        }
        let at = self.now.plus(Millis::MINUTE).plus(self.jitter(Millis::MINUTE.times(4)));
        self.timer(TimerKind::Reinvite, id.0, at);
        Ok(())
    }

    /// The relay refused before: once more, whatever it was.
    pub(super) fn reinvite(&mut self, id: InviteId) -> Result<(), Corrupt> {
        let Some(row) = self.load::<Invite>(Invite::key(id))? else { return Ok(()) };
        match row.stage {
            InviteStage::Storing => self.effect(Effect::PutInvite(id)),
            InviteStage::Taking => self.effect(Effect::TakeInvite(id)),
            InviteStage::Revoking => self.effect(Effect::RevokeInvite(id)),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn erase_invite(&mut self, id: InviteId) -> Result<(), Corrupt> {
        self.erase(Invite::key(id));
        self.erase_all(Table::Handshake, id.0);
        self.clear_timer(TimerKind::Invite, id.0)?;
        self.clear_timer(TimerKind::Reinvite, id.0)?;
        self.tell(Notice::Invites);
        Ok(())
    }

    /// A handshake came in by a one-time invite: its prekey goes in the same transaction.
    pub(super) fn burn(&mut self, id: InviteId, row: &mut Invite) -> Result<(), Corrupt> {
        let Some(mine) = &mut row.mine else { return Ok(()) };
        let mut keys = keys_of(mine)?;
        keys.burn();
        mine.keys = Hidden::from_zeroizing(keys.write());
        mine.bundle = None;
        // INV-36.
        row.stage = InviteStage::Used;
        self.put(Invite::key(id), row);
        // INV-31.
        // As long as the joiner may append the same bytes again.
        self.timer(TimerKind::Invite, id.0, self.now.plus(NO_ANSWER).plus(RETENTION));
        self.tell(Notice::Invites);
        Ok(())
    }

    /// The invite's own timer.
    pub(super) fn invite_due(&mut self, id: InviteId) -> Result<(), Corrupt> {
        let Some(mut row) = self.load::<Invite>(Invite::key(id))? else { return Ok(()) };
        match row.stage {
            InviteStage::Storing | InviteStage::Ready if row.reusable => self.renew(id, row),
            InviteStage::Storing | InviteStage::Ready => {
                // Past its day; a handshake may still be on its way.
                // INV-37.
                row.stage = InviteStage::Retired;
                self.put(Invite::key(id), &row);
                self.timer(TimerKind::Invite, id.0, Millis(row.expires).plus(RETENTION).plus(Millis::DAY));
                self.tell(Notice::Invites);
                Ok(())
            }
            InviteStage::Used | InviteStage::Retired => {
                let inbound = row.mine.map(|mine| InboundId(mine.inbound));
                self.erase_invite(id)?;
                inbound.map_or(Ok(()), |inbound| self.release(inbound))
            }
            _ => Ok(()),
        }
    }

    /// A fresh prekey for an address; older ones live until no handshake for them can arrive.
    fn renew(&mut self, id: InviteId, mut row: Invite) -> Result<(), Corrupt> {
        let me = self.identity()?;
        let name = self.me()?.name;
        let Some(mine) = &mut row.mine else { return Ok(()) };
        let at = relay(Invite::TABLE, &mine.relay)?;
        let inbound: Inbound = self.need(Inbound::key(InboundId(mine.inbound)))?;
        let entry = QueueEntry {
            relay: *at.key().as_bytes(),
            write: bytes32(Table::Inbound, &inbound.write)?,
            host: at.host().into(),
            port: at.port(),
        };
        let descriptor = QueueDescriptor::new(entry, None).map_err(|_| BROKEN)?;
        let terms = InviteTerms {
            kind: InviteKind::Address,
            relay_key_hash: *at.key().as_bytes(),
            host: at.host(),
            port: at.port(),
            descriptor: &descriptor,
            name: &name,
            expires: self.now.day().plus(INVITE_DAYS),
        };
        let mut keys = keys_of(mine)?;
        let bundle = keys.renew(&me, &terms, self.rng).map_err(|_| BROKEN)?;
        let kept = Millis(self.now.0.saturating_sub(RETENTION.plus(Millis::DAY).0));
        keys.retire(kept.day());
        mine.keys = Hidden::from_zeroizing(keys.write());
        mine.bundle = Some(Hidden::copy(bundle.as_ref()));
        row.stage = InviteStage::Storing;
        row.expires = ends(&keys).0;
        self.put(Invite::key(id), &row);
        self.effect(Effect::PutInvite(id));
        self.timer(TimerKind::Invite, id.0, self.now.plus(RENEW));
        Ok(())
    }
}

/// The end of an invite's last day.
fn ends(keys: &InviteKeys) -> Millis {
    keys.expires().plus(1).start()
}

fn refused(error: InviteError) -> Stop {
    Stop::No(CommandError::Address(error.to_string()))
}
