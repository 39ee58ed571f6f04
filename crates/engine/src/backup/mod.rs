//! What a backup holds: [`export`] writes it from the rows, [`Import`] makes the rows of a new vault from it.
//!
//! Spec: docs/spec/backup.md. Invariant: no read capability, ratchet state, prekey, invite or outbox is in it (A9); what
//! can't be read changes nothing, and no length is believed beyond [`RECORD_MAX`].

mod export;
mod import;
mod record;

pub use export::{Backup, ExportError, export};
pub use import::{Import, ImportError, Settings};
pub use record::RECORD_MAX;

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
