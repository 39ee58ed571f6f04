//! Contents that are a row of the conversation, and those that change one: text, attachment, edit, delete, reaction.
//!
//! Spec: docs/spec/content.md, kinds 1, 2, 3, 4 and 7. Invariant: a target of an edit or a deletion is always the
//! sender's own message; there is no way to write another author's.

use alloc::string::String;
use core::fmt;

use subrosa_codec::{Malformed, Writer};

use super::strict::{Build, Fields};
use super::{ContentError, Opaque, at_most};
use crate::api::{MessageId, TEXT_MAX};

/// Longest emoji of a reaction, in bytes.
pub const EMOJI_MAX: usize = 64;

/// Longest name of an attached file, in bytes.
pub const FILE_NAME_MAX: usize = 255;

/// Longest name of a relay's host, in bytes.
pub const HOST_MAX: usize = 102;

/// Plaintext bytes of an attachment's chunk.
pub const CHUNK_LEN: u64 = subrosa_crypto::BLOB_TEXT_LEN as u64;

/// Most chunks of one attachment: 4 GiB.
pub const CHUNKS_MAX: u32 = 65_536;

/// A message of either author, as its sender points at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Whether the sender of this content wrote it. The receiver turns it round.
    pub own: bool,
    /// The message.
    pub id: MessageId,
}

impl Reference {
    const LEN: usize = 17;

    /// `author 1 (0 the receiver's, 1 the sender's) | id 16`.
    fn parse(bytes: [u8; Self::LEN]) -> Result<Self, Malformed> {
        let [author, id @ ..] = bytes;
        // CON-11.
        match author {
            0 | 1 => Ok(Self { own: author == 1, id: MessageId(id) }),
            _ => Err(Malformed),
        }
    }

    fn write(self) -> impl AsRef<[u8]> {
        let mut w = Writer::with_capacity(Self::LEN);
        w.u8(u8::from(self.own)).put(&self.id.0);
        w.into_vec()
    }
}

/// Kind 1: something written.
#[derive(Clone, Default)]
pub struct Text {
    /// 1 to [`TEXT_MAX`] bytes.
    pub text: String,
    /// The message that it answers.
    pub reply: Option<Reference>,
    /// Seconds after which both sides erase it, counted from when it was shown; at least 1.
    pub lifetime: Option<u32>,
}

impl Text {
    pub(super) fn parse(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            text: fields.text(2, TEXT_MAX)?.filter(|text| !text.is_empty()).ok_or(Malformed)?,
            reply: fields.array(3)?.map(Reference::parse).transpose()?,
            lifetime: lifetime(fields)?,
        })
    }

    pub(super) fn write(&self, build: &mut Build) -> Result<(), ContentError> {
        build.text(2, at_most(&self.text, 1, TEXT_MAX)?);
        about(build, self.reply, self.lifetime);
        Ok(())
    }
}

fn lifetime(fields: &mut Fields<'_>) -> Result<Option<u32>, Malformed> {
    match fields.uint(4)? {
        Some(0) => Err(Malformed),
        seconds => Ok(seconds),
    }
}

/// The two fields that every row of a conversation may carry.
fn about(build: &mut Build, reply: Option<Reference>, lifetime: Option<u32>) {
    if let Some(reply) = reply {
        build.bytes(3, reply.write().as_ref());
    }
    if let Some(seconds) = lifetime.filter(|seconds| *seconds > 0) {
        build.uint(4, seconds);
    }
}

/// Kind 2: a new wording of a message of the sender's own.
#[derive(Clone)]
pub struct Edit {
    /// 1 to [`TEXT_MAX`] bytes.
    pub text: String,
    /// The sender's message.
    pub target: MessageId,
    /// From 1, rising: the greatest is shown, whatever the order of arrival.
    pub revision: u32,
}

impl Edit {
    pub(super) fn parse(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            text: fields.text(2, TEXT_MAX)?.filter(|text| !text.is_empty()).ok_or(Malformed)?,
            target: target(fields)?,
            revision: fields.uint(4)?.filter(|revision| *revision > 0).ok_or(Malformed)?,
        })
    }

    pub(super) fn write(&self, build: &mut Build) -> Result<(), ContentError> {
        build
            .text(2, at_most(&self.text, 1, TEXT_MAX)?)
            .bytes(3, &self.target.0)
            .uint(4, self.revision.max(1));
        Ok(())
    }
}

fn target(fields: &mut Fields<'_>) -> Result<MessageId, Malformed> {
    fields.array(3)?.map(MessageId).ok_or(Malformed)
}

/// Kind 3: the sender takes a message of their own back.
#[derive(Clone)]
pub struct Delete {
    /// The sender's message.
    pub target: MessageId,
}

impl Delete {
    pub(super) fn parse(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        Ok(Self { target: target(fields)? })
    }

    pub(super) fn write(&self, build: &mut Build) {
        build.bytes(3, &self.target.0);
    }
}

/// Kind 4: the sender's one reaction to a message of either author.
#[derive(Clone)]
pub struct Reaction {
    /// At most [`EMOJI_MAX`] bytes; empty takes the reaction back.
    pub emoji: String,
    /// The message.
    pub target: Reference,
    /// From 1, rising: the greatest counts, whatever the order of arrival.
    pub revision: u32,
}

impl Reaction {
    pub(super) fn parse(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            emoji: fields.text(2, EMOJI_MAX)?.ok_or(Malformed)?,
            target: Reference::parse(fields.array(3)?.ok_or(Malformed)?)?,
            revision: fields.uint(4)?.filter(|revision| *revision > 0).ok_or(Malformed)?,
        })
    }

    pub(super) fn write(&self, build: &mut Build) -> Result<(), ContentError> {
        build.text(2, at_most(&self.emoji, 0, EMOJI_MAX)?).bytes(3, self.target.write().as_ref());
        build.uint(4, self.revision.max(1));
        Ok(())
    }
}

/// Kind 7: a file that lies at a relay as encrypted chunks.
#[derive(Clone)]
pub struct Attachment {
    /// What is said about it; may be empty.
    pub caption: String,
    /// The message that it answers.
    pub reply: Option<Reference>,
    /// As [`Text::lifetime`].
    pub lifetime: Option<u32>,
    /// The sender's name for the file: a claim, never a path.
    pub name: String,
    /// Exact length of the plaintext, in bytes.
    pub len: u64,
    /// SHA-256 of the plaintext.
    pub hash: [u8; 32],
    /// Chunks at the relay, padding included; at least as many as `len` needs.
    pub chunks: u32,
    /// The key of its chunks.
    pub key: Opaque<32>,
    /// The capability that reads it.
    pub read: Opaque<32>,
    /// SHA-256 of the relay's key.
    pub relay: [u8; 32],
    /// The relay's host.
    pub host: String,
    /// The relay's port, not 0.
    pub port: u16,
}

impl Attachment {
    pub(super) fn parse(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        let attachment = Self {
            caption: caption(fields)?,
            reply: fields.array(3)?.map(Reference::parse).transpose()?,
            lifetime: lifetime(fields)?,
            name: fields.text(5, FILE_NAME_MAX)?.ok_or(Malformed)?,
            len: fields.uint(6)?.ok_or(Malformed)?,
            hash: fields.array(7)?.ok_or(Malformed)?,
            chunks: fields.uint(8)?.ok_or(Malformed)?,
            key: fields.opaque(9)?.ok_or(Malformed)?,
            read: fields.opaque(10)?.ok_or(Malformed)?,
            relay: fields.array(11)?.ok_or(Malformed)?,
            host: fields.text(12, HOST_MAX)?.ok_or(Malformed)?,
            port: fields.uint(13)?.ok_or(Malformed)?,
        };
        if attachment.consistent() { Ok(attachment) } else { Err(Malformed) }
    }

    pub(super) fn write(&self, build: &mut Build) -> Result<(), ContentError> {
        if !self.caption.is_empty() {
            build.text(2, at_most(&self.caption, 0, TEXT_MAX)?);
        }
        about(build, self.reply, self.lifetime);
        build.text(5, at_most(&self.name, 0, FILE_NAME_MAX)?).uint(6, self.len).bytes(7, &self.hash);
        build.uint(8, self.chunks).bytes(9, self.key.expose()).bytes(10, self.read.expose());
        build.bytes(11, &self.relay).text(12, at_most(&self.host, 1, HOST_MAX)?).uint(13, self.port);
        if self.consistent() { Ok(()) } else { Err(ContentError::Inconsistent) }
    }

    /// Whether the fields agree: a receiver asks no relay before they do.
    fn consistent(&self) -> bool {
        // CON-22.
        self.port != 0
            && (1..=CHUNKS_MAX).contains(&self.chunks)
            && self.len <= u64::from(self.chunks) * CHUNK_LEN
            && !self.host.is_empty()
            && self.host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:%".contains(&byte))
    }
}

/// Absent when there is none: an empty one would be a second way to write the same.
fn caption(fields: &mut Fields<'_>) -> Result<String, Malformed> {
    match fields.text(2, TEXT_MAX)? {
        Some(caption) if caption.is_empty() => Err(Malformed),
        caption => Ok(caption.unwrap_or_default()),
    }
}

macro_rules! silent {
    ($($name:ident),*) => {$(
        /// What was written stays out of logs.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}
silent!(Text, Edit, Delete, Reaction, Attachment);
