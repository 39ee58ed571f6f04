//! The chat list: contacts by their last activity, then requests.
//!
//! Spec: docs/ARCHITECTURE.md, "One message". Invariant: one row per chat is read, whatever the chat holds; counts
//! and first words stand in it.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::cmp::Reverse;

use subrosa_codec::Millis;

use crate::api::{Chat, ContactId, Standing};
use crate::job::read;
use crate::rows::{Contact, Corrupt, Draft, Row, Rows, Span, Table};
use crate::sanitize;

/// Characters of the newest message that a chat list carries.
const LAST_MAX: usize = 120;

/// Every chat, in the order of the list.
pub(super) fn all(rows: &impl Rows) -> Result<Vec<Chat>, Corrupt> {
    let drafts: BTreeSet<i64> = rows.span(Span::table(Table::Draft))?.iter().map(|(key, _)| key.id).collect();
    let mut chats = Vec::new();
    for (key, bytes) in rows.span(Span::table(Table::Contact))? {
        let contact = Contact::parse(&bytes)?;
        let place = (is_request(contact.standing.into()), Reverse(contact.active()), Reverse(key.id));
        chats.push((place, chat(ContactId(key.id), contact, drafts.contains(&key.id))));
    }
    chats.sort_by_key(|(place, _)| *place);
    Ok(chats.into_iter().map(|(_, chat)| chat).collect())
}

/// One chat.
pub(super) fn one(rows: &impl Rows, id: ContactId) -> Result<Option<Chat>, Corrupt> {
    let Some(contact) = read(rows, Contact::key(id))? else { return Ok(None) };
    let draft = rows.get(Draft::key(id))?.is_some();
    Ok(Some(chat(id, contact, draft)))
}

const fn is_request(standing: Standing) -> bool {
    matches!(standing, Standing::Request | Standing::KnownAgain)
}

fn chat(id: ContactId, contact: Contact, draft: bool) -> Chat {
    Chat {
        id,
        name: sanitize::name(contact.shown()),
        standing: contact.standing.into(),
        verified: contact.verified,
        level: contact.level(),
        alarm: contact.alarm.map(Into::into),
        unread: contact.unread,
        seen: contact.marker(),
        draft,
        greeting: contact.greeting.as_deref().map(sanitize::greeting).filter(|greeting| !greeting.is_empty()),
        last: contact.last.map(|last| (Millis(last.at), sanitize::preview(&last.text, LAST_MAX))),
    }
}
