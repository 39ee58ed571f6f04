//! The ratchet: header-encrypted, every step an X25519 and an ML-KEM-768 step.
//!
//! Spec: docs/spec/ratchet.md. Invariant: `open` and `seal` borrow the session and return the next one; whatever
//! fails changes nothing. Source: Marlinspike and Perrin, "The Double Ratchet Algorithm", section 4 (header encryption),
//! with a KEM in every step.

mod age;
mod chain;
mod events;
mod hash;
mod header;
mod heard;
mod keys;
mod limits;
mod open;
mod seal;
mod seen;
mod sent;
mod start;
mod state;
#[cfg(test)]
mod tests;
mod turn;
mod unanswered;

use core::fmt;

pub use events::{Alarm, Level, OpenError, Opened, Role, SealError, Sealed, SessionEvent, SessionId, Weight};
pub use limits::{
    KEY_DAYS, MAX_CLOSED, MAX_CLOSED_WITH_KEYS, MAX_SEEN, MAX_SEQ, MAX_SKIP, MAX_SKIPPED, WINDOW,
    WINDOW_QUIET, WINDOW_TEXT,
};
pub(crate) use start::{INIT_LEN, SessionInit};
pub use unanswered::Unanswered;

use keys::{HeaderKey, RootKey};
use sent::Sent;
use turn::{Latch, Turn};

/// One end of a conversation between two identities.
///
/// A session is a value: [`seal`](Self::seal) and [`open`](Self::open) leave it as it is and return the next one. The
/// caller stores that one together with the cell or the content, in one transaction, before anything is sent or
/// acknowledged. `Clone` copies pointers: keys that did not change are shared with the next state, and erased
/// when the last state that holds them is dropped.
#[derive(Clone)]
pub struct Session {
    id: SessionId,
    role: Role,
    level: Level,
    latch: Latch,
    /// Joiner at an address: the only way to the inviter takes handshakes, so nothing is sealed before its answer.
    waits_for_peer: bool,
    root: RootKey,
    /// HK of this side's next epoch.
    next_sending: HeaderKey,
    /// HK of the peer's next epoch.
    next_receiving: HeaderKey,
    turn: Turn,
    sent: Sent,
}

impl Session {
    /// Names the session; the same at both ends.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// Which end this is.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// How far the peer is proven.
    #[must_use]
    pub const fn level(&self) -> Level {
        self.level
    }

    /// The epoch that this side has sealed in last.
    #[must_use]
    pub const fn epoch_sent(&self) -> Option<u32> {
        self.turn.epoch_sent()
    }

    /// The newest epoch of the peer that was opened (epoch 0 counts from the handshake on).
    #[must_use]
    pub fn epoch_received(&self) -> Option<u32> {
        self.turn.heard().map(|heard| heard.chain.epoch)
    }

    /// Whether the next seal takes a step: the peer has spoken since this side last did.
    #[must_use]
    pub const fn my_turn(&self) -> bool {
        self.turn.is_ours()
    }

    /// Cells of this side below this number need not be sent again: the highest ack_low of the peer.
    #[must_use]
    pub const fn outbox_low(&self) -> u32 {
        self.sent.low()
    }

    /// One above the highest number that the peer says it has received: the highest ack_high.
    #[must_use]
    pub const fn peer_high(&self) -> u32 {
        self.sent.high()
    }

    /// The number of the next cell of this side.
    #[must_use]
    pub const fn next_seq(&self) -> u32 {
        self.sent.next()
    }

    /// How many cells of this side are not acknowledged.
    #[must_use]
    pub const fn unacknowledged(&self) -> u32 {
        self.sent.open()
    }

    /// What the peer waits to hear of: the ground for heartbeats.
    #[must_use]
    pub fn unanswered(&self) -> Unanswered {
        self.turn.heard().map_or_else(Unanswered::default, |heard| heard.tally.unanswered())
    }

    /// The alarm that is latched, if any.
    #[must_use]
    pub const fn latch(&self) -> Option<Alarm> {
        self.latch.alarm()
    }

    /// The session with `alarm` latched. The first alarm of the peer stays; [`Alarm::OwnRollback`] outweighs it.
    #[must_use]
    pub fn latched(&self, alarm: Alarm) -> Self {
        Self { latch: self.latch.with(alarm), ..self.clone() }
    }

    /// The session with sealing allowed in spite of the peer's alarm, after the user was asked. The alarm stays latched.
    ///
    /// `None` when nothing bars sealing, or when [`Alarm::OwnRollback`] does: that one is for ever.
    #[must_use]
    pub fn unlatch_for_sending(&self) -> Option<Self> {
        match self.latch {
            Latch::Peer { alarm, sending: false } => {
                Some(Self { latch: Latch::Peer { alarm, sending: true }, ..self.clone() })
            }
            _ => None,
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Destructured, so that a new field does not build until someone has decided whether it may be printed.
        let Self {
            id,
            role,
            level,
            latch,
            waits_for_peer,
            root: _,
            next_sending: _,
            next_receiving: _,
            turn,
            sent,
        } = self;
        f.debug_struct("Session")
            .field("id", id)
            .field("role", role)
            .field("level", level)
            .field("latch", latch)
            .field("waits_for_peer", waits_for_peer)
            .field("epoch_sent", &turn.epoch_sent())
            .field("epoch_received", &self.epoch_received())
            .field("next_seq", &sent.next())
            .finish_non_exhaustive()
    }
}
