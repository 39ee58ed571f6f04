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
use crate::limits::{CONFIRM_JITTER, REKEY};
use crate::rows::{Contact, Corrupt, Hidden, Rows, Session, Table, TimerKind};
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
        let recovery = Some(self.give_key(id)?);
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
            let at = self.now.plus(self.jitter(CONFIRM_JITTER));
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
        let recovery = Some(self.give_key(ContactId(session.contact))?);
        let confirm = Content::of(Kind::Control(Control::Confirm { recovery }));
        self.seal_content(key, &confirm, Weight::Control)?.ok();
        self.settle_session(key)
    }

    /// A new recovery key for this contact; the two newest are accepted.
    fn give_key(&mut self, id: ContactId) -> Result<Opaque<RECOVERY_LEN>, Corrupt> {
        let broken = Corrupt { table: Table::Contact };
        let written = RecoveryKey::generate(self.rng).write();
        let given = Opaque::parse(&written).map_err(|_| broken)?;
        let mut contact = self.contact(id)?;
        contact.given.push(Hidden::from_zeroizing(written));
        if contact.given.len() > 2 {
            contact.given.remove(0);
        }
        contact.given_at = self.now.0;
        self.put_contact(id, &contact);
        Ok(given)
    }

    /// Rotates the recovery key behind a text that goes out anyway: an idle chat stays silent.
    pub(super) fn rotate_key(&mut self, id: ContactId, key: SessionKey) -> Result<(), Corrupt> {
        let contact = self.contact(id)?;
        let due = !contact.given.is_empty() && self.now.since(Millis(contact.given_at)) >= REKEY;
        if due && self.ratchet(key)?.refusal(Weight::Control).is_none() {
            let recovery = self.give_key(id)?;
            let rotation = Content::of(Kind::Control(Control::Recovery(recovery)));
            self.seal_content(key, &rotation, Weight::Control)?.ok();
        }
        Ok(())
    }

    /// They gave me a recovery key; one that was sent before the newest and comes late is dropped.
    pub(super) fn keep_key(
        &mut self,
        (id, key): (ContactId, SessionKey),
        seq: u32,
        recovery: &Opaque<RECOVERY_LEN>,
    ) -> Result<(), Corrupt> {
        let mut contact: Contact = self.contact(id)?;
        // CON-26.
        let older = contact.received.is_some() && (key.0, seq) < (contact.received_in, contact.received_seq);
        if !older {
            contact.received = Some(Hidden::copy(recovery.expose()));
            (contact.received_in, contact.received_seq) = (key.0, seq);
            self.put_contact(id, &contact);
        }
        Ok(())
    }
}
