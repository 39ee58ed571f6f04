//! After a restore: coming back to everybody; and after a backup: fresh recovery keys.
//!
//! Spec: docs/spec/recovery.md, "After a restore", "Recovery keys" (A30). Invariant: one recovery cell for each contact, kept in the
//! transition that uses up the key; what has no key says so in its chat.

use rand_core::CryptoRng;
use subrosa_codec::Millis;

use crate::api::ContactId;
use crate::id::{OutboxId, SessionKey};
use crate::rows::{Contact, Corrupt, Occurrence, Outbox, Rows, Span, StandingRow, Table, TimerKind};
use crate::tx::{Stop, Tx};

impl<R: Rows, G: CryptoRng> Tx<'_, R, G> {
    /// Sends a recovery to every restored contact that has none on its way; without a relay of mine, later.
    pub(super) fn reestablish(&mut self) -> Result<(), Stop> {
        // REC-35.
        if self.me()?.relay.is_none() {
            return Ok(());
        }
        for (key, contact) in self.list::<Contact>(Span::table(Table::Contact))? {
            let waits = contact.standing == StandingRow::Restored && contact.session.is_none();
            if !waits || contact.queue.is_none() || contact.received.is_none() {
                continue;
            }
            self.recover(ContactId(key.id))?;
        }
        Ok(())
    }

    /// Nobody answered a recovery of mine: told once, and tried on, as they may be away.
    pub(super) fn recovery_unanswered(&mut self, key: SessionKey, id: ContactId) -> Result<(), Corrupt> {
        // REC-36, REC-37.
        let first: Option<Outbox> =
            self.load(Outbox::key(OutboxId { session: key, seq: OutboxId::FIRST }))?;
        let gone = self.session(key)?.missing_since.is_some();
        // Their relay was not reached yet: that is told otherwise.
        if !gone && first.is_some_and(|row| !row.counted) {
            self.timer(TimerKind::NoAnswer, key.0, self.now.plus(Millis::DAY));
            return Ok(());
        }
        let mut contact = self.contact(id)?;
        self.note(&mut contact, id, Occurrence::NoRecovery);
        self.put_contact(id, &contact);
        Ok(())
    }

    /// A backup of mine holds the newest key of each contact: a fresh one each, so that the backups before it become useless.
    pub(super) fn backed_up(&mut self) -> Result<(), Stop> {
        // REC-08.
        for (at, contact) in self.list::<Contact>(Span::table(Table::Contact))? {
            if let Some(key) = contact.session.map(SessionKey) {
                self.renew_key(ContactId(at.id), key, true)?;
            }
        }
        Ok(())
    }
}
