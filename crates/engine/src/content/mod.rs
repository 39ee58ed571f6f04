//! [`Content`]: what one message says, before it is cut into cells and after it was put together again.
//!
//! Spec: docs/spec/content.md. Invariant: parsing never panics and never allocates beyond its input; what parses
//! writes back as the same bytes, fields and kinds of later versions included.

mod control;
mod message;
mod opaque;
mod strict;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use subrosa_codec::Malformed;
use zeroize::Zeroizing;

pub use control::{Control, DESCRIPTOR_LEN, Profile, RECEIPT_MAX, RECOVERY_LEN, Reached, Receipt, Timer};
pub use message::{
    Attachment, CHUNK_LEN, CHUNKS_MAX, Delete, EMOJI_MAX, Edit, FILE_NAME_MAX, HOST_MAX, Reaction, Reference,
    Text,
};
pub use opaque::Opaque;
pub use strict::Unknown;

use crate::api::MessageId;
use strict::{Build, Fields};

/// Longest content, in bytes: 64 parts of 1,634.
pub const CONTENT_MAX: usize = subrosa_crypto::MAX_CONTENT;

/// Why a content can't be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// A field, or the whole, is longer (or shorter) than the format allows.
    #[error("a field of {len} does not fit, at most {max} are possible and it may not be empty")]
    TooLong {
        /// Its length.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// A row of the conversation without an id, or an id where none belongs.
    #[error("a message needs an id, and nothing else has one")]
    Id,
    /// Fields that contradict each other.
    #[error("the fields of this content contradict each other")]
    Inconsistent,
}

/// What one message says.
#[derive(Clone, Debug)]
pub struct Content {
    /// The message's id. Whatever has one is a row of the conversation; nothing else is.
    pub id: Option<MessageId>,
    /// What it is.
    pub kind: Kind,
    /// Fields of later versions.
    pub unknown: Unknown,
}

/// The kinds of content.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Kind {
    /// Kind 1.
    Text(Text),
    /// Kind 2.
    Edit(Edit),
    /// Kind 3.
    Delete(Delete),
    /// Kind 4.
    Reaction(Reaction),
    /// Kind 5.
    Receipt(Receipt),
    /// Kind 6: the sender is writing (or stopped).
    Typing(bool),
    /// Kind 7.
    Attachment(Attachment),
    /// Kind 8.
    Profile(Profile),
    /// Kind 9.
    Timer(Timer),
    /// Kind 10: the sender reads another queue from now on.
    Move(Opaque<DESCRIPTOR_LEN>),
    /// Kind 11.
    Control(Control),
    /// A kind of a later version, or a known one with a status or verb of a later version: its number. Its fields
    /// stand in [`Content::unknown`].
    Newer(u16),
}

impl Kind {
    /// The kind's number.
    #[must_use]
    pub const fn number(&self) -> u16 {
        match self {
            Self::Text(_) => 1,
            Self::Edit(_) => 2,
            Self::Delete(_) => 3,
            Self::Reaction(_) => 4,
            Self::Receipt(_) => 5,
            Self::Typing(_) => 6,
            Self::Attachment(_) => 7,
            Self::Profile(_) => 8,
            Self::Timer(_) => 9,
            Self::Move(_) => 10,
            Self::Control(_) => 11,
            Self::Newer(number) => *number,
        }
    }

    fn parse(number: u16, fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        Ok(match number {
            1 => Self::Text(Text::parse(fields)?),
            2 => Self::Edit(Edit::parse(fields)?),
            3 => Self::Delete(Delete::parse(fields)?),
            4 => Self::Reaction(Reaction::parse(fields)?),
            5 if Receipt::known(fields)? => Self::Receipt(Receipt::parse(fields)?),
            6 => Self::Typing(fields.flag(2)?.ok_or(Malformed)?),
            7 => Self::Attachment(Attachment::parse(fields)?),
            8 => Self::Profile(Profile::parse(fields)?),
            9 => Self::Timer(Timer::parse(fields)?),
            10 => Self::Move(fields.opaque(2)?.ok_or(Malformed)?),
            11 if Control::known(fields)? => Self::Control(Control::parse(fields)?),
            // CON-32.
            number => Self::Newer(number),
        })
    }

    fn write(&self, build: &mut Build) -> Result<(), ContentError> {
        match self {
            Self::Text(text) => return text.write(build),
            Self::Edit(edit) => return edit.write(build),
            Self::Delete(delete) => delete.write(build),
            Self::Reaction(reaction) => return reaction.write(build),
            Self::Receipt(receipt) => return receipt.write(build),
            Self::Typing(started) => drop(build.flag(2, *started)),
            Self::Attachment(attachment) => return attachment.write(build),
            Self::Profile(profile) => return profile.write(build),
            Self::Timer(timer) => timer.write(build),
            Self::Move(queue) => drop(build.bytes(2, queue.expose())),
            Self::Control(control) => control.write(build),
            Self::Newer(_) => {}
        }
        Ok(())
    }

    /// Whether a content of this kind has an id: always, never, or (`None`) as it pleases a later version.
    const fn has_id(&self) -> Option<bool> {
        // CON-09.
        match self {
            Self::Text(_) | Self::Attachment(_) => Some(true),
            Self::Newer(_) => None,
            _ => Some(false),
        }
    }
}

impl Content {
    /// A text.
    #[must_use]
    pub fn text(id: MessageId, text: Text) -> Self {
        Self { id: Some(id), kind: Kind::Text(text), unknown: Unknown::default() }
    }

    /// A content that is no row of the conversation.
    #[must_use]
    pub fn of(kind: Kind) -> Self {
        Self { id: None, kind, unknown: Unknown::default() }
    }

    /// Reads one content: `{0: kind u16, ? 1: id 16, 2..: the kind's own fields}`.
    ///
    /// # Errors
    /// [`Malformed`] when it breaks a rule of docs/spec/content.md. A kind, status, verb or field that this version
    /// does not know is no error: see [`Kind::Newer`] and [`Content::unknown`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::parse(bytes)?;
        let number = fields.uint(0)?.filter(|number| *number > 0).ok_or(Malformed)?;
        let id = fields.array(1)?.map(MessageId);
        // CON-13.
        let kind = Kind::parse(number, &mut fields)?;
        if kind.has_id().is_some_and(|has| has != id.is_some()) {
            return Err(Malformed);
        }
        Ok(Self { id, kind, unknown: fields.rest() })
    }

    /// Writes one content; the mirror of [`Content::parse`].
    ///
    /// # Errors
    /// [`ContentError`] when it would not parse.
    pub fn write(&self) -> Result<Zeroizing<Vec<u8>>, ContentError> {
        if self.kind.has_id().is_some_and(|has| has != self.id.is_some()) {
            return Err(ContentError::Id);
        }
        let mut build = Build::default();
        build.uint(0, self.kind.number());
        if let Some(id) = &self.id {
            build.bytes(1, &id.0);
        }
        self.kind.write(&mut build)?;
        build.unknown(&self.unknown);
        let bytes = build.finish();
        match bytes.len() {
            0..=CONTENT_MAX => Ok(bytes),
            len => Err(ContentError::TooLong { len, max: CONTENT_MAX }),
        }
    }

    /// Whether the sender marks its cells as quiet: no answer, no heartbeat follows from them.
    ///
    /// `hello` is not: the answers to it are the first automatic cells.
    #[must_use]
    pub const fn is_quiet(&self) -> bool {
        // CON-12.
        match &self.kind {
            Kind::Receipt(_) | Kind::Typing(_) => true,
            Kind::Control(control) => !matches!(control, Control::Hello { .. }),
            _ => false,
        }
    }
}

/// `text`, when it is `min` to `max` bytes long.
fn at_most(text: &str, min: usize, max: usize) -> Result<&str, ContentError> {
    match text.len() {
        len if len < min || len > max => Err(ContentError::TooLong { len, max }),
        _ => Ok(text),
    }
}
