//! What a backup holds: [`export`] writes it from the rows, [`Import`] makes the rows of a new vault from it.
//!
//! Spec: docs/spec/backup.md. Invariant: no read capability, ratchet state, prekey, invite or outbox is in it (A9); what
//! can't be read changes nothing, and no length is believed beyond [`RECORD_MAX`].

mod export;
mod import;
mod record;

use alloc::vec;
use alloc::vec::Vec;

pub use export::{Backup, ExportError, export};
pub use import::{Import, ImportError, Settings};
pub use record::RECORD_MAX;

use crate::job::read;
use crate::rows::{Change, Corrupt, Hidden, Me, Row, Rows, Table};

/// The 32 bytes of the words that this profile's backups are made with.
///
/// # Errors
/// [`Corrupt`] when who I am can't be read.
pub fn words(rows: &impl Rows) -> Result<Option<Hidden>, Corrupt> {
    let me: Option<Me> = read(rows, Me::KEY)?;
    Ok(me.and_then(|me| me.words))
}

/// What keeps `words` for the backups to come.
///
/// # Errors
/// [`Corrupt`] when who I am can't be read.
pub fn keep_words(rows: &impl Rows, words: Hidden) -> Result<Vec<Change>, Corrupt> {
    let mut me: Me = read(rows, Me::KEY)?.ok_or(Corrupt { table: Table::Meta })?;
    me.words = Some(words);
    Ok(vec![Change::Put(Me::KEY, me.write())])
}

/// What a backup holds, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Whose: their name.
    pub name: alloc::string::String,
    /// When it was made.
    pub made: subrosa_codec::Millis,
    /// Contacts.
    pub contacts: u64,
    /// Those of them that a restore can bring back without a new invite.
    pub returning: u64,
    /// Rows of conversations.
    pub messages: u64,
    /// Whether the relay of it was hosted in the profile.
    pub hosted: bool,
}
