//! [`Timer`]: a moment at which something has to be looked at.
//!
//! Spec: docs/ARCHITECTURE.md, "Time". Invariant: one row per kind and subject; setting it again moves it.

use minicbor::{Decode, Encode};

use super::{Key, Table, row};

/// What rings. The numbers are part of the vault's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum TimerKind {
    /// Seal my `confirm` (subject: session).
    Confirm = 1,
    /// A heartbeat may be due (session).
    Heartbeat = 2,
    /// Send the receipts that wait (contact).
    Receipts = 3,
    /// Append again after a refusal (session).
    Retry = 4,
    /// Look after cells that lie at the relay (session).
    Watch = 5,
    /// Look after age: skipped keys, parts (session).
    Age = 6,
    /// A session's time is over (session).
    Drain = 7,
    /// Nobody answered (session).
    NoAnswer = 8,
    /// An invite goes on to its next stage (invite).
    Invite = 9,
    /// Replace the read capability and renew the lease (queue).
    Rotate = 10,
    /// Ask the relay again for something that it refused (queue).
    Reopen = 11,
    /// Ask the relay again for something about an invite that it refused (invite).
    Reinvite = 12,
}

impl TimerKind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Confirm,
        Self::Heartbeat,
        Self::Receipts,
        Self::Retry,
        Self::Watch,
        Self::Age,
        Self::Drain,
        Self::NoAnswer,
        Self::Invite,
        Self::Rotate,
        Self::Reopen,
        Self::Reinvite,
    ];

    /// Those whose subject is a session.
    pub const OF_SESSIONS: [Self; 7] =
        [Self::Confirm, Self::Heartbeat, Self::Retry, Self::Watch, Self::Age, Self::Drain, Self::NoAnswer];

    /// The kind of that number.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as i64 == number)
    }
}

/// A timer. Key: `(Timer, kind, subject)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Timer {
    /// When it rings, in milliseconds.
    #[n(0)]
    pub at: u64,
}

impl Timer {
    /// The key of this kind's timer of `subject`.
    #[must_use]
    pub const fn key(kind: TimerKind, subject: i64) -> Key {
        Key::new(Table::Timer, kind as i64, subject)
    }
}

row!(Timer, Timer);
