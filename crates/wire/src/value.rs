//! The small values that frames carry.
//!
//! Spec: docs/spec/relay.md, "Frames". Invariant: a value that parsed is one that the spec names.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use subrosa_codec::Malformed;

/// A cell's place in its queue. It only grows, by any step; it is a cursor for acknowledging, never an identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl Seq {
    /// The place after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// A subscription's name on its connection; never used twice there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(pub u32);

/// How often an invite may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum InviteKind {
    /// By one claim only.
    OneTime = 1,
    /// By anyone, until it expires or is revoked.
    Address = 2,
}

impl InviteKind {
    /// The kind with this number.
    ///
    /// # Errors
    /// [`Malformed`] for any number but 1 and 2.
    pub const fn parse(number: u8) -> Result<Self, Malformed> {
        match number {
            1 => Ok(Self::OneTime),
            2 => Ok(Self::Address),
            _ => Err(Malformed),
        }
    }
}

/// What an invite's owner learns: the relay's word, not evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum InviteState {
    /// It lies there, and nobody took it.
    Unopened = 0,
    /// It was taken at least once.
    Opened = 1,
    /// There is none: revoked, expired, or never put.
    Gone = 2,
}

impl InviteState {
    /// The state that a `REPLY` to `INVITE_CHECK` carries as its value.
    ///
    /// # Errors
    /// [`Malformed`] for a number that names none.
    pub const fn parse(value: u64) -> Result<Self, Malformed> {
        match value {
            0 => Ok(Self::Unopened),
            1 => Ok(Self::Opened),
            2 => Ok(Self::Gone),
            _ => Err(Malformed),
        }
    }
}

/// Bytes of a blob's chunk.
pub const CHUNK_LEN: usize = 65_536;

/// Exactly [`CHUNK_LEN`] bytes of a blob on the heap: ciphertext for whoever carries it.
#[derive(Clone, PartialEq, Eq)]
pub struct Chunk(Box<[u8; CHUNK_LEN]>);

impl Chunk {
    /// Takes over `bytes`.
    ///
    /// # Errors
    /// [`Malformed`] unless it is exactly [`CHUNK_LEN`] bytes.
    pub fn from_vec(bytes: Vec<u8>) -> Result<Self, Malformed> {
        bytes.try_into().map(Self).map_err(|_| Malformed)
    }

    /// Copies `bytes`.
    ///
    /// # Errors
    /// [`Malformed`] unless it is exactly [`CHUNK_LEN`] bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() == CHUNK_LEN { Self::from_vec(bytes.to_vec()) } else { Err(Malformed) }
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; CHUNK_LEN] {
        &self.0
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chunk(..)")
    }
}

/// Optional parts of the protocol, as bits; unknown bits are kept and mean nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features(pub u64);

impl Features {
    /// No optional part.
    pub const NONE: Self = Self(0);
    /// Blobs are stored.
    pub const BLOBS: Self = Self(1);

    /// Whether every bit of `other` is set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What both sides have.
    #[must_use]
    pub const fn shared(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}
