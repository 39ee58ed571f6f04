//! [`Held`]: what a backup holds, in numbers; and the 24 words as a table.
//!
//! Spec: docs/guide/chat.md, "Backups". Invariant: no text of anybody is in it but the profile's own name.

use std::path::Path;

use serde::Serialize;
use subrosa_client::{Contents, Millis};

use crate::clock::Zone;

/// What a backup holds.
#[derive(Debug, Serialize)]
pub(crate) struct Held {
    pub(super) file: String,
    name: String,
    /// When it was made, in milliseconds.
    made: u64,
    contacts: u64,
    /// Contacts who can be returned to without a new invite.
    returning: u64,
    /// Rows of conversations.
    messages: u64,
}

impl Held {
    pub(crate) fn of(file: &Path, contents: &Contents) -> Self {
        Self {
            file: file.display().to_string(),
            name: contents.name.clone(),
            made: contents.made.0,
            contacts: contents.contacts,
            returning: contents.returning,
            messages: contents.messages,
        }
    }

    pub(super) fn text(&self) -> String {
        let Self { name, contacts, returning, messages, made, .. } = self;
        let made = Zone::system().moment(Millis(*made), Millis(0));
        let again = if returning == contacts {
            String::new()
        } else {
            format!(" ({returning} of them can be returned to without a new invite)")
        };
        format!("{name}, as of {made}: {contacts} contact(s){again}, {messages} message(s)")
    }
}

/// Six rows of four words with their numbers.
pub(crate) fn words_text(words: &[&str]) -> String {
    let rows = words.chunks(4).zip((1..).step_by(4)).map(|(row, first)| {
        let cells =
            row.iter().zip(first..).map(|(word, number): (&&str, usize)| format!("{number:>4} {word:<9}"));
        cells.collect::<String>().trim_end().to_owned()
    });
    rows.collect::<Vec<_>>().join("\n")
}
