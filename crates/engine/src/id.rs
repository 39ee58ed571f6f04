//! Local ids of rows that only the engine and its runtime name.
//!
//! Spec: docs/ARCHITECTURE.md, "The client's rows". Invariant: ids are counted up and never reused; they say nothing.

/// A queue of mine that I read. Local to one vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InboundId(pub i64);

/// A session with a contact: several may exist while one replaces another. Local to one vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey(pub i64);

/// A sealed cell on its way. Ordered: within a session, a smaller id goes out first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboxId {
    /// The session that sealed it.
    pub session: SessionKey,
    /// Its number in the session; [`OutboxId::FIRST`] for the cell that began it.
    pub seq: i64,
}

impl OutboxId {
    /// The number of a handshake or recovery cell: before every cell of the ratchet.
    pub const FIRST: i64 = -1;
}
