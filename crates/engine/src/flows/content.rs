//! What a content of theirs does.
//!
//! Spec: docs/spec/content.md. Invariant: a message id of an author is shown once; whatever names a message that is
//! not there does nothing and sends nothing (A22).

use alloc::string::String;

use rand_core::CryptoRng;
use subrosa_crypto::{QueueDescriptor, Role as End};

use super::arrive::Origin;
use crate::api::{MessageId, Notice, Position};
use crate::content::{Content, Control, Kind, Text};
use crate::limits::PREVIEW;
use crate::rows::{
    Alarm, Contact, Corrupt, Hidden, Last, Message, MessageBody, Occurrence, Receipt, Role, Rows, StandingRow,
};
use crate::sanitize;
use crate::tx::Tx;

impl<R: Rows, G: CryptoRng> Tx<'_, R, G> {
    pub(super) fn content(&mut self, origin: Origin, bytes: &[u8]) -> Result<(), Corrupt> {
        let Ok(content) = Content::parse(bytes) else {
            // CON-34.
            // Authentic, but not a content: the peer's fault, and visible.
            return self.newer(origin, None, bytes);
        };
        match content.kind {
            Kind::Text(text) => match content.id {
                Some(id) => self.text(origin, id, text),
                None => Ok(()),
            },
            Kind::Receipt(receipt) => self.receipt(origin.contact, &receipt),
            Kind::Control(control) => self.control(origin, control),
            Kind::Profile(profile) => self.profile(origin, &profile.name),
            Kind::Typing(_) => Ok(()),
            // CON-33.
            _ => self.newer(origin, content.id, bytes),
        }
    }

    fn text(&mut self, origin: Origin, id: MessageId, text: Text) -> Result<(), Corrupt> {
        let reply = text.reply;
        let message = Message {
            id: id.0,
            mine: false,
            at: self.now.0,
            body: MessageBody::Text(text.text),
            reply: reply.map(|reply| reply.id.0),
            // Their own is not mine.
            reply_mine: reply.is_some_and(|reply| !reply.own),
            progress: None,
            unread: true,
        };
        self.show(origin, &message)
    }

    /// Something that this version does not show, kept raw for one that does.
    fn newer(&mut self, origin: Origin, id: Option<MessageId>, bytes: &[u8]) -> Result<(), Corrupt> {
        let id = id.unwrap_or_else(|| self.message_id());
        let body = MessageBody::Newer(bytes.to_vec());
        let message = Message { id: id.0, unread: true, ..Message::note(body, self.now) };
        self.show(origin, &message)
    }

    /// A message of theirs, unless it was shown before: at its slot, else at the end.
    fn show(&mut self, origin: Origin, message: &Message) -> Result<(), Corrupt> {
        let Origin { contact: id, slot, .. } = origin;
        if let Some(position) = self.position(id, false, MessageId(message.id))? {
            // CON-10.
            // Sealed again in another session, as its sender does not know that it arrived: that much is answered.
            let shown: Option<Message> = self.load(Message::key(id, position))?;
            let read = shown.is_some_and(|shown| !shown.unread);
            return self.owe(id, position, Receipt { id: message.id, read });
        }
        let mut contact = self.contact(id)?;
        let position = slot.unwrap_or_else(|| contact.take_positions(1));
        self.put(Message::key(id, position), message);
        contact.unread_from =
            if contact.unread == 0 { position.0 } else { contact.unread_from.min(position.0) };
        contact.unread = contact.unread.saturating_add(1);
        note_last(&mut contact, message);
        self.put_contact(id, &contact);
        if named_by_them(message) {
            self.owe(id, position, Receipt { id: message.id, read: false })?;
        }
        self.tell(Notice::Arrived(id));
        self.tell(Notice::Chat(id));
        self.tell(Notice::Chats);
        Ok(())
    }

    /// Something that happened to the chat, as a row at its end.
    pub(super) fn note(&mut self, contact: &mut Contact, origin: crate::api::ContactId, what: Occurrence) {
        let position: Position = contact.take_positions(1);
        self.put(Message::key(origin, position), &Message::note(MessageBody::Event(what), self.now));
        self.tell(Notice::Chat(origin));
        self.tell(Notice::Chats);
    }

    /// Their claim of a name.
    fn profile(&mut self, origin: Origin, name: &str) -> Result<(), Corrupt> {
        let mut contact = self.contact(origin.contact)?;
        // CON-23.
        contact.claim = sanitize::name(name);
        self.put_contact(origin.contact, &contact);
        self.tell(Notice::Chats);
        Ok(())
    }

    fn control(&mut self, origin: Origin, control: Control) -> Result<(), Corrupt> {
        let Origin { contact, session, seq, .. } = origin;
        match control {
            Control::Hello { queue, recovery } => {
                if let Some(queue) = queue {
                    self.answer_queue(origin, queue.expose())?;
                }
                recovery.map_or(Ok(()), |key| self.keep_key((contact, session), seq, &key))
            }
            // CON-25.
            Control::Confirm { recovery } => {
                recovery.map_or(Ok(()), |key| self.keep_key((contact, session), seq, &key))
            }
            Control::Recovery { key, renew } => {
                self.keep_key((contact, session), seq, &key)?;
                if renew { self.renew_key(contact, session, false) } else { Ok(()) }
            }
            Control::Replaced { session: by } => self.replaced(origin, by),
            Control::Close => self.closed(origin),
            // CON-29.
            Control::Heartbeat => Ok(()),
        }
    }

    /// The inviter's private queue: only its `hello` names one, and only the joiner follows it.
    fn answer_queue(&mut self, origin: Origin, queue: &[u8]) -> Result<(), Corrupt> {
        // CON-24, CON-30.
        if self.ratchet(origin.session)?.role() != End::Joiner || QueueDescriptor::parse(queue).is_err() {
            return Ok(());
        }
        let mut session = self.session(origin.session)?;
        (session.queue, session.entry) = (Hidden::copy(queue), 0);
        let waited = core::mem::take(&mut session.at_address);
        self.put_session(origin.session, &session);
        if waited { self.send_waiting(origin.session) } else { Ok(()) }
    }

    /// A recovery in my name. When I started it myself, nothing is new.
    fn replaced(&mut self, origin: Origin, by: [u8; 32]) -> Result<(), Corrupt> {
        // CON-27, REC-38.
        let mut contact = self.contact(origin.contact)?;
        for key in self.sessions_of(&contact) {
            if self.ratchet(key)?.id().0 == by {
                return Ok(());
            }
        }
        self.note(&mut contact, origin.contact, Occurrence::Replaced);
        self.put_contact(origin.contact, &contact);
        self.alarm_in(origin.session, Alarm::Fork)
    }

    fn closed(&mut self, origin: Origin) -> Result<(), Corrupt> {
        // CON-28.
        if self.session(origin.session)?.role != Role::Current {
            return Ok(());
        }
        self.close_chat(origin.contact, Occurrence::Closed)
    }

    /// The chat is over: what waits has failed, and says so.
    pub(super) fn close_chat(&mut self, id: crate::api::ContactId, why: Occurrence) -> Result<(), Corrupt> {
        let mut contact = self.contact(id)?;
        if contact.standing == StandingRow::Closed {
            return Ok(());
        }
        contact.standing = StandingRow::Closed;
        self.note(&mut contact, id, why);
        self.put_contact(id, &contact);
        self.fail_waiting(id)
    }
}

/// Whether the id of this row of theirs is one that they gave it: they know what a receipt for it means. An edit or a
/// reaction, whatever it is about, has none and must not be answered (A22).
pub(super) fn named_by_them(message: &Message) -> bool {
    // CON-16.
    match &message.body {
        MessageBody::Newer(bytes) => Content::parse(bytes).is_ok_and(|content| content.id.is_some()),
        _ => true,
    }
}

/// The newest message for the chat list; one that came late does not take its place.
pub(crate) fn note_last(contact: &mut Contact, message: &Message) {
    let text = match &message.body {
        MessageBody::Text(text) => sanitize::preview(text, PREVIEW),
        MessageBody::Newer(_) => "(needs a newer version)".into(),
        _ => String::new(),
    };
    if contact.last.as_ref().is_none_or(|last| last.at <= message.at) {
        contact.last = Some(Last { at: message.at, text });
    }
}
