//! [`Turn`]: who has spoken last, and with it which keys exist; [`Latch`].
//!
//! Spec: docs/spec/ratchet.md, "Chart". Invariant: only legal combinations of chains can be written down.

use super::chain::{EndedChain, SendingChain};
use super::heard::Heard;
use super::keys::Published;
use super::{Alarm, Level, Role};
use alloc::sync::Arc;

/// The chart of states. `k` is the newest epoch.
///
/// ```text
/// joiner:   Calling ──open epoch 1──▶ Following ──seal──▶ Leading ──open epoch k+1──▶ Following ─ …
/// inviter:  Called  ──seal──────────▶ Leading ──open epoch k+1──▶ Following ──seal──▶ Leading ─ …
/// ```
/// In every state, `seal` in Calling and Leading and `open` of a known epoch stay where they are. `open` of the next
/// epoch in Called and Following means that this state is an old copy.
#[derive(Clone)]
// RAT-04.
pub(super) enum Turn {
    /// Joiner: epoch 0 is ours, nothing was received.
    Calling {
        /// Epoch 0.
        sending: SendingChain,
    },
    /// Inviter: epoch 0 is the peer's, nothing was sealed.
    Called {
        /// Epoch 0.
        heard: Heard,
        /// Its public values.
        peer: Arc<Published>,
    },
    /// The newest epoch is ours.
    Leading {
        /// Epoch k.
        sending: SendingChain,
        /// Epoch k - 1 and before.
        heard: Heard,
    },
    /// The newest epoch is the peer's: the next seal takes a step.
    Following {
        /// Epoch k - 1.
        ended: EndedChain,
        /// Epoch k and before.
        heard: Heard,
        /// The public values of epoch k.
        peer: Arc<Published>,
    },
}

impl Turn {
    pub(super) const fn heard(&self) -> Option<&Heard> {
        match self {
            Self::Calling { .. } => None,
            Self::Called { heard, .. } | Self::Leading { heard, .. } | Self::Following { heard, .. } => {
                Some(heard)
            }
        }
    }

    pub(super) const fn heard_mut(&mut self) -> Option<&mut Heard> {
        match self {
            Self::Calling { .. } => None,
            Self::Called { heard, .. } | Self::Leading { heard, .. } | Self::Following { heard, .. } => {
                Some(heard)
            }
        }
    }

    pub(super) const fn epoch_sent(&self) -> Option<u32> {
        match self {
            Self::Called { .. } => None,
            Self::Calling { sending } | Self::Leading { sending, .. } => Some(sending.epoch),
            Self::Following { ended, .. } => Some(ended.epoch),
        }
    }

    /// Whether the newest epoch is the peer's.
    pub(super) const fn is_ours(&self) -> bool {
        matches!(self, Self::Called { .. } | Self::Following { .. })
    }
}

/// Whether sealing is barred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Latch {
    /// No alarm so far.
    Clear,
    /// The peer's state was copied; `sending`: the user was asked and goes on.
    Peer {
        /// The first alarm.
        alarm: Alarm,
        /// Whether sealing is allowed again.
        sending: bool,
    },
    /// Our own state is an old copy: nothing is sealed in this session any more.
    OwnRollback,
}

impl Latch {
    /// After one more alarm: the first one stays, except that a rollback of our own outweighs all.
    pub(super) const fn with(self, alarm: Alarm) -> Self {
        // RAT-69.
        match (self, alarm) {
            // RAT-70.
            (_, Alarm::OwnRollback) | (Self::OwnRollback, _) => Self::OwnRollback,
            (Self::Clear, alarm) => Self::Peer { alarm, sending: false },
            (Self::Peer { .. }, _) => self,
        }
    }

    pub(super) const fn alarm(self) -> Option<Alarm> {
        match self {
            Self::Clear => None,
            Self::Peer { alarm, .. } => Some(alarm),
            Self::OwnRollback => Some(Alarm::OwnRollback),
        }
    }

    pub(super) const fn bars_sealing(self) -> Option<Alarm> {
        // RAT-68.
        match self {
            Self::Clear | Self::Peer { sending: true, .. } => None,
            Self::Peer { alarm, sending: false } => Some(alarm),
            Self::OwnRollback => Some(Alarm::OwnRollback),
        }
    }
}

impl Level {
    /// The level after a body of `epoch` was opened. It never falls.
    pub(super) fn after_body(self, role: Role, epoch: u32) -> Self {
        // HS-36, HS-38, HS-39.
        let proven = match (role, epoch) {
            (Role::Inviter, 2..) | (Role::Joiner, 3..) => Self::MutualPq,
            (Role::Joiner, 1..) => Self::PeerPq,
            _ => self,
        };
        // HS-41.
        self.max(proven)
    }

    /// Whether `role` can be at this level.
    pub(super) const fn fits(self, role: Role) -> bool {
        match role {
            Role::Joiner => !matches!(self, Self::Invited),
            Role::Inviter => matches!(self, Self::Invited | Self::MutualPq),
        }
    }
}
