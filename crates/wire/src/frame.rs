//! [`Frame`]: one message in one direction, `len u32 | type u8 | rid u32 | body`.
//!
//! Spec: docs/spec/relay.md, "Frames". Invariant: every type has exactly one length, known before its body is read.

use alloc::vec::Vec;

use subrosa_codec::{Malformed, Reader, Writer};

/// Bytes before a frame's body: `len 4 | type 1 | rid 4`.
pub const HEADER_LEN: usize = 9;

/// What `len` counts beside the body: `type 1 | rid 4`. `len` counts all that follows it.
pub(crate) const COUNTED: usize = 5;

/// The first type that a receiver who does not know it skips; unknown types below it end the connection.
pub const SKIPPABLE_FROM: u8 = 0xC0;

/// A request's number, chosen by the client and repeated in its answer; 0 stands in frames that answer nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rid(pub u32);

impl Rid {
    /// Of a frame that answers no request.
    pub const NONE: Self = Self(0);
}

/// The messages of one direction: [`Request`](crate::Request) or [`Response`](crate::Response).
pub trait Message: Sized {
    /// The type byte.
    fn kind(&self) -> u8;

    /// The one length of a body of this type, in bytes; `None` when this direction has no such type.
    fn body_len(kind: u8) -> Option<usize>;

    /// The message in a body of [`body_len`](Self::body_len) bytes.
    ///
    /// # Errors
    /// [`Malformed`] when the type is unknown, the length is another, or a field is out of its range.
    fn parse(kind: u8, body: &[u8]) -> Result<Self, Malformed>;

    /// Appends the body.
    fn write(&self, w: &mut Writer);

    /// Whether a frame of this message must, or must not, carry a request number.
    fn rid_fits(&self, rid: Rid) -> bool;
}

/// Why a stream of frames can't be read further. The connection ends with [`Refusal::Malformed`](crate::Refusal).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A type below [`SKIPPABLE_FROM`] that this direction does not have.
    #[error("a frame of unknown type {kind:#04x}")]
    Unknown {
        /// The type byte.
        kind: u8,
    },
    /// A length that is not the type's own, or over [`LONGEST_FRAME`](crate::LONGEST_FRAME).
    #[error("a frame of type {kind:#04x} with a wrong length")]
    Length {
        /// The type byte.
        kind: u8,
    },
    /// A field out of its range, or a request number where none may stand.
    #[error("a frame of type {kind:#04x} with a field out of its range")]
    Body {
        /// The type byte.
        kind: u8,
    },
}

/// One message with the request number that ties an answer to its question.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<M> {
    /// The request it is or answers.
    pub rid: Rid,
    /// What it says.
    pub message: M,
}

impl<M: Message> Frame<M> {
    /// A frame that is, or answers, request `rid`.
    #[must_use]
    pub const fn new(rid: Rid, message: M) -> Self {
        Self { rid, message }
    }

    /// Its bytes on the wire, at most [`LONGEST_FRAME`](crate::LONGEST_FRAME).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(self.encoded_len());
        // A frame is far shorter than 4 GiB.
        w.u32((self.encoded_len() - 4) as u32).u8(self.message.kind()).u32(self.rid.0);
        self.message.write(&mut w);
        w.into_vec()
    }

    /// How many bytes [`encode`](Self::encode) gives.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        HEADER_LEN + M::body_len(self.message.kind()).unwrap_or(0)
    }

    /// The frame of a header and a body that the decoder has measured.
    pub(crate) fn parse(header: &Header, body: &[u8]) -> Result<Self, FrameError> {
        let kind = header.kind;
        let message = M::parse(kind, body).map_err(|Malformed| FrameError::Body { kind })?;
        // REL-18.
        if message.rid_fits(header.rid) {
            Ok(Self::new(header.rid, message))
        } else {
            Err(FrameError::Body { kind })
        }
    }
}

/// The first [`HEADER_LEN`] bytes of a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) kind: u8,
    pub(crate) rid: Rid,
    /// Bytes of the body.
    pub(crate) body: usize,
}

impl Header {
    pub(crate) fn parse(bytes: &[u8; HEADER_LEN]) -> Result<Self, FrameError> {
        let mut r = Reader::new(bytes);
        let (Ok(len), Ok(kind), Ok(rid)) = (r.u32(), r.u8(), r.u32()) else {
            return Err(FrameError::Length { kind: 0 });
        };
        let len = usize::try_from(len).map_err(|_| FrameError::Length { kind })?;
        let body = len.checked_sub(COUNTED).ok_or(FrameError::Length { kind })?;
        // REL-15.
        if body > crate::LONGEST_FRAME - HEADER_LEN {
            return Err(FrameError::Length { kind });
        }
        Ok(Self { kind, rid: Rid(rid), body })
    }
}
