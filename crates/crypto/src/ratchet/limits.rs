//! The numbers of the ratchet, each with its reason.
//!
//! Spec: docs/spec/ratchet.md, "Limits". Invariant: the window never exceeds what the other side may skip, so that an
//! honest peer can always open whatever it is sent.

/// Most keys that one cell may make its receiver derive ahead (A7).
pub const MAX_SKIP: u32 = 1_000;

/// Most skipped message keys that a session stores; beyond it the lowest numbers are given up.
pub const MAX_SKIPPED: usize = 2_000;

/// Most finished chains of the peer that are remembered; a copy older than that can only be seen as "out of step".
pub const MAX_CLOSED: usize = 64;

/// Most finished chains that may still hold skipped keys.
pub const MAX_CLOSED_WITH_KEYS: usize = 8;

/// Most opened cells whose hashes are remembered.
pub const MAX_SEEN: usize = 4_096;

/// Unacknowledged cells beyond which quiet cells wait.
pub const WINDOW_QUIET: u32 = 900;

/// Unacknowledged cells beyond which text waits.
pub const WINDOW_TEXT: u32 = 960;

/// Unacknowledged cells beyond which everything waits: what the peer may skip, less nothing.
pub const WINDOW: u32 = MAX_SKIP;

/// Days after which a stored message key is given up: longer than two retentions of a relay.
pub const KEY_DAYS: u32 = 90;

/// Message numbers are below this, so that "highest + 1" fits in 32 bits.
pub const MAX_SEQ: u32 = u32::MAX;
