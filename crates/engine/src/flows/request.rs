//! Requests: let in or turned away.
//!
//! Spec: docs/spec/handshake.md, "The inviter". Invariant: nothing is sent before the person accepted; a rejected
//! request leaves nothing but the hash that knows its repeat.

use rand_core::CryptoRng;

use crate::api::{CommandError, ContactId, MessageId, Notice};
use crate::id::{InboundId, SessionKey};
use crate::rows::{Contact, Corrupt, Gap, Key, Message, Occurrence, Role, Rows, Span, StandingRow, Table};
use crate::tx::{Stop, Tx};

impl<R: Rows, G: CryptoRng> Tx<'_, R, G> {
    fn asking(&self, id: ContactId) -> Result<(Contact, SessionKey), Stop> {
        let missing = CommandError::Missing("request");
        let contact: Contact = self.load(Contact::key(id))?.ok_or(missing.clone())?;
        match (contact.standing, contact.session) {
            (StandingRow::Request | StandingRow::KnownAgain, Some(key)) => Ok((contact, SessionKey(key))),
            _ => Err(missing.into()),
        }
    }

    pub(super) fn accept(&mut self, id: ContactId) -> Result<(), Stop> {
        let (mut contact, key) = self.asking(id)?;
        match contact.known.map(ContactId) {
            // The contact was forgotten meanwhile: then this is a contact of its own.
            Some(known) if self.load::<Contact>(Contact::key(known))?.is_some() => {
                self.let_in_again(id, key, known)?;
            }
            _ => {
                (contact.standing, contact.known) = (StandingRow::Contact, None);
                self.put_contact(id, &contact);
                let mut session = self.session(key)?;
                session.role = Role::Current;
                self.put_session(key, &session);
                self.welcome(id, key)?;
            }
        }
        self.tell(Notice::Chats);
        Ok(())
    }

    /// A known identity: its new session becomes the one of its contact, with lowered trust.
    fn let_in_again(&mut self, id: ContactId, key: SessionKey, known: ContactId) -> Result<(), Stop> {
        // HS-33.
        self.move_rows(id, key, known)?;
        self.erase(Contact::key(id));
        let mut contact = self.contact(known)?;
        // ID-09.
        (contact.verified, contact.standing) = (false, StandingRow::Contact);
        contact.alarm = None;
        contact.others.push(key.0);
        self.note(&mut contact, known, Occurrence::CameAgain);
        self.put_contact(known, &contact);
        let mut session = self.session(key)?;
        (session.contact, session.role) = (known.0, Role::Trial);
        self.put_session(key, &session);
        self.promote(known, key)?;
        self.own_queue(InboundId(session.inbound), known)?;
        self.welcome(known, key)?;
        self.settle(known)?;
        Ok(())
    }

    /// What they wrote while they waited moves to the end of the contact's chat, every slot with it.
    fn move_rows(&mut self, id: ContactId, key: SessionKey, known: ContactId) -> Result<(), Corrupt> {
        let request = self.contact(id)?;
        let mut contact = self.contact(known)?;
        let shift = contact.next.saturating_sub(Contact::STEP);
        for (at, row) in self.list::<Message>(Span::under(Table::Message, id.0))? {
            let to = Key { parent: known.0, id: at.id.saturating_add(shift), ..at };
            if row.is_message() && self.position(known, false, MessageId(row.id))?.is_some() {
                // Shown in the contact's chat already.
                continue;
            }
            if row.unread {
                contact.unread_from =
                    if contact.unread == 0 { to.id } else { contact.unread_from.min(to.id) };
                contact.unread = contact.unread.saturating_add(1);
            }
            super::content::note_last(&mut contact, &row);
            self.put(to, &row);
        }
        for (at, gap) in self.list::<Gap>(Span::under(Table::Gap, key.0))? {
            self.put(at, &Gap { at: gap.at.saturating_add(shift), ..gap });
        }
        contact.next = request.next.saturating_add(shift);
        self.put_contact(known, &contact);
        self.erase_all(Table::Message, id.0);
        Ok(())
    }

    pub(super) fn reject(&mut self, id: ContactId) -> Result<(), Stop> {
        // HS-30.
        self.asking(id)?;
        self.erase_contact(id)?;
        self.tell(Notice::Chats);
        Ok(())
    }
}
