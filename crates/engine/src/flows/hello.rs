//! The first automatic cells: `hello` at epoch 1, `confirm` at epochs 2 and 3; and the recovery keys in them.
//!
//! Spec: docs/spec/ratchet.md, "First cells"; docs/spec/recovery.md, "Recovery keys". Invariant: both sides reach the
//! highest level without a person's help; each side has given the two recovery keys that it accepts.

use rand_core::CryptoRng;
use subrosa_codec::Millis;
use subrosa_crypto::{RecoveryKey, Role as End, SealError, Weight};

use super::queue::NewQueue;
use crate::api::ContactId;
use crate::content::{Content, Control, Kind, Opaque, RECOVERY_LEN};
use crate::id::{InboundId, SessionKey};
use crate::limits::{CONFIRM_JITTER, RECONFIRM_JITTER, REKEY, REKEY_ASKED};
use crate::rows::{Contact, Corrupt, GivenIn, Hidden, Rows, Session, StandingRow, Table, TimerKind};
use crate::tx::{Stop, Tx};

impl<R: Rows, G: CryptoRng> Tx<'_, R, G> {
    /// The inviter's first cell, with a private queue when the joiner has none of mine yet.
    pub(super) fn welcome(&mut self, id: ContactId, key: SessionKey) -> Result<(), Stop> {
        // HS-29, RAT-74.
        let mut session = self.session(key)?;
        let queue = if session.inbound == 0 {
            let NewQueue { id: inbound, descriptor, .. } = self.new_queue(Some(id))?;
            session.inbound = inbound.0;
            self.put_session(key, &session);
            Some(Opaque::parse(&descriptor.write()).map_err(|_| Corrupt { table: Table::Inbound })?)
        } else {
            self.own_queue(InboundId(session.inbound), id)?;
            None
        };
        let recovery = Some(self.give_key(id, key)?);
        let hello = Content::of(Kind::Control(Control::Hello { queue, recovery }));
        // A new session refuses nothing.
        self.seal_content(key, &hello, Weight::Hello)?.ok();
        Ok(())
    }

    /// After their body of epoch 1 (joiner) or 2 (inviter): my `confirm`, a little later.
    pub(super) fn confirm_later(&mut self, key: SessionKey, epoch: u32) -> Result<(), Corrupt> {
        let session = self.session(key)?;
        let due = match self.ratchet(key)?.role() {
            // RAT-75.
            End::Joiner => epoch >= 1,
            // RAT-76.
            End::Inviter => epoch >= 2,
        };
        // RAT-77.
        if due && session.is_current() && !session.confirmed {
            // After a recovery texts wait for it, and both relays have seen that something happened.
            let within = if session.recovery { RECONFIRM_JITTER } else { CONFIRM_JITTER };
            let at = self.now.plus(self.jitter(within));
            self.timer_unless_set(TimerKind::Confirm, key.0, at)?;
        }
        Ok(())
    }

    pub(super) fn confirm(&mut self, key: SessionKey) -> Result<(), Corrupt> {
        let Some(mut session) = self.load::<Session>(Session::key(key))? else { return Ok(()) };
        if session.confirmed || !session.is_current() {
            return Ok(());
        }
        match self.ratchet(key)?.refusal(Weight::Control) {
            // Unlatching asks again.
            Some(SealError::Latched(_)) => return Ok(()),
            Some(SealError::WindowFull | SealError::WaitForPeer) => {
                self.timer(TimerKind::Confirm, key.0, self.now.plus(Millis::HOUR));
                return Ok(());
            }
            Some(_) => return Ok(()),
            None => {}
        }
        session.confirmed = true;
        self.put_session(key, &session);
        let recovery = Some(self.give_key(ContactId(session.contact), key)?);
        let confirm = Content::of(Kind::Control(Control::Confirm { recovery }));
        self.seal_content(key, &confirm, Weight::Control)?.ok();
        self.settle_session(key)
    }

    /// A new recovery key for this contact, for the cell that is sealed next; the two newest are accepted.
    fn give_key(&mut self, id: ContactId, key: SessionKey) -> Result<Opaque<RECOVERY_LEN>, Corrupt> {
        let broken = Corrupt { table: Table::Contact };
        let seq = self.ratchet(key)?.next_seq();
        let written = RecoveryKey::generate(self.rng).write();
        let given = Opaque::parse(&written).map_err(|_| broken)?;
        let mut contact = self.contact(id)?;
        contact.given.push(Hidden::from_zeroizing(written));
        // REC-05.
        if contact.given.len() > 2 {
            contact.given.remove(0);
        }
        contact.given_at = self.now.0;
        contact.given_in = Some(GivenIn { session: key.0, seq });
        self.put_contact(id, &contact);
        Ok(given)
    }

    /// Gives another recovery key, unless the last one is younger than `age`, or is not acknowledged: the two that are
    /// accepted must not both be on the way.
    fn replace_key(&mut self, id: ContactId, age: Millis, renew: bool) -> Result<(), Corrupt> {
        let contact = self.contact(id)?;
        let (Some(given), Some(key)) = (contact.given_in, contact.session.map(SessionKey)) else {
            return Ok(());
        };
        let ratchet = self.ratchet(key)?;
        // REC-07.
        let arrived = given.session == key.0 && ratchet.outbox_low() > given.seq;
        let due = self.now.since(Millis(contact.given_at)) >= age;
        if arrived && due && ratchet.refusal(Weight::Control).is_none() {
            let recovery = Control::Recovery { key: self.give_key(id, key)?, renew };
            self.seal_content(key, &Content::of(Kind::Control(recovery)), Weight::Control)?.ok();
        }
        Ok(())
    }

    /// Gives a recovery key beside the monthly ones: after a backup of mine (`renew`: one is wanted in return), or because
    /// they made one. At most one a day.
    pub(super) fn renew_key(&mut self, id: ContactId, key: SessionKey, renew: bool) -> Result<(), Corrupt> {
        // REC-09.
        let current = self.session(key)?.is_current();
        if current && self.contact(id)?.standing == StandingRow::Contact {
            self.replace_key(id, REKEY_ASKED, renew)?;
        }
        Ok(())
    }

    /// Rotates the recovery key beside a cell that came or goes out anyway: an idle chat stays silent.
    pub(super) fn rotate_key(&mut self, id: ContactId) -> Result<(), Corrupt> {
        // REC-03.
        self.replace_key(id, REKEY, false)
    }

    /// They gave me a recovery key; one that was sent before the newest and comes late is dropped.
    pub(super) fn keep_key(
        &mut self,
        (id, key): (ContactId, SessionKey),
        seq: u32,
        recovery: &Opaque<RECOVERY_LEN>,
    ) -> Result<(), Corrupt> {
        let mut contact: Contact = self.contact(id)?;
        // CON-26, REC-04.
        let older = contact.received.is_some() && (key.0, seq) < (contact.received_in, contact.received_seq);
        if !older {
            contact.received = Some(Hidden::copy(recovery.expose()));
            (contact.received_in, contact.received_seq) = (key.0, seq);
            self.put_contact(id, &contact);
        }
        Ok(())
    }
}
