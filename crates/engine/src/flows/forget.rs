//! Forgetting a contact.
//!
//! Spec: docs/guide/chat.md; docs/spec/content.md, "11 control".
//! Invariant: nothing of the chat stays but, until a relay has
//! it, the sealed `close`.

use alloc::vec::Vec;

use rand_core::CryptoRng;
use subrosa_crypto::Weight;

use crate::api::{ContactId, InviteId, Notice};
use crate::content::{Content, Control, Kind};
use crate::id::{InboundId, OutboxId, SessionKey};
use crate::rows::{
    Contact, Corrupt, Draft, Inbound, Outbox, Role, Rows, Session, Span, StandingRow, Table, TimerKind,
};
use crate::tx::{Stop, Tx};

impl<R: Rows, G: CryptoRng> Tx<'_, R, G> {
    pub(super) fn forget(&mut self, id: ContactId) -> Result<(), Stop> {
        let contact = self.known(id)?;
        if let (StandingRow::Contact | StandingRow::Pending, Some(key)) =
            (contact.standing, contact.session.map(SessionKey))
        {
            self.say_close(id, key)?;
        }
        self.erase_contact(id)?;
        self.tell(Notice::Chats);
        Ok(())
    }

    /// The last word, sealed before the session goes; left out when it can't be sealed.
    fn say_close(&mut self, id: ContactId, key: SessionKey) -> Result<(), Corrupt> {
        // HS-34.
        let next = self.ratchet(key)?.next_seq();
        let close = Content::of(Kind::Control(Control::Close));
        if self.seal_content(key, &close, Weight::Control)?.is_err() {
            return Ok(());
        }
        // Only that cell stays, and the facts that say where it goes.
        let last = OutboxId { session: key, seq: i64::from(next) };
        for (at, _) in self.list::<Outbox>(Span::under(Table::Outbox, key.0))? {
            if Outbox::id(at) != last {
                self.erase(at);
                self.erase(crate::rows::OutCell::key(Outbox::id(at)));
            }
        }
        self.clear_session_rows(key)?;
        self.erase_ratchet(key);
        let mut session = self.session(key)?;
        let inbound = InboundId(session.inbound);
        (session.role, session.contact, session.inbound) = (Role::Leaving, 0, 0);
        session.hold = None;
        self.put_session(key, &session);
        self.send_waiting(key)?;
        self.end_later(key)?;
        let mut contact = self.contact(id)?;
        contact.session = None;
        self.put_contact(id, &contact);
        self.close_queue_if_idle(inbound)
    }

    /// What belongs to a session beside its facts, its state and its outbox.
    fn clear_session_rows(&mut self, key: SessionKey) -> Result<(), Corrupt> {
        for table in [Table::Part, Table::Gap, Table::Bad] {
            self.erase_all(table, key.0);
        }
        for kind in TimerKind::OF_SESSIONS {
            self.clear_timer(kind, key.0)?;
        }
        Ok(())
    }

    /// Erases a contact or request with everything that is only theirs.
    pub(super) fn erase_contact(&mut self, id: ContactId) -> Result<(), Corrupt> {
        let contact: Contact = self.contact(id)?;
        for key in self.sessions_of(&contact) {
            if self.load::<Session>(Session::key(key))?.is_some() {
                self.drop_session(key)?;
            }
        }
        for table in [Table::Message, Table::Unsealed, Table::Receipt] {
            self.erase_all(table, id.0);
        }
        self.erase(Draft::key(id));
        self.clear_timer(TimerKind::Receipts, id.0)?;
        self.erase(Contact::key(id));
        let queues: Vec<(_, Inbound)> = self.list(Span::table(Table::Inbound))?;
        for (key, inbound) in queues.into_iter().filter(|(_, inbound)| inbound.contact == Some(id.0)) {
            if let Some(invite) = inbound.invite {
                // The one-time invite that they came by: used up, and its queue goes.
                self.erase_invite(InviteId(invite))?;
            }
            self.close_queue(InboundId(key.id))?;
        }
        Ok(())
    }
}
