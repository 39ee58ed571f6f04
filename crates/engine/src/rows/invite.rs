//! [`Invite`]: an invite of mine, or a link of someone else's that I am taking.
//!
//! Spec: docs/spec/invite.md, docs/spec/handshake.md. Invariant: the claim is on disk before the link is taken;
//! a burnt invite keeps no prekey.

use alloc::string::String;

use minicbor::{Decode, Encode};

use super::{Hidden, Key, Table, row};
use crate::api::InviteId;

/// How far an invite is, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum InviteStage {
    /// Mine: on the way to the relay.
    #[n(0)]
    Storing,
    /// Mine: can be taken.
    #[n(1)]
    Ready,
    /// Mine: a handshake came in by it (one-time only).
    #[n(2)]
    Used,
    /// Mine: to be deleted at the relay.
    #[n(3)]
    Revoking,
    /// Mine: gone at the relay, prekey kept for late handshakes, or keys kept to know repeats.
    #[n(4)]
    Retired,
    /// Theirs: being taken.
    #[n(5)]
    Taking,
    /// Theirs: the relay says that another claim took it.
    #[n(6)]
    FailedUsed,
    /// Theirs: the relay has none.
    #[n(7)]
    FailedGone,
    /// Theirs: the bundle is not what the link promises.
    #[n(8)]
    FailedNotGenuine,
    /// Theirs: past its day.
    #[n(9)]
    FailedExpired,
    /// Theirs: made by a newer version.
    #[n(10)]
    FailedNewer,
    /// Theirs: it is my own.
    #[n(11)]
    FailedOwn,
    /// Theirs: the inviter is a contact already, and the person was not asked.
    #[n(12)]
    FailedKnown,
}

/// What an invite of mine needs.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Mine {
    /// The crypto crate's `InviteKeys`.
    #[n(0)]
    pub keys: Hidden,
    /// The right to revoke, 32 bytes.
    #[n(1)]
    pub owner: Hidden,
    /// The relay, as [`subrosa_wire::RelayAddress`] prints it.
    #[n(2)]
    pub relay: String,
    /// The sealed bundle, until the relay has it.
    #[n(3)]
    pub bundle: Option<Hidden>,
    /// My queue in the bundle.
    #[n(4)]
    pub inbound: i64,
    /// That someone else tried was told.
    #[n(5)]
    pub tried: bool,
}

/// What taking a link needs.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Theirs {
    /// Makes taking it repeatable, 32 bytes.
    #[n(0)]
    pub claim: Hidden,
    /// What I wrote to the owner.
    #[n(1)]
    pub greeting: String,
    /// The person wants to join although the inviter is known.
    #[n(2)]
    pub again: bool,
}

/// An invite. Key: `(Invite, 0, id)`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Invite {
    /// The link as text.
    #[n(0)]
    pub link: Hidden,
    /// Whether anyone may ask at it.
    #[n(1)]
    pub reusable: bool,
    /// How far it is.
    #[n(2)]
    pub stage: InviteStage,
    /// When it stops to work, in milliseconds.
    #[n(3)]
    pub expires: u64,
    /// Mine.
    #[n(4)]
    pub mine: Option<Mine>,
    /// Theirs.
    #[n(5)]
    pub theirs: Option<Theirs>,
}

impl Invite {
    /// The key of the invite of this id.
    #[must_use]
    pub const fn key(id: InviteId) -> Key {
        Key::new(Table::Invite, 0, id.0)
    }

    /// The link as text.
    #[must_use]
    pub fn link(&self) -> &str {
        core::str::from_utf8(self.link.expose()).unwrap_or_default()
    }
}

row!(Invite, Invite);
