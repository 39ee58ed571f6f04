//! [`Import`]: the rows of a new vault, from a backup that is read piece by piece.
//!
//! Spec: docs/spec/backup.md, "Reading". Invariant: nothing of it is a profile before [`Import::finish`] said that it is whole;
//! every chat says in a row of its own that it was restored, and what is not confirmed.

use alloc::string::String;
use alloc::vec::Vec;
use core::{fmt, mem};

use subrosa_codec::Millis;
use subrosa_crypto::{IdentityPublic, QueueDescriptor, RecoveryKey};
use subrosa_wire::RelayAddress;
use zeroize::Zeroizing;

use super::Contents;
use super::record::{Came, End, Entry, FRAME, Head, Person, RECORD_MAX, Record, Said, Stood, VERSION};
use crate::api::{ContactId, FailReason, Position};
use crate::flows::note_last;
use crate::rows::{
    Change, Contact, Counter, Draft, Hidden, Me, Message, MessageBody, Occurrence, Progress, Row,
    StandingRow, Unsealed,
};
use crate::sanitize;

/// Why a backup's content is not taken over. Nothing of it may be kept then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// Made by a newer version.
    #[error("this backup was made by a newer version of subrosa; update, then try again")]
    NewerVersion,
    /// Authentic, and not what a backup holds.
    #[error("the content of this backup can't be read; try another copy, or a newer version of subrosa")]
    Malformed,
}

/// What the new vault does not have from the backup.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The moment of the restore.
    pub now: Millis,
    /// Another relay for what is new; `None` for that of the backup, unless the old profile hosted it.
    pub relay: Option<String>,
    /// The 24 words, for the backups to come.
    pub words: Hidden,
}

/// Reads the content of a backup.
pub struct Import {
    settings: Settings,
    /// Bytes that are not a whole record yet.
    held: Zeroizing<Vec<u8>>,
    me: Option<Me>,
    contents: Contents,
    /// The contact whose messages come now.
    open: Option<Open>,
    last_id: i64,
    ended: bool,
}

/// A contact whose messages come now.
struct Open {
    id: ContactId,
    contact: Contact,
    returns: bool,
    closed: bool,
    changes: Vec<Change>,
}

impl Import {
    /// Begins.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            held: Zeroizing::new(Vec::new()),
            me: None,
            contents: Contents::default(),
            open: None,
            last_id: 0,
            ended: false,
        }
    }

    /// Takes the next bytes, and answers the rows that follow from them.
    ///
    /// # Errors
    /// [`ImportError`].
    pub fn take(&mut self, bytes: &[u8]) -> Result<Vec<Change>, ImportError> {
        let mut held = mem::take(&mut self.held);
        // One copy into a buffer of the right size: a vector that grows leaves its bytes behind.
        let mut all = Zeroizing::new(Vec::with_capacity(held.len() + bytes.len()));
        all.append(&mut held);
        all.extend_from_slice(bytes);
        let mut changes = Vec::new();
        let mut rest = all.as_slice();
        while let Some((kind, text, later)) = next_record(rest)? {
            self.record(kind, text, &mut changes)?;
            rest = later;
        }
        self.held = Zeroizing::new(rest.to_vec());
        Ok(changes)
    }

    /// The end of the content: the last rows, and what there was.
    ///
    /// # Errors
    /// [`ImportError::Malformed`] when it is not whole.
    pub fn finish(mut self) -> Result<(Vec<Change>, Contents), ImportError> {
        // BAK-04.
        let (true, true, Some(me)) = (self.ended, self.held.is_empty(), self.me.take()) else {
            return Err(ImportError::Malformed);
        };
        let counter = Counter { last: self.last_id };
        Ok((
            alloc::vec![Change::Put(Me::KEY, me.write()), Change::Put(Counter::KEY, counter.write())],
            self.contents,
        ))
    }

    fn record(&mut self, kind: u8, text: &[u8], changes: &mut Vec<Change>) -> Result<(), ImportError> {
        // BAK-03.
        if self.ended || (kind != Head::KIND && self.me.is_none()) {
            return Err(ImportError::Malformed);
        }
        match kind {
            Head::KIND => self.head(parse(text)?),
            Person::KIND => {
                self.close(changes);
                self.person(parse(text)?)
            }
            Entry::KIND => self.entry(parse(text)?, changes),
            End::KIND => {
                self.close(changes);
                let end: End = parse(text)?;
                self.ended = true;
                let whole = (end.contacts, end.messages) == (self.contents.contacts, self.contents.messages);
                if whole { Ok(()) } else { Err(ImportError::Malformed) }
            }
            // A later version's.
            _ => Ok(()),
        }
    }

    fn head(&mut self, head: Head) -> Result<(), ImportError> {
        if head.version > VERSION {
            return Err(ImportError::NewerVersion);
        }
        let relay = match &self.settings.relay {
            Some(other) => Some(other.clone()),
            None => head.relay.filter(|_| !head.hosted),
        };
        let sound = head.seed.array::<32>().is_some()
            && relay.as_deref().is_none_or(|relay| RelayAddress::parse(relay).is_ok());
        if self.me.is_some() || head.version == 0 || !sound {
            return Err(ImportError::Malformed);
        }
        let name = sanitize::name(&head.name);
        self.contents = Contents {
            name: name.clone(),
            made: Millis(head.made),
            hosted: head.hosted,
            ..Contents::default()
        };
        let words = Some(self.settings.words.clone());
        self.me = Some(Me { seed: head.seed, name, relay, receipts: head.receipts, words });
        Ok(())
    }

    fn person(&mut self, person: Person) -> Result<(), ImportError> {
        // BAK-07.
        let key = |key: &Hidden| RecoveryKey::parse(key.expose()).is_ok();
        let sound = IdentityPublic::parse(&person.identity).is_ok()
            && person.queue.as_ref().is_none_or(|queue| QueueDescriptor::parse(queue.expose()).is_ok())
            && person.received.iter().chain(&person.given).all(key)
            && person.given.len() <= 2;
        if !sound {
            return Err(ImportError::Malformed);
        }
        let returns = person.returns();
        let closed = person.stood == Stood::Closed;
        let id = ContactId(self.next_id());
        let standing = if returns { StandingRow::Restored } else { StandingRow::Closed };
        let mut contact = Contact::new(person.identity, person.claim, standing, Millis(person.since));
        contact.name = person.name;
        contact.verified = person.verified;
        contact.queue = person.queue.filter(|_| returns);
        contact.received = person.received.filter(|_| returns);
        contact.given = person.given;
        let draft = person.draft.map(|text| Change::Put(Draft::key(id), Draft { text }.write()));
        self.contents.contacts += 1;
        self.contents.returning += u64::from(returns);
        self.open = Some(Open { id, contact, returns, closed, changes: draft.into_iter().collect() });
        Ok(())
    }

    fn entry(&mut self, entry: Entry, changes: &mut Vec<Change>) -> Result<(), ImportError> {
        // BAK-06.
        let open = self.open.as_mut().ok_or(ImportError::Malformed)?;
        self.contents.messages += 1;
        let position = open.contact.take_positions(1);
        let waits = entry.came == Some(Came::Waiting) && open.returns;
        let (at, seen) = (entry.at, entry.seen);
        let message = message(entry, open.returns)?;
        if seen {
            open.contact.seen = Some(position.0);
        }
        if message.unread {
            open.contact.unread_from =
                if open.contact.unread == 0 { position.0 } else { open.contact.unread_from };
            open.contact.unread = open.contact.unread.saturating_add(1);
        }
        if message.is_message() {
            note_last(&mut open.contact, &message);
        }
        changes.append(&mut open.changes);
        changes.push(Change::Put(Message::key(open.id, position), message.write()));
        if waits {
            changes.push(Change::Put(Unsealed::key(open.id, position), Unsealed { since: at }.write()));
        }
        Ok(())
    }

    /// The contact's messages are all here: its own row, and what the person should know.
    fn close(&mut self, changes: &mut Vec<Change>) {
        let Some(Open { id, mut contact, returns, closed, changes: mut more }) = self.open.take() else {
            return;
        };
        changes.append(&mut more);
        if !returns && !closed {
            let at: Position = contact.take_positions(1);
            let note = Message::note(MessageBody::Event(Occurrence::NotRestored), self.settings.now);
            changes.push(Change::Put(Message::key(id, at), note.write()));
        }
        changes.push(Change::Put(Contact::key(id), contact.write()));
    }

    fn next_id(&mut self) -> i64 {
        self.last_id = self.last_id.saturating_add(1);
        self.last_id
    }
}

/// A row of a conversation as it is kept here.
fn message(entry: Entry, returns: bool) -> Result<Message, ImportError> {
    let Entry { id, mine, at, said, reply, reply_mine, came, sent, unread, seen: _ } = entry;
    let body = match said {
        Said::Text(text) => MessageBody::Text(text),
        Said::Newer(bytes) => MessageBody::Newer(bytes),
        Said::Missing(cells) => MessageBody::Lost(cells),
        Said::Event(number) => {
            MessageBody::Event(Occurrence::from_number(number).ok_or(ImportError::Malformed)?)
        }
    };
    let progress = came.filter(|_| mine).map(|came| progress(came, sent, returns));
    Ok(Message { id, mine, at, body, reply, reply_mine, progress, unread: unread && !mine })
}

/// What is known of a message of mine. What had not arrived is sealed again under its id, or has failed.
fn progress(came: Came, sent: Option<u64>, returns: bool) -> Progress {
    let mut progress = Progress { sent, ..Progress::default() };
    match came {
        Came::Waiting if returns => {}
        Came::Waiting | Came::Failed => progress.fail(FailReason::Closed),
        Came::Arrived => progress.cells = 1,
        Came::Delivered => progress.delivered = true,
        Came::Read => (progress.delivered, progress.read) = (true, true),
    }
    progress
}

fn parse<T: Record>(text: &[u8]) -> Result<T, ImportError> {
    T::read(text).map_err(|_| ImportError::Malformed)
}

/// Kind, text, and the bytes behind the next whole record.
type Next<'a> = (u8, &'a [u8], &'a [u8]);

fn next_record(bytes: &[u8]) -> Result<Option<Next<'_>>, ImportError> {
    // BAK-02.
    let Some((&[kind, a, b, c, d], rest)) = bytes.split_first_chunk::<FRAME>() else { return Ok(None) };
    let len = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    if len > RECORD_MAX {
        return Err(ImportError::Malformed);
    }
    Ok(rest.split_at_checked(len).map(|(text, later)| (kind, text, later)))
}

impl fmt::Debug for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { settings: _, held: _, me: _, contents, open: _, last_id: _, ended } = self;
        f.debug_struct("Import").field("contents", contents).field("ended", ended).finish_non_exhaustive()
    }
}
