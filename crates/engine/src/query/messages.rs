//! A window of a conversation.
//!
//! Spec: docs/ARCHITECTURE.md, "One message". Invariant: the window is at most [`WINDOW_MAX`] rows; a reply outside
//! of it costs one lookup.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use subrosa_codec::Millis;

use crate::api::{Body, ContactId, Message, MessageId, Position};
use crate::job::read;
use crate::rows::{self, Contact, Corrupt, MessageBody, Row, Rows, Span, Table};
use crate::sanitize;

/// Most rows of one answer.
pub(super) const WINDOW_MAX: u32 = 1_000;

/// Characters of a message that its answers quote.
const QUOTE_MAX: usize = 80;

/// What stands in place of a quote.
const NOT_HERE: &str = "(a message that is not here)";

/// What was asked for.
pub(super) struct Window {
    pub(super) chat: ContactId,
    pub(super) before: Option<Position>,
    pub(super) limit: u32,
}

/// The newest rows of a chat, or those before a position; oldest first.
pub(super) fn window(
    rows: &impl Rows,
    window: &Window,
    now: Millis,
) -> Result<Option<Vec<Message>>, Corrupt> {
    if rows.get(Contact::key(window.chat))?.is_none() {
        return Ok(None);
    }
    let to = window.before.map_or(i64::MAX, |before| before.0.saturating_sub(1));
    let span = Span::under(Table::Message, window.chat.0).to(to).newest_first();
    let mut read = Vec::new();
    for (key, bytes) in rows.span(span.limit(window.limit.min(WINDOW_MAX)))? {
        read.push((Position(key.id), rows::Message::parse(&bytes)?));
    }
    read.reverse();
    let near = quotes(&read);
    let mut messages = Vec::with_capacity(read.len());
    for (position, row) in read {
        let reply = row.reply.map(|id| (row.reply_mine, MessageId(id)));
        let reply = match reply {
            None => None,
            Some(target) => {
                let quote = match near.get(&target) {
                    Some(quote) => quote.clone(),
                    None => quote(rows, window.chat, target)?,
                };
                Some((target.1, quote))
            }
        };
        messages.push(message(position, row, reply, now));
    }
    Ok(Some(messages))
}

/// Author and id of a message.
type Name = (bool, MessageId);

/// The first words of those rows of the window that others of it answer.
fn quotes(read: &[(Position, rows::Message)]) -> BTreeMap<Name, String> {
    let mut near: BTreeMap<Name, String> = BTreeMap::new();
    let wanted = read.iter().filter_map(|(_, row)| row.reply.map(|id| (row.reply_mine, MessageId(id))));
    near.extend(wanted.map(|name| (name, String::new())));
    let found = read.iter().filter(|(_, row)| row.is_message());
    for (_, row) in found {
        if let Some(quote) = near.get_mut(&(row.mine, MessageId(row.id))) {
            *quote = first_words(row);
        }
    }
    near.retain(|_, quote| !quote.is_empty());
    near
}

/// The first words of a message anywhere in the chat.
fn quote(rows: &impl Rows, chat: ContactId, (mine, id): Name) -> Result<String, Corrupt> {
    let Some(position) = rows.position(chat, mine, id)? else { return Ok(NOT_HERE.to_string()) };
    let row: Option<rows::Message> = read(rows, rows::Message::key(chat, position))?;
    Ok(row.map_or_else(|| NOT_HERE.to_string(), |row| first_words(&row)))
}

/// One sanitised line, never empty.
fn first_words(row: &rows::Message) -> String {
    // CON-15.
    let words = match &row.body {
        MessageBody::Text(text) => sanitize::preview(text, QUOTE_MAX),
        MessageBody::Newer(_) => "(needs a newer version)".to_string(),
        _ => String::new(),
    };
    if words.is_empty() { NOT_HERE.to_string() } else { words }
}

fn message(
    position: Position,
    row: rows::Message,
    reply: Option<(MessageId, String)>,
    now: Millis,
) -> Message {
    Message {
        position,
        id: MessageId(row.id),
        mine: row.mine,
        at: Millis(row.at),
        body: match row.body {
            // CON-35.
            MessageBody::Text(text) => Body::Text(sanitize::text(&text)),
            MessageBody::Newer(_) => Body::Newer,
            MessageBody::Gap(cells) => Body::Gap { cells },
            MessageBody::Lost(cells) => Body::Lost { cells },
            MessageBody::Event(occurrence) => Body::Event(occurrence.sentence().to_string()),
        },
        unread: row.unread,
        reply,
        state: row.progress.filter(|_| row.mine).map(|progress| progress.state(now)),
    }
}
