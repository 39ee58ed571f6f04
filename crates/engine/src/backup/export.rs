//! [`export`]: everything that is worth keeping, record by record.
//!
//! Spec: docs/spec/backup.md, "What is in it". Invariant: rows are read in windows, so memory does not grow with the history.

use alloc::vec::Vec;

use subrosa_codec::Millis;

use super::Contents;
use super::record::{Came, End, Entry, Head, Person, Record, Said, Stood, VERSION};
use crate::api::{ContactId, FailReason, SendState};
use crate::id::SessionKey;
use crate::job::read;
use crate::rows::{
    Contact, Corrupt, Draft, Hidden, Me, Message, MessageBody, Progress, Row, Rows, Session, Span,
    StandingRow, Table,
};

/// Rows of a conversation that are read at a time.
const WINDOW: u32 = 256;

/// What the rows don't say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backup {
    /// When it is made.
    pub now: Millis,
    /// Whether the profile hosts its relay itself: then that relay will be gone with it.
    pub hosted: bool,
}

/// Why nothing complete was written.
#[derive(Debug)]
pub enum ExportError<E> {
    /// A row can't be read.
    Corrupt(Corrupt),
    /// Whoever takes the bytes refused.
    Taker(E),
}

impl<E> From<Corrupt> for ExportError<E> {
    fn from(corrupt: Corrupt) -> Self {
        Self::Corrupt(corrupt)
    }
}

/// Writes the content of a backup to `take`, piece by piece. `rows` must not change meanwhile: inside one transaction.
///
/// # Errors
/// [`ExportError`].
pub fn export<E>(
    rows: &impl Rows,
    backup: Backup,
    take: &mut impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<Contents, ExportError<E>> {
    // AR-26.
    let mut put = |bytes: &[u8]| take(bytes).map_err(ExportError::Taker);
    let Backup { now, hosted } = backup;
    let me: Me = read(rows, Me::KEY)?.ok_or(Corrupt { table: Table::Meta })?;
    let Me { seed, name, relay, receipts, words: _ } = me;
    let head = Head { version: VERSION, made: now.0, seed, name, relay, hosted, receipts };
    put(&head.frame())?;
    let mut contents =
        Contents { name: head.name.clone(), made: now, hosted: head.hosted, ..Contents::default() };
    for (key, bytes) in rows.span(Span::table(Table::Contact))? {
        let contact = Contact::parse(&bytes)?;
        let Some(stood) = stood(&contact) else { continue };
        let id = ContactId(key.id);
        let seen = contact.seen;
        let person = person(rows, (id, contact), stood)?;
        put(&person.frame())?;
        contents.contacts += 1;
        contents.returning += u64::from(person.returns());
        let mut from = i64::MIN;
        loop {
            let window = rows.span(Span::under(Table::Message, id.0).from(from).limit(WINDOW))?;
            for (at, bytes) in &window {
                let entry = entry(Message::parse(bytes)?, seen.is_some_and(|seen| at.id <= seen), now);
                put(&entry.frame())?;
                contents.messages += 1;
            }
            match window.last().and_then(|(at, _)| at.id.checked_add(1)) {
                Some(next) => from = next,
                None => break,
            }
        }
    }
    put(&End { contacts: contents.contacts, messages: contents.messages }.frame())?;
    Ok(contents)
}

impl Person {
    /// Whether a restore can come back to them.
    pub(super) fn returns(&self) -> bool {
        self.stood == Stood::Contact && self.queue.is_some() && self.received.is_some()
    }
}

/// Requests are left out: nobody was let in, and what would answer them is not in a backup.
const fn stood(contact: &Contact) -> Option<Stood> {
    match contact.standing {
        StandingRow::Request | StandingRow::KnownAgain => None,
        StandingRow::Contact | StandingRow::Restored => Some(Stood::Contact),
        StandingRow::Pending => Some(Stood::Pending),
        StandingRow::Closed => Some(Stood::Closed),
    }
}

fn person(rows: &impl Rows, (id, contact): (ContactId, Contact), stood: Stood) -> Result<Person, Corrupt> {
    let session: Option<Session> = match contact.session.map(SessionKey) {
        Some(key) => read(rows, Session::key(key))?,
        None => None,
    };
    let draft: Option<Draft> = read(rows, Draft::key(id))?;
    let queue: Option<Hidden> = session.map(|session| session.queue).or(contact.queue);
    Ok(Person {
        identity: contact.identity,
        claim: contact.claim,
        name: contact.name,
        stood,
        verified: contact.verified,
        queue,
        received: contact.received,
        given: contact.given.into_iter().collect::<Vec<_>>(),
        since: contact.since,
        draft: draft.map(|draft| draft.text),
    })
}

fn entry(message: Message, seen: bool, now: Millis) -> Entry {
    let Message { id, mine, at, body, reply, reply_mine, progress, unread } = message;
    let said = match body {
        MessageBody::Text(text) => Said::Text(text),
        MessageBody::Newer(bytes) => Said::Newer(bytes),
        MessageBody::Gap(cells) | MessageBody::Lost(cells) => Said::Missing(cells),
        MessageBody::Event(what) => Said::Event(what.number()),
    };
    let came = progress.as_ref().map(|progress| came(progress, now));
    let sent = progress.and_then(|progress| progress.sent);
    Entry { id, mine, at, said, reply, reply_mine, came, sent, unread, seen }
}

fn came(progress: &Progress, now: Millis) -> Came {
    match progress.state(now) {
        SendState::Read => Came::Read,
        SendState::Delivered => Came::Delivered,
        SendState::Failed(FailReason::QueueGone | FailReason::Closed) => Came::Failed,
        _ if progress.cells > 0 && progress.unacked == 0 => Came::Arrived,
        _ => Came::Waiting,
    }
}
