//! [`Contact`]: a person, or someone who asks to be one.
//!
//! Spec: docs/spec/ratchet.md, "Several sessions with one identity"; docs/spec/recovery.md.
//! Invariant: a contact's identity never
//! changes.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};
use subrosa_codec::Millis;

use super::{Hidden, Key, Table, row};
use crate::api::{AlarmKind, ContactId, Level, Position, Standing};

/// What a contact is to me, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum StandingRow {
    /// [`Standing::Request`].
    #[n(0)]
    Request,
    /// [`Standing::KnownAgain`].
    #[n(1)]
    KnownAgain,
    /// [`Standing::Pending`].
    #[n(2)]
    Pending,
    /// [`Standing::Contact`].
    #[n(3)]
    Contact,
    /// [`Standing::Closed`].
    #[n(4)]
    Closed,
    /// [`Standing::Restored`].
    #[n(5)]
    Restored,
}

impl From<StandingRow> for Standing {
    fn from(row: StandingRow) -> Self {
        match row {
            StandingRow::Request => Self::Request,
            StandingRow::KnownAgain => Self::KnownAgain,
            StandingRow::Pending => Self::Pending,
            StandingRow::Contact => Self::Contact,
            StandingRow::Closed => Self::Closed,
            StandingRow::Restored => Self::Restored,
        }
    }
}

/// A chat's alarm, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Alarm {
    /// [`AlarmKind::Fork`].
    #[n(0)]
    Fork,
    /// [`AlarmKind::OwnRollback`].
    #[n(1)]
    OwnRollback,
    /// [`AlarmKind::OutOfStep`].
    #[n(2)]
    OutOfStep,
    /// [`AlarmKind::Recovered`].
    #[n(3)]
    Recovered,
}

impl Alarm {
    /// Whether it stops sending until the person chose.
    #[must_use]
    pub const fn stops_sending(self) -> bool {
        !matches!(self, Self::OutOfStep)
    }
}

impl From<Alarm> for AlarmKind {
    fn from(alarm: Alarm) -> Self {
        match alarm {
            Alarm::Fork => Self::Fork,
            Alarm::OwnRollback => Self::OwnRollback,
            Alarm::OutOfStep => Self::OutOfStep,
            Alarm::Recovered => Self::Recovered,
        }
    }
}

/// The newest message of a chat, for the list.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Last {
    /// When, in milliseconds.
    #[n(0)]
    pub at: u64,
    /// Its first words, sanitised, one line.
    #[n(1)]
    pub text: String,
}

/// A contact or request. Key: `(Contact, 0, id)`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Contact {
    /// Their `IdentityPublic`, 1,249 bytes.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub identity: Vec<u8>,
    /// Their own claim of a name, sanitised.
    #[n(1)]
    pub claim: String,
    /// My name for them.
    #[n(2)]
    pub name: Option<String>,
    /// What they are to me.
    #[n(3)]
    pub standing: StandingRow,
    /// Whether the safety number was compared.
    #[n(4)]
    pub verified: bool,
    /// An alarm that nobody has dismissed.
    #[n(5)]
    pub alarm: Option<Alarm>,
    /// 0 unconfirmed, 1 classical, 2 mutual: [`Contact::level`].
    #[n(6)]
    pub level: u8,
    /// The session that texts are sealed in (its [`crate::id::SessionKey`]).
    #[n(7)]
    pub session: Option<i64>,
    /// Other sessions that still receive: draining, on trial.
    #[n(8)]
    pub others: Vec<i64>,
    /// For [`StandingRow::KnownAgain`]: the contact with the same identity.
    #[n(9)]
    pub known: Option<i64>,
    /// What they wrote with their request, sanitised.
    #[n(10)]
    pub greeting: Option<String>,
    /// Messages of theirs that were not on the screen yet.
    #[n(11)]
    pub unread: u32,
    /// No unread message stands before this position.
    #[n(12)]
    pub unread_from: i64,
    /// The marker: the last position that was seen.
    #[n(13)]
    pub seen: Option<i64>,
    /// The newest message.
    #[n(14)]
    pub last: Option<Last>,
    /// The next free position.
    #[n(15)]
    pub next: i64,
    /// Recovery keys that I gave them, newest last, at most two: a recovery of theirs is accepted by these.
    #[n(16)]
    pub given: Vec<Hidden>,
    /// When I gave the newest, in milliseconds.
    #[n(17)]
    pub given_at: u64,
    /// The newest recovery key that they gave me: a recovery of mine uses it up.
    #[n(18)]
    pub received: Option<Hidden>,
    /// When the contact was made, in milliseconds.
    #[n(19)]
    pub since: u64,
    /// The session that [`Contact::received`] came in.
    #[n(20)]
    pub received_in: i64,
    /// The number of the cell that it came in: an older one that comes late does not replace it.
    #[n(21)]
    pub received_seq: u32,
    /// Their queue out of a backup, as long as no session began there: a `QueueDescriptor`, 340 bytes.
    #[n(22)]
    pub queue: Option<Hidden>,
    /// The cell that the newest of [`Contact::given`] is in.
    #[n(23)]
    pub given_in: Option<GivenIn>,
}

/// A cell of mine: its session and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct GivenIn {
    /// The session.
    #[n(0)]
    pub session: i64,
    /// The number.
    #[n(1)]
    pub seq: u32,
}

impl Contact {
    /// How far apart positions stand that are given out one after the other.
    pub const STEP: i64 = 1 << 20;

    /// The key of the contact of this id.
    #[must_use]
    pub const fn key(id: ContactId) -> Key {
        Key::new(Table::Contact, 0, id.0)
    }

    /// A new one at `now`: nothing read, nothing written.
    #[must_use]
    pub const fn new(identity: Vec<u8>, claim: String, standing: StandingRow, now: Millis) -> Self {
        Self {
            identity,
            claim,
            name: None,
            standing,
            verified: false,
            alarm: None,
            level: 0,
            session: None,
            others: Vec::new(),
            known: None,
            greeting: None,
            unread: 0,
            unread_from: 0,
            seen: None,
            last: None,
            next: Self::STEP,
            given: Vec::new(),
            given_at: 0,
            received: None,
            since: now.0,
            received_in: 0,
            received_seq: 0,
            queue: None,
            given_in: None,
        }
    }

    /// The name to show: mine for them, else their claim.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.claim)
    }

    /// How far its session is authenticated.
    #[must_use]
    pub const fn level(&self) -> Level {
        match self.level {
            0 => Level::Unconfirmed,
            1 => Level::Classical,
            _ => Level::Mutual,
        }
    }

    /// The marker.
    #[must_use]
    pub fn marker(&self) -> Option<Position> {
        self.seen.map(Position)
    }

    /// When something last happened in it.
    #[must_use]
    pub fn active(&self) -> Millis {
        Millis(self.last.as_ref().map_or(self.since, |last| last.at))
    }

    /// Takes the next `slots` positions, and answers the first.
    pub(crate) fn take_positions(&mut self, slots: u32) -> Position {
        let first = self.next;
        self.next = first.saturating_add(Self::STEP.saturating_mul(i64::from(slots)));
        Position(first)
    }

    /// The alarm that stops sending, if any.
    #[must_use]
    pub fn stopped(&self) -> Option<AlarmKind> {
        self.alarm.filter(|alarm| alarm.stops_sending()).map(AlarmKind::from)
    }
}

row!(Contact, Contact);
