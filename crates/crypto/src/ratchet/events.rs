//! What a session says: levels, alarms, events and errors.
//!
//! Spec: docs/spec/ratchet.md, "Opening", "Errors". Invariant: an error keeps nothing of the cell; an event keeps the
//! cell's content and the next state. Neither carries a secret.

use alloc::vec::Vec;
use core::fmt;

use subrosa_codec::{Cell, Malformed};

use super::Session;
use crate::body::Part;

/// Names a session: the hash of its whole handshake. Not secret; the smaller one wins when invites cross.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub [u8; 32]);

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "SessionId({a:02x}{b:02x}{c:02x}{d:02x}..)")
    }
}

/// Which end of a session this is. Even epochs are the joiner's, odd ones the inviter's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Sent the handshake (or the recovery cell).
    Joiner,
    /// Received it.
    Inviter,
}

/// How far the peer's identity is proven. Within one session it never falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Inviter, before anything: the peer holds the link and, against classical attackers, its identity.
    Invited,
    /// Joiner, before any answer: nobody has proven anything.
    Sent,
    /// Joiner, after the first body of epoch 1 or later: the inviter is proven, post-quantum.
    PeerPq,
    /// Both are proven, post-quantum.
    MutualPq,
}

/// What a cell is to the window, and whether it asks for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Weight {
    /// Receipt, typing and the like: quiet, waits at [`WINDOW_QUIET`](super::WINDOW_QUIET).
    Quiet,
    /// What a person wrote: waits at [`WINDOW_TEXT`](super::WINDOW_TEXT).
    Text,
    /// A heartbeat: quiet, from the reserve.
    Heartbeat,
    /// A control message: quiet, from the reserve.
    Control,
    /// The first cell of the inviter: asks for an answer, from the reserve.
    Hello,
    /// The notice that another session took this one's place: quiet, from the reserve, and sealed in spite of a latch.
    Replaced,
}

impl Weight {
    /// Whether the cell carries the quiet flag: it never causes a heartbeat.
    #[must_use]
    pub const fn quiet(self) -> bool {
        // RAT-24.
        !matches!(self, Self::Text | Self::Hello)
    }

    /// Unacknowledged cells at which this kind of cell has to wait.
    #[must_use]
    pub const fn limit(self) -> u32 {
        // RAT-24.
        match self {
            Self::Quiet => super::WINDOW_QUIET,
            Self::Text => super::WINDOW_TEXT,
            Self::Heartbeat | Self::Control | Self::Hello | Self::Replaced => super::WINDOW,
        }
    }
}

/// Why a session is no longer a conversation of exactly two. Latched by the caller together with the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Alarm {
    /// An epoch came with other keys than before: the peer's state was copied before a step.
    Keys,
    /// A cell lies beyond the announced end of its chain.
    Closed,
    /// Another cell with this number was opened before.
    Index,
    /// A new epoch denies cells of the last one that were opened.
    Pn,
    /// A cell names another predecessor than the one that was opened.
    Prev,
    /// The peer acknowledges another cell than the one that was sealed here.
    Ack,
    /// This side's state is older than what the peer has seen of it.
    OwnRollback,
}

/// What opening, ageing or giving up changed beside the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionEvent {
    /// Cells `from..=to` are missing; they may still arrive.
    Gap {
        /// The first missing number.
        from: u32,
        /// The last missing number.
        to: u32,
    },
    /// This cell can never be opened any more.
    Lost {
        /// Its number.
        seq: u32,
    },
    /// The peer's state was copied. The next state is latched already.
    Alarm(Alarm),
    /// This side's state is an old copy. The next state is latched already.
    OwnRollback,
    /// The level rose to this.
    Raised(Level),
}

/// A sealed cell and the state after it. Persist both in one transaction, then send.
pub struct Sealed {
    /// Replaces the session that sealed.
    pub next: Session,
    /// The bytes to send, and to send again unchanged until the peer acknowledges [`seq`](Self::seq).
    pub cell: Cell,
    /// The number of the cell among this side's cells.
    pub seq: u32,
}

/// An opened cell and the state after it. Persist state and content in one transaction, then acknowledge at the relay.
pub struct Opened {
    /// Replaces the session that opened.
    pub next: Session,
    /// The authentic content.
    pub part: Part,
    /// The number of the cell among the peer's cells.
    pub seq: u32,
    /// The epoch that it was sealed in.
    pub epoch: u32,
    /// Whether it carries the quiet flag.
    pub quiet: bool,
    /// What else changed, in order.
    pub events: Vec<SessionEvent>,
    /// This side's cells below this number need not be sent again. It never falls.
    pub outbox_low: u32,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { next: _, cell: _, seq } = self;
        f.debug_struct("Sealed").field("seq", seq).finish_non_exhaustive()
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { next: _, part: _, seq, epoch, quiet, events, outbox_low } = self;
        f.debug_struct("Opened")
            .field("seq", seq)
            .field("epoch", epoch)
            .field("quiet", quiet)
            .field("events", events)
            .field("outbox_low", outbox_low)
            .finish_non_exhaustive()
    }
}

/// Why a cell was not sealed. The session is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// Too many cells are unacknowledged; keep the message unsealed and try again after the next acknowledgement.
    #[error(
        "too many messages wait for the other side; this one is kept and goes out when they have been received"
    )]
    WindowFull,
    /// A joiner at an address may send nothing before the inviter has answered.
    #[error("the other side has not answered yet; the message is kept and goes out when it has")]
    WaitForPeer,
    /// An alarm is latched: [`Session::unlatch_for_sending`] after asking the user, or recovery.
    #[error("this conversation may have been copied; nothing is sent until you decide how to go on")]
    Latched(Alarm),
    /// All numbers of this session are used up.
    #[error("this conversation has reached its end; start a new one by a new invite")]
    Exhausted,
    /// The stored key of the peer is unusable: no key gets there over the network.
    #[error("the stored conversation is damaged; recover it or start a new one by a new invite")]
    DamagedState,
    /// The part cannot be laid out in a cell.
    #[error("the message part does not fit a cell")]
    BadPart,
}

impl From<Malformed> for SealError {
    fn from(Malformed: Malformed) -> Self {
        Self::BadPart
    }
}

/// Why a cell was not opened. The session is unchanged, and nothing of the cell may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// No header key of this session opens it.
    #[error("the cell does not belong to this session")]
    NotOurs,
    /// Authentic, from a newer version of the program.
    #[error("the other side uses a newer version; update to read this message")]
    NewerVersion,
    /// Authentic, but against the rules.
    #[error("the cell breaks the rules of the protocol")]
    Malformed,
    /// Opened before. Acknowledge it at the relay and forget it.
    #[error("the cell was opened before")]
    Duplicate,
    /// Its key is gone: opened long ago, or given up.
    #[error("the cell is too old to be opened")]
    Old,
    /// The peer's state was copied: latch it ([`Session::latched`]).
    #[error("two devices are using this conversation on the other side")]
    Alarm(Alarm),
    /// This side's state is an old copy: latch [`Alarm::OwnRollback`].
    #[error("this conversation was restored from an old copy on this device")]
    OwnRollback,
    /// More than [`MAX_SKIP`](super::MAX_SKIP) cells are missing before it.
    #[error("too many cells are missing before this one")]
    TooFar,
    /// The header is authentic, the body is not: the relay (or the way to it) changed it.
    #[error("the cell was damaged on its way")]
    BadBody {
        /// The number of the cell.
        seq: u32,
        /// Hash of the sealed header: three different ones suggest recovery.
        header: [u8; 32],
        /// Hash of the damaged body: three different ones under one header are enough to
        /// [give the cell up](Session::give_up).
        body: [u8; 32],
    },
}
