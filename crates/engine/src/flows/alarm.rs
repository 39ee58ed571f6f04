//! Alarms: raised once, kept until the person chose.
//!
//! Spec: docs/spec/ratchet.md, "Alarms and latches"; docs/guide/chat.md.
//! Invariant: an own rollback is never dismissed, only
//! recovered from; a relay alone can raise nothing that stops sending.

use alloc::vec::Vec;

use rand_core::CryptoRng;

use crate::api::{CommandError, ContactId, Notice};
use crate::id::SessionKey;
use crate::rows::{Alarm, Contact, Corrupt, Inbound, Rows, Session, Span, Table, TimerKind};
use crate::tx::{Stop, Tx};

/// Which of two alarms is shown.
const fn rank(alarm: Alarm) -> u8 {
    match alarm {
        Alarm::OutOfStep => 0,
        Alarm::Recovered => 1,
        Alarm::Fork => 2,
        Alarm::OwnRollback => 3,
    }
}

impl<R: Rows, G: CryptoRng> Tx<'_, R, G> {
    /// An alarm of a session. One that is not current any more only keeps it to itself: it was replaced, and a copy
    /// that still speaks in it is no news.
    pub(super) fn alarm_in(&mut self, key: SessionKey, alarm: Alarm) -> Result<(), Corrupt> {
        let session: Session = self.session(key)?;
        if session.is_current() { self.alarm(ContactId(session.contact), alarm) } else { Ok(()) }
    }

    pub(super) fn alarm(&mut self, id: ContactId, alarm: Alarm) -> Result<(), Corrupt> {
        let mut contact: Contact = self.contact(id)?;
        if contact.alarm.is_some_and(|stands| rank(stands) >= rank(alarm)) {
            return Ok(());
        }
        contact.alarm = Some(alarm);
        self.put_contact(id, &contact);
        self.tell(Notice::Alarm { contact: id, kind: alarm.into() });
        self.tell(Notice::Chats);
        self.tell(Notice::Chat(id));
        Ok(())
    }

    /// The person read it and goes on.
    pub(super) fn unlatch(&mut self, id: ContactId) -> Result<(), Stop> {
        let mut contact = self.known(id)?;
        match contact.alarm {
            None => return Ok(()),
            Some(Alarm::OwnRollback) => return Err(CommandError::Alarmed(Alarm::OwnRollback.into()).into()),
            Some(_) => contact.alarm = None,
        }
        self.put_contact(id, &contact);
        if let Some(key) = contact.session.map(SessionKey) {
            if let Some(next) = self.ratchet(key)?.unlatch_for_sending() {
                self.put_ratchet(key, next);
            }
            // An automatic cell may have waited for this.
            let session = self.session(key)?;
            if session.heard && !session.confirmed {
                self.timer_unless_set(TimerKind::Confirm, key.0, self.now)?;
            }
        }
        self.forget_strange(id)?;
        if !self.span(Span::under(Table::Receipt, id.0).limit(1))?.is_empty() {
            self.timer_unless_set(TimerKind::Receipts, id.0, self.now)?;
        }
        self.tell(Notice::Chats);
        self.tell(Notice::Chat(id));
        self.settle(id)?;
        Ok(())
    }

    /// Counts the cells that nobody could open from zero again.
    pub(super) fn forget_strange(&mut self, id: ContactId) -> Result<(), Corrupt> {
        let queues: Vec<(_, Inbound)> = self.list(Span::table(Table::Inbound))?;
        for (key, mut inbound) in queues {
            if inbound.contact == Some(id.0) && !inbound.strange.is_empty() {
                inbound.strange.clear();
                self.put(key, &inbound);
            }
        }
        Ok(())
    }
}
