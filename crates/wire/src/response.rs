//! [`Response`]: what a relay tells a client.
//!
//! Spec: docs/spec/relay.md, "Responses". Invariant: an answer tells apart neither a wrong capability from a
//! missing thing, nor by its size one refusal from another or from success.

use subrosa_codec::{CELL_LEN, Cell, Day, Malformed, Reader, Writer};

use crate::frame::{Message, Rid};
use crate::refusal::Refusal;
use crate::value::{CHUNK_LEN, Chunk, Features, Handle, Seq};

/// Room at the end of `WELCOME` for minor versions: sent as zero, ignored on receipt.
const RESERVED: usize = 32;

/// What the relay's operator set, as far as a client must know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Cells that a queue holds at most.
    pub queue_cells: u32,
    /// Days that a cell is kept: after so many full days it may be gone.
    pub cell_days: u16,
    /// Days that a queue outlives its last `OPEN`.
    pub lease_days: u16,
    /// Most days that an invite is kept.
    pub invite_days: u16,
    /// Most days that a blob is kept.
    pub blob_days: u16,
    /// Most chunks of a blob; 0 where blobs are not offered.
    pub blob_chunks: u32,
    /// Most subscriptions on one connection.
    pub handles: u32,
    /// Cells that a connection may hold unacknowledged, over all its queues.
    pub window: u16,
    /// Requests on one stream that may wait for their answer.
    pub unanswered: u16,
}

/// The answer to `HELLO`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The relay's minor version.
    pub minor: u16,
    /// The optional parts that the relay offers.
    pub features: Features,
    /// The relay's day, by which things expire.
    pub day: Day,
    /// The relay's limits.
    pub terms: Terms,
}

/// The relay ends the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoAway {
    /// Why.
    pub reason: Refusal,
    /// Seconds to wait before connecting again.
    pub retry: u16,
    /// Seconds to add, drawn evenly from `0..=jitter`, so that not all come back at once.
    pub jitter: u16,
}

/// What a relay tells.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Response {
    /// 81: answers `HELLO`.
    Welcome(Welcome),
    /// 82: answers every request that has no answer of its own, and refuses every request.
    Reply(Result<u64, Refusal>),
    /// 83: a cell of a subscription, in order.
    Cell {
        /// The subscription.
        handle: Handle,
        /// The cell's place.
        seq: Seq,
        /// The cell.
        cell: Cell,
    },
    /// 84: another connection opened the queue; the handle is void.
    Moved {
        /// The subscription that ended.
        handle: Handle,
    },
    /// 85: the relay ends the connection.
    GoAway(GoAway),
    /// 86: answers `INVITE_TAKE`.
    Bundle(Cell),
    /// 87: answers `BLOB_GET`.
    Chunk(Chunk),
}

impl Response {
    /// Success without a value.
    pub const DONE: Self = Self::Reply(Ok(0));
}

impl Message for Response {
    fn kind(&self) -> u8 {
        match self {
            Self::Welcome(_) => 0x81,
            Self::Reply(_) => 0x82,
            Self::Cell { .. } => 0x83,
            Self::Moved { .. } => 0x84,
            Self::GoAway(_) => 0x85,
            Self::Bundle(_) => 0x86,
            Self::Chunk(_) => 0x87,
        }
    }

    fn body_len(kind: u8) -> Option<usize> {
        // REL-22.
        Some(match kind {
            0x81 => 2 + 8 + 4 + Terms::LEN + RESERVED,
            0x82 => 1 + 8,
            0x83 => 4 + 8 + CELL_LEN,
            0x84 => 4,
            0x85 => 1 + 2 + 2,
            0x86 => CELL_LEN,
            0x87 => CHUNK_LEN,
            _ => return None,
        })
    }

    fn parse(kind: u8, body: &[u8]) -> Result<Self, Malformed> {
        if Self::body_len(kind) != Some(body.len()) {
            return Err(Malformed);
        }
        let r = &mut Reader::new(body);
        Ok(match kind {
            0x81 => Self::Welcome(Welcome::parse(r)?),
            0x82 => {
                let (code, value) = (r.u8()?, r.u64()?);
                match (Refusal::parse(code), value) {
                    (None, value) => Self::Reply(Ok(value)),
                    (Some(refusal), 0) => Self::Reply(Err(refusal)),
                    // A refusal has no value.
                    (Some(_), _) => return Err(Malformed),
                }
            }
            0x83 => Self::Cell {
                handle: Handle(r.u32()?),
                seq: Seq(r.u64()?),
                cell: Cell::parse(r.take(CELL_LEN)?)?,
            },
            0x84 => Self::Moved { handle: Handle(r.u32()?) },
            0x85 => Self::GoAway(GoAway {
                reason: Refusal::parse(r.u8()?).ok_or(Malformed)?,
                retry: r.u16()?,
                jitter: r.u16()?,
            }),
            0x86 => Self::Bundle(Cell::parse(r.take(CELL_LEN)?)?),
            0x87 => Self::Chunk(Chunk::parse(r.take(CHUNK_LEN)?)?),
            _ => return Err(Malformed),
        })
    }

    fn write(&self, w: &mut Writer) {
        match self {
            Self::Welcome(welcome) => welcome.write(w),
            Self::Reply(Ok(value)) => w.u8(0).u64(*value),
            Self::Reply(Err(refusal)) => w.u8(refusal.code()).u64(0),
            Self::Cell { handle, seq, cell } => w.u32(handle.0).u64(seq.0).put(cell.as_bytes()),
            Self::Moved { handle } => w.u32(handle.0),
            Self::GoAway(bye) => w.u8(bye.reason.code()).u16(bye.retry).u16(bye.jitter),
            Self::Bundle(cell) => w.put(cell.as_bytes()),
            Self::Chunk(chunk) => w.put(chunk.as_bytes()),
        };
    }

    /// Answers carry their request's number, the others 0.
    fn rid_fits(&self, rid: Rid) -> bool {
        let unasked = matches!(self, Self::Cell { .. } | Self::Moved { .. } | Self::GoAway(_));
        unasked == (rid == Rid::NONE)
    }
}

impl Welcome {
    fn parse(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (minor, features, day) = (r.u16()?, Features(r.u64()?), Day(r.u32()?));
        let terms = Terms::parse(r)?;
        // Whatever a later minor version writes there.
        r.take(RESERVED)?;
        Ok(Self { minor, features, day, terms })
    }

    fn write<'w>(&self, w: &'w mut Writer) -> &'w mut Writer {
        w.u16(self.minor).u64(self.features.0).u32(self.day.0);
        self.terms.write(w).zeros(RESERVED)
    }
}

impl Terms {
    /// Bytes of the terms in `WELCOME`.
    const LEN: usize = 4 + 4 * 2 + 4 + 4 + 2 * 2;

    fn parse(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            queue_cells: r.u32()?,
            cell_days: r.u16()?,
            lease_days: r.u16()?,
            invite_days: r.u16()?,
            blob_days: r.u16()?,
            blob_chunks: r.u32()?,
            handles: r.u32()?,
            window: r.u16()?,
            unanswered: r.u16()?,
        })
    }

    fn write<'w>(&self, w: &'w mut Writer) -> &'w mut Writer {
        w.u32(self.queue_cells).u16(self.cell_days).u16(self.lease_days).u16(self.invite_days);
        w.u16(self.blob_days).u32(self.blob_chunks).u32(self.handles).u16(self.window).u16(self.unanswered)
    }
}
