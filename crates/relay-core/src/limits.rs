//! [`Limits`]: everything an operator may set, with defaults for a small machine.
//!
//! Spec: docs/spec/relay.md, "Limits"; the attacks they answer are D1..D12. Invariant: every kind of thing that a
//! stranger can make a relay keep or queue has one of these.

use subrosa_wire::{Features, Terms, UNANSWERED, WINDOW};

/// Who may make queues, invites and blobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Whoever comes.
    #[default]
    Open,
    /// Whoever has a token, within its limits; a store without tokens lets nobody.
    Token,
}

/// What a relay keeps and serves at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Who may make things (D3, D8).
    pub access: Access,
    /// Queues over all (D3).
    pub queues: u64,
    /// Cells of one queue (D6). A ratchet's window is 1,000.
    pub queue_cells: u32,
    /// Cells over all, at 4 KiB (D6).
    pub cells: u64,
    /// Invites over all, at 4 KiB (D8).
    pub invites: u64,
    /// Chunks of one blob, at 64 KiB.
    pub blob_chunks: u32,
    /// Chunks over all, at 64 KiB (D8); 0 offers no blobs.
    pub chunks: u64,
    /// Days that a cell is kept.
    pub cell_days: u16,
    /// Days that a queue outlives its last `OPEN`.
    pub lease_days: u16,
    /// Most days of an invite.
    pub invite_days: u16,
    /// Most days of a blob.
    pub blob_days: u16,
    /// Streams of all connections together (D2); the sockets have their own limit on connections.
    pub connections: u32,
    /// Subscriptions of one connection (D5).
    pub handles: u32,
    /// Invites put on one connection (D8).
    pub puts: u32,
    /// Bytes of frames that wait for one stream's socket before it is hung up (D5, D7), at least
    /// [`Limits::LEAST_OUTPUT`]; at half of that, cells stay in the store.
    pub output: usize,
    /// Bytes of frames that wait for all sockets together (D7); above that, cells and chunks stay in the store.
    pub output_total: usize,
    /// Things erased per second at a day's boundary (D10).
    pub sweep: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            access: Access::Open,
            queues: 1_000_000,
            queue_cells: 1_200,
            cells: 2_000_000,
            invites: 100_000,
            blob_chunks: 2_048,
            chunks: 65_536,
            cell_days: 30,
            lease_days: 384,
            invite_days: 30,
            blob_days: 30,
            connections: 20_000,
            handles: 4_096,
            puts: 64,
            output: 1 << 20,
            output_total: 256 << 20,
            sweep: 256,
        }
    }
}

impl Limits {
    /// Least sensible [`output`](Self::output): what a well-behaved peer may have asked for and not yet read.
    pub const LEAST_OUTPUT: usize = 512 << 10;

    /// What a client is told of them.
    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms {
            queue_cells: self.queue_cells,
            cell_days: self.cell_days,
            lease_days: self.lease_days,
            invite_days: self.invite_days,
            blob_days: self.blob_days,
            blob_chunks: if self.chunks == 0 { 0 } else { self.blob_chunks },
            handles: self.handles,
            window: WINDOW,
            unanswered: UNANSWERED,
        }
    }

    /// The optional parts that they leave on.
    #[must_use]
    pub const fn features(&self) -> Features {
        if self.chunks == 0 { Features::NONE } else { Features::BLOBS }
    }
}
