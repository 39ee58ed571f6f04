//! [`Request`]: what a client asks a relay.
//!
//! Spec: docs/spec/relay.md, "Requests". Invariant: a request names capabilities or their hashes, and nobody.

use subrosa_codec::{CELL_LEN, Cell, Malformed, Reader, Writer};

use crate::capability::{BlobCap, ClaimToken, FetchCap, OwnerCap, ReadCap, WriteCap};
use crate::frame::{Message, Rid};
use crate::id::{AdmitId, BlobId, InviteId, OwnerId, QueueId, ReadId};
use crate::label;
use crate::value::{CHUNK_LEN, Chunk, Features, Handle, InviteKind, Seq};

/// Leave to make things on a private relay: a token, which its operator gave out with the relay's address. All zero is none,
/// and open relays do not look at it.
///
/// Part of [`RelayAddress`](crate::RelayAddress), and so copied, compared and ordered with it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Admit([u8; 32]);

impl Admit {
    /// None: for an open relay.
    pub const OPEN: Self = Self([0; 32]);

    /// The one with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// What the relay keeps of it: `H(cap/admit, token)`; of none, nothing.
    #[must_use]
    pub fn id(&self) -> Option<AdmitId> {
        (*self != Self::OPEN).then(|| AdmitId::of(label::hash(label::ADMIT, &self.0)))
    }
}

impl core::fmt::Debug for Admit {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Admit(..)")
    }
}

/// The first request of a command stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The client's minor version.
    pub minor: u16,
    /// The optional parts that the client knows.
    pub features: Features,
}

/// Creates a queue or attaches to it, renews its lease, and takes its subscription over.
#[derive(Debug, PartialEq, Eq)]
pub struct Open {
    /// The queue: the hash of its write capability.
    pub queue: QueueId,
    /// The right to read it.
    pub read: ReadCap,
    /// Leave to create queues.
    pub admit: Admit,
    /// Cells of this queue to have unacknowledged at a time, at least 1; a connection has 64 over all.
    pub credit: u16,
}

/// Puts an invite's sealed bundle, or replaces the one of the same owner.
#[derive(Debug, PartialEq, Eq)]
pub struct InvitePut {
    /// The hash of the invite's fetch capability.
    pub id: InviteId,
    /// The hash of the owner's capability.
    pub owner: OwnerId,
    /// How often it may be taken.
    pub kind: InviteKind,
    /// Days to keep it, at least 1.
    pub days: u8,
    /// The sealed bundle.
    pub bundle: Cell,
}

/// Puts one chunk of a blob.
#[derive(Debug, PartialEq, Eq)]
pub struct BlobPut {
    /// The hash of the blob's capability.
    pub blob: BlobId,
    /// The hash of the owner's capability.
    pub owner: OwnerId,
    /// Which chunk, from 0, below `of`.
    pub index: u32,
    /// Chunks of the whole blob, at least 1; the same in each put.
    pub of: u32,
    /// Days to keep it, at least 1.
    pub days: u8,
    /// The chunk.
    pub chunk: Chunk,
}

/// What a client asks. Each is answered by exactly one frame with the same request number.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// 01: who speaks what; answered by `WELCOME`.
    Hello(Hello),
    /// 02: create or attach, renew, take over; the answer's value is the handle.
    Open(Open),
    /// 03: append a cell; answered when it is on disk.
    Append {
        /// The right to write.
        write: WriteCap,
        /// What to append.
        cell: Cell,
    },
    /// 04: everything of this subscription up to `upto` may be erased.
    Ack {
        /// The subscription.
        handle: Handle,
        /// The last cell that is done with.
        upto: Seq,
    },
    /// 05: erase the queue and all in it.
    Close {
        /// The right to read it.
        read: ReadCap,
    },
    /// 06: put an invite.
    InvitePut(InvitePut),
    /// 07: take an invite; answered by `BUNDLE`.
    InviteTake {
        /// The right to take it.
        fetch: FetchCap,
        /// What makes taking it again possible for the same client.
        claim: ClaimToken,
    },
    /// 08: has it been opened? The answer's value is an [`InviteState`](crate::InviteState).
    InviteCheck {
        /// The owner's right.
        owner: OwnerCap,
    },
    /// 09: erase the invite.
    InviteRevoke {
        /// The owner's right.
        owner: OwnerCap,
    },
    /// 0A: put a chunk.
    BlobPut(BlobPut),
    /// 0B: read a chunk; answered by `CHUNK`.
    BlobGet {
        /// The right to read it.
        read: BlobCap,
        /// Which chunk.
        index: u32,
    },
    /// 0C: erase the blob.
    BlobDrop {
        /// The owner's right.
        owner: OwnerCap,
    },
    /// 0D: replace the right to read a queue.
    RotateRead {
        /// The right that ends.
        read: ReadCap,
        /// The hash of the right that takes its place.
        to: ReadId,
    },
    /// 0E: is anyone there? The answer's value is the relay's day.
    Ping,
}

impl Request {
    /// Whether it moves a chunk of 64 KiB, of which fewer may be unanswered.
    #[must_use]
    pub const fn moves_chunk(&self) -> bool {
        matches!(self, Self::BlobPut(_) | Self::BlobGet { .. })
    }
}

/// A field of 32 bytes, made into its type.
fn field<T>(r: &mut Reader<'_>, make: fn([u8; 32]) -> T) -> Result<T, Malformed> {
    r.array().map(make)
}

impl Message for Request {
    fn kind(&self) -> u8 {
        match self {
            Self::Hello(_) => 0x01,
            Self::Open(_) => 0x02,
            Self::Append { .. } => 0x03,
            Self::Ack { .. } => 0x04,
            Self::Close { .. } => 0x05,
            Self::InvitePut(_) => 0x06,
            Self::InviteTake { .. } => 0x07,
            Self::InviteCheck { .. } => 0x08,
            Self::InviteRevoke { .. } => 0x09,
            Self::BlobPut(_) => 0x0A,
            Self::BlobGet { .. } => 0x0B,
            Self::BlobDrop { .. } => 0x0C,
            Self::RotateRead { .. } => 0x0D,
            Self::Ping => 0x0E,
        }
    }

    fn body_len(kind: u8) -> Option<usize> {
        // REL-21.
        Some(match kind {
            0x01 => 2 + 8,
            0x02 => 32 + 32 + 32 + 2,
            0x03 => 32 + CELL_LEN,
            0x04 => 4 + 8,
            0x05 | 0x08 | 0x09 | 0x0C => 32,
            0x06 => 32 + 32 + 1 + 1 + CELL_LEN,
            0x07 | 0x0D => 32 + 32,
            0x0A => 32 + 32 + 4 + 4 + 1 + CHUNK_LEN,
            0x0B => 32 + 4,
            0x0E => 0,
            _ => return None,
        })
    }

    fn parse(kind: u8, body: &[u8]) -> Result<Self, Malformed> {
        if Self::body_len(kind) != Some(body.len()) {
            return Err(Malformed);
        }
        let r = &mut Reader::new(body);
        Ok(match kind {
            0x01 => Self::Hello(Hello { minor: r.u16()?, features: Features(r.u64()?) }),
            0x02 => Self::Open(Open::parse(r)?),
            0x03 => Self::Append { write: field(r, WriteCap::from_bytes)?, cell: cell(r)? },
            0x04 => Self::Ack { handle: Handle(r.u32()?), upto: Seq(r.u64()?) },
            0x05 => Self::Close { read: field(r, ReadCap::from_bytes)? },
            0x06 => Self::InvitePut(InvitePut::parse(r)?),
            0x07 => Self::InviteTake {
                fetch: field(r, FetchCap::from_bytes)?,
                claim: field(r, ClaimToken::from_bytes)?,
            },
            0x08 => Self::InviteCheck { owner: field(r, OwnerCap::from_bytes)? },
            0x09 => Self::InviteRevoke { owner: field(r, OwnerCap::from_bytes)? },
            0x0A => Self::BlobPut(BlobPut::parse(r)?),
            0x0B => Self::BlobGet { read: field(r, BlobCap::from_bytes)?, index: r.u32()? },
            0x0C => Self::BlobDrop { owner: field(r, OwnerCap::from_bytes)? },
            0x0D => {
                Self::RotateRead { read: field(r, ReadCap::from_bytes)?, to: field(r, ReadId::from_bytes)? }
            }
            0x0E => Self::Ping,
            _ => return Err(Malformed),
        })
    }

    fn write(&self, w: &mut Writer) {
        match self {
            Self::Hello(hello) => w.u16(hello.minor).u64(hello.features.0),
            Self::Open(open) => open.write(w),
            Self::Append { write, cell } => w.put(write.expose()).put(cell.as_bytes()),
            Self::Ack { handle, upto } => w.u32(handle.0).u64(upto.0),
            Self::Close { read } => w.put(read.expose()),
            Self::InvitePut(put) => put.write(w),
            Self::InviteTake { fetch, claim } => w.put(fetch.expose()).put(claim.expose()),
            Self::InviteCheck { owner } | Self::InviteRevoke { owner } | Self::BlobDrop { owner } => {
                w.put(owner.expose())
            }
            Self::BlobPut(put) => put.write(w),
            Self::BlobGet { read, index } => w.put(read.expose()).u32(*index),
            Self::RotateRead { read, to } => w.put(read.expose()).put(to.as_bytes()),
            Self::Ping => w,
        };
    }

    /// 0 is left to frames that answer nothing.
    fn rid_fits(&self, rid: Rid) -> bool {
        rid != Rid::NONE
    }
}

fn cell(r: &mut Reader<'_>) -> Result<Cell, Malformed> {
    Cell::parse(r.take(CELL_LEN)?)
}

impl Open {
    fn parse(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let queue = field(r, QueueId::from_bytes)?;
        let read = field(r, ReadCap::from_bytes)?;
        let admit = field(r, Admit::from_bytes)?;
        let credit = r.u16()?;
        if credit == 0 { Err(Malformed) } else { Ok(Self { queue, read, admit, credit }) }
    }

    fn write<'w>(&self, w: &'w mut Writer) -> &'w mut Writer {
        w.put(self.queue.as_bytes()).put(self.read.expose()).put(self.admit.expose()).u16(self.credit)
    }
}

impl InvitePut {
    fn parse(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let id = field(r, InviteId::from_bytes)?;
        let owner = field(r, OwnerId::from_bytes)?;
        let kind = InviteKind::parse(r.u8()?)?;
        let days = r.u8()?;
        let bundle = cell(r)?;
        if days == 0 { Err(Malformed) } else { Ok(Self { id, owner, kind, days, bundle }) }
    }

    fn write<'w>(&self, w: &'w mut Writer) -> &'w mut Writer {
        w.put(self.id.as_bytes()).put(self.owner.as_bytes());
        w.u8(self.kind as u8).u8(self.days).put(self.bundle.as_bytes())
    }
}

impl BlobPut {
    fn parse(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let blob = field(r, BlobId::from_bytes)?;
        let owner = field(r, OwnerId::from_bytes)?;
        let (index, of, days) = (r.u32()?, r.u32()?, r.u8()?);
        // Judged before the chunk is copied.
        if index >= of || days == 0 {
            return Err(Malformed);
        }
        let chunk = Chunk::parse(r.take(CHUNK_LEN)?)?;
        Ok(Self { blob, owner, index, of, days, chunk })
    }

    fn write<'w>(&self, w: &'w mut Writer) -> &'w mut Writer {
        w.put(self.blob.as_bytes()).put(self.owner.as_bytes());
        w.u32(self.index).u32(self.of).u8(self.days).put(self.chunk.as_bytes())
    }
}
