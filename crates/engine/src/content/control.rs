//! Contents about the chat itself: receipt, typing, profile, timer, queue move, control.
//!
//! Spec: docs/spec/content.md, kinds 5, 6, 8, 9, 10 and 11. Invariant: none of them is a row of the conversation.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use subrosa_codec::Malformed;

use super::strict::{Build, Fields};
use super::{ContentError, Opaque, at_most};
use crate::api::MessageId;
use crate::sanitize::NAME_MAX;

/// Most messages that one receipt names: it fits one cell.
pub const RECEIPT_MAX: usize = 64;

/// Bytes of a queue descriptor (docs/spec/cell.md).
pub const DESCRIPTOR_LEN: usize = 340;

/// Bytes of a recovery key with its id in front: `id 4 | key 32`.
pub const RECOVERY_LEN: usize = 36;

/// How far a message has come at its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reached {
    /// On the receiver's disk.
    Delivered = 1,
    /// On the receiver's screen.
    Read = 2,
}

/// Kind 5: messages of the receiver of this content that reached its sender.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// How far.
    pub reached: Reached,
    /// 1 to [`RECEIPT_MAX`] messages.
    pub ids: Vec<MessageId>,
}

impl Receipt {
    /// Whether this version knows the content's status.
    pub(super) fn known(fields: &Fields<'_>) -> Result<bool, Malformed> {
        Ok((1..=2).contains(&fields.peek(2)?))
    }

    pub(super) fn parse(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        let reached = match fields.uint::<u8>(2)? {
            Some(1) => Reached::Delivered,
            Some(2) => Reached::Read,
            _ => return Err(Malformed),
        };
        let (ids, partial) = fields.bytes(3)?.ok_or(Malformed)?.as_chunks::<16>();
        if ids.is_empty() || ids.len() > RECEIPT_MAX || !partial.is_empty() {
            return Err(Malformed);
        }
        Ok(Self { reached, ids: ids.iter().copied().map(MessageId).collect() })
    }

    pub(super) fn write(&self, build: &mut Build) -> Result<(), ContentError> {
        if self.ids.is_empty() || self.ids.len() > RECEIPT_MAX {
            return Err(ContentError::TooLong { len: self.ids.len(), max: RECEIPT_MAX });
        }
        let ids: Vec<u8> = self.ids.iter().flat_map(|id| id.0).collect();
        build.uint(2, self.reached as u8).bytes(3, &ids);
        Ok(())
    }
}

/// Kind 8: what the sender calls themselves: a claim.
#[derive(Clone)]
pub struct Profile {
    /// 1 to [`NAME_MAX`] bytes.
    pub name: String,
}

impl Profile {
    pub(super) fn parse(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        let name = fields.text(2, NAME_MAX)?.filter(|name| !name.is_empty()).ok_or(Malformed)?;
        Ok(Self { name })
    }

    pub(super) fn write(&self, build: &mut Build) -> Result<(), ContentError> {
        build.text(2, at_most(&self.name, 1, NAME_MAX)?);
        Ok(())
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Profile(..)")
    }
}

/// Kind 9: how long messages of this chat live from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// Seconds after a message was shown; 0 for ever.
    pub seconds: u32,
    /// From 1, rising; on both sides the greatest counts.
    pub revision: u32,
}

impl Timer {
    pub(super) fn parse(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            seconds: fields.uint(2)?.ok_or(Malformed)?,
            revision: fields.uint(3)?.filter(|revision| *revision > 0).ok_or(Malformed)?,
        })
    }

    pub(super) fn write(self, build: &mut Build) {
        build.uint(2, self.seconds).uint(3, self.revision.max(1));
    }
}

/// Kind 11: what the two engines say to each other.
#[derive(Clone, Debug)]
pub enum Control {
    /// Verb 1, the inviter's first cell.
    Hello {
        /// A private queue, when the joiner came by an address: they write there from now on.
        queue: Option<Opaque<DESCRIPTOR_LEN>>,
        /// A recovery key for the receiver, as [`Control::Recovery`].
        recovery: Option<Opaque<RECOVERY_LEN>>,
    },
    /// Verb 2, the automatic answers of epochs 2 and 3.
    Confirm {
        /// A recovery key for the receiver, as [`Control::Recovery`].
        recovery: Option<Opaque<RECOVERY_LEN>>,
    },
    /// Verb 3: a key by which the receiver, after a restore, may start one visible recovery. The sender keeps the
    /// two newest.
    Recovery {
        /// The key.
        key: Opaque<RECOVERY_LEN>,
        /// The sender wants one in return: there is a new backup of theirs.
        renew: bool,
    },
    /// Verb 4: the last word of a session: a recovery put another in its place.
    Replaced {
        /// The session that took its place.
        session: [u8; 32],
    },
    /// Verb 5: the sender ends the chat.
    Close,
    /// Verb 6: nothing but the turn of the ratchet.
    Heartbeat,
}

impl Control {
    /// Whether this version knows the content's verb.
    pub(super) fn known(fields: &Fields<'_>) -> Result<bool, Malformed> {
        Ok((1..=6).contains(&fields.peek(2)?))
    }

    pub(super) fn parse(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        match fields.uint::<u8>(2)?.ok_or(Malformed)? {
            1 => Ok(Self::Hello { queue: fields.opaque(3)?, recovery: fields.opaque(4)? }),
            2 => Ok(Self::Confirm { recovery: fields.opaque(4)? }),
            3 => Ok(Self::Recovery {
                key: fields.opaque(4)?.ok_or(Malformed)?,
                renew: fields.flag(6)?.unwrap_or_default(),
            }),
            4 => Ok(Self::Replaced { session: fields.array(5)?.ok_or(Malformed)? }),
            5 => Ok(Self::Close),
            6 => Ok(Self::Heartbeat),
            _ => Err(Malformed),
        }
    }

    pub(super) fn write(&self, build: &mut Build) {
        match self {
            Self::Hello { queue, recovery } => {
                build.uint(2, 1u8);
                if let Some(queue) = queue {
                    build.bytes(3, queue.expose());
                }
                key(build, recovery.as_ref());
            }
            Self::Confirm { recovery } => key(build.uint(2, 2u8), recovery.as_ref()),
            Self::Recovery { key: recovery, renew } => {
                key(build.uint(2, 3u8), Some(recovery));
                if *renew {
                    build.flag(6, true);
                }
            }
            Self::Replaced { session } => drop(build.uint(2, 4u8).bytes(5, session)),
            Self::Close => drop(build.uint(2, 5u8)),
            Self::Heartbeat => drop(build.uint(2, 6u8)),
        }
    }
}

fn key(build: &mut Build, recovery: Option<&Opaque<RECOVERY_LEN>>) {
    if let Some(recovery) = recovery {
        build.bytes(4, recovery.expose());
    }
}
