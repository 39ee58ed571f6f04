//! Texts of mine: from the command to sealed cells.
//!
//! Spec: docs/spec/ratchet.md, "Sealing"; docs/ARCHITECTURE.md, "One message". Invariant: the row of a text, its
//! place in the queue of what waits, and its sealed cells are each written in one transition; texts are sealed in order.

use alloc::string::String;

use rand_core::CryptoRng;
use subrosa_crypto::{Level, SealError, Sealed, Session as Ratchet, Weight, split};
use zeroize::Zeroizing;

use super::content::note_last;
use crate::api::{CommandError, ContactId, FailReason, MessageId, Notice, Position, TEXT_MAX};
use crate::content::{Content, Reference, Text};
use crate::id::{OutboxId, SessionKey};
use crate::rows::{
    Contact, Corrupt, Draft, Message, MessageBody, Outbox, Progress, Rows, Session, Span, StandingRow, Table,
    Unsealed,
};
use crate::tx::{Stop, Tx};

impl<R: Rows, G: CryptoRng> Tx<'_, R, G> {
    pub(super) fn send(
        &mut self,
        id: ContactId,
        text: String,
        reply: Option<MessageId>,
    ) -> Result<MessageId, Stop> {
        let mut contact = self.writable(id)?;
        if text.trim().is_empty() {
            return Err(CommandError::Empty.into());
        }
        if text.len() > TEXT_MAX {
            return Err(CommandError::TooLong { len: text.len(), max: TEXT_MAX }.into());
        }
        let reply_mine = match reply {
            Some(target) => self.author_of(id, target)?,
            None => false,
        };
        let message = self.message_id();
        let position = contact.take_positions(1);
        let row = Message {
            id: message.0,
            mine: true,
            at: self.now.0,
            body: MessageBody::Text(text),
            reply: reply.map(|reply| reply.0),
            reply_mine,
            progress: Some(Progress::default()),
            unread: false,
        };
        note_last(&mut contact, &row);
        self.put_contact(id, &contact);
        self.drop_draft_of(id, &row)?;
        self.put(Message::key(id, position), &row);
        self.put(Unsealed::key(id, position), &Unsealed { since: self.now.0 });
        self.tell(Notice::Chat(id));
        self.tell(Notice::Chats);
        self.settle(id)?;
        Ok(message)
    }

    /// The composer's text became this message: should we crash now, it must not stand there still.
    fn drop_draft_of(&mut self, id: ContactId, message: &Message) -> Result<(), Corrupt> {
        let draft: Option<Draft> = self.load(Draft::key(id))?;
        if draft.is_some_and(|draft| message.body == MessageBody::Text(draft.text)) {
            self.erase(Draft::key(id));
        }
        Ok(())
    }

    /// A contact that may be written to now.
    fn writable(&self, id: ContactId) -> Result<Contact, Stop> {
        let contact = self.accepted_contact(id)?;
        if contact.standing == StandingRow::Closed {
            return Err(CommandError::Closed.into());
        }
        match contact.stopped() {
            Some(alarm) => Err(CommandError::Alarmed(alarm).into()),
            None => Ok(contact),
        }
    }

    /// Whether I wrote the message that is answered.
    fn author_of(&self, id: ContactId, message: MessageId) -> Result<bool, Stop> {
        if self.position(id, true, message)?.is_some() {
            return Ok(true);
        }
        match self.position(id, false, message)? {
            Some(_) => Ok(false),
            None => Err(CommandError::Missing("message").into()),
        }
    }

    pub(super) fn retry(&mut self, id: ContactId, message: MessageId) -> Result<(), Stop> {
        let contact = self.writable(id)?;
        let missing = || Stop::No(CommandError::Missing("message"));
        let position = self.position(id, true, message)?.ok_or_else(missing)?;
        let mut row: Message = self.need(Message::key(id, position))?;
        let Some(progress) = &mut row.progress else { return Err(missing()) };
        if progress.failed == 0 {
            return Ok(());
        }
        progress.failed = 0;
        let sealed = progress.cells > 0;
        self.put(Message::key(id, position), &row);
        if let (true, Some(key)) = (sealed, contact.session.map(SessionKey)) {
            // Its cells are kept: the same bytes again, now.
            let mut session = self.session(key)?;
            (session.hold, session.missing_since, session.refusals) = (None, None, 0);
            self.put_session(key, &session);
            self.send_waiting(key)?;
        } else {
            self.wait_again(id, position)?;
        }
        self.tell(Notice::Chat(id));
        self.settle(id)?;
        Ok(())
    }

    /// Seals what waits, in order, as far as window, level and alarms allow; then looks whether a heartbeat is due.
    pub(super) fn settle(&mut self, id: ContactId) -> Result<(), Corrupt> {
        let contact = self.contact(id)?;
        let Some(key) = contact.session.map(SessionKey) else { return Ok(()) };
        let open = matches!(contact.standing, StandingRow::Pending | StandingRow::Contact);
        if open && contact.stopped().is_none() {
            self.seal_waiting(id, key)?;
            self.rotate_key(id)?;
        }
        self.beat(id, key)
    }

    /// Seals what waits, as far as it may be.
    fn seal_waiting(&mut self, id: ContactId, key: SessionKey) -> Result<(), Corrupt> {
        let session: Session = self.session(key)?;
        // REC-18.
        // No text before both sides of a recovery are proven.
        if session.recovery && self.ratchet(key)?.level() < Level::MutualPq {
            return Ok(());
        }
        for (waiting, _) in self.list::<Unsealed>(Span::under(Table::Unsealed, id.0))? {
            let position = Position(waiting.id);
            match self.seal_message(id, key, position)? {
                Ok(()) => {}
                Err(SealError::WindowFull | SealError::WaitForPeer | SealError::Latched(_)) => break,
                // The session has come to its end: the person has to know.
                Err(_) => self.fail(id, position, FailReason::Closed)?,
            }
            self.erase(waiting);
        }
        Ok(())
    }

    fn seal_message(
        &mut self,
        id: ContactId,
        key: SessionKey,
        position: Position,
    ) -> Result<Result<(), SealError>, Corrupt> {
        let Some(mut row) = self.load::<Message>(Message::key(id, position))? else { return Ok(Ok(())) };
        let MessageBody::Text(text) = &row.body else { return Ok(Ok(())) };
        let reply = row.reply.map(|reply| Reference { own: row.reply_mine, id: MessageId(reply) });
        let content = Content::text(MessageId(row.id), Text { text: text.clone(), reply, lifetime: None });
        let Ok(bytes) = content.write() else { return Ok(Err(SealError::BadPart)) };
        match self.seal(key, &bytes, Weight::Text, Some(position))? {
            Ok(cells) => {
                let sent = row.progress.and_then(|progress| progress.sent);
                row.progress =
                    Some(Progress { cells, unsent: cells, unacked: cells, sent, ..Progress::default() });
                self.put(Message::key(id, position), &row);
                Ok(Ok(()))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    /// Seals a content that is no message.
    pub(super) fn seal_content(
        &mut self,
        key: SessionKey,
        content: &Content,
        weight: Weight,
    ) -> Result<Result<(), SealError>, Corrupt> {
        match content.write() {
            Ok(bytes) => Ok(self.seal(key, &bytes, weight, None)?.map(|_| ())),
            Err(_) => Ok(Err(SealError::BadPart)),
        }
    }

    /// Seals a content into consecutive cells, all or none, and sends them. Answers how many.
    fn seal(
        &mut self,
        key: SessionKey,
        content: &Zeroizing<alloc::vec::Vec<u8>>,
        weight: Weight,
        message: Option<Position>,
    ) -> Result<Result<u32, SealError>, Corrupt> {
        let Ok(parts) = split(content) else { return Ok(Err(SealError::BadPart)) };
        let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        let mut ratchet: Ratchet = self.ratchet(key)?;
        if let Some(refusal) = ratchet.refusal(weight) {
            return Ok(Err(refusal));
        }
        // RAT-17.
        if ratchet.unacknowledged().saturating_add(count) > weight.limit() {
            return Ok(Err(SealError::WindowFull));
        }
        let mut cells = alloc::vec::Vec::with_capacity(parts.len());
        // CEL-11.
        for part in &parts {
            match ratchet.seal(part, weight, self.rng) {
                Ok(Sealed { next, cell, seq }) => {
                    ratchet = next;
                    cells.push((seq, cell));
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        // RAT-22.
        self.put_ratchet(key, ratchet);
        let spoke = Session { spoke: Some(self.now.0), owed: None, beat_at: None, ..self.session(key)? };
        self.put_session(key, &spoke);
        for (seq, cell) in cells {
            let row = Outbox {
                accepted: None,
                quiet: weight.quiet(),
                message: message.map(|position| position.0),
                counted: false,
            };
            self.push_cell(OutboxId { session: key, seq: i64::from(seq) }, cell, &row)?;
        }
        Ok(Ok(count))
    }

    /// A message that won't be sent.
    pub(super) fn fail(
        &mut self,
        id: ContactId,
        position: Position,
        reason: FailReason,
    ) -> Result<(), Corrupt> {
        let Some(mut row) = self.load::<Message>(Message::key(id, position))? else { return Ok(()) };
        if let Some(progress) = &mut row.progress {
            progress.fail(reason);
            self.put(Message::key(id, position), &row);
            self.tell(Notice::Chat(id));
        }
        Ok(())
    }

    /// Everything that waits to be sealed has failed: the chat is closed.
    pub(super) fn fail_waiting(&mut self, id: ContactId) -> Result<(), Corrupt> {
        for (waiting, _) in self.list::<Unsealed>(Span::under(Table::Unsealed, id.0))? {
            self.fail(id, Position(waiting.id), FailReason::Closed)?;
            self.erase(waiting);
        }
        Ok(())
    }
}
