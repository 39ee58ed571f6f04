//! Ids: the labelled hashes of capabilities, which are all that a relay keeps.
//!
//! Spec: docs/spec/relay.md, "Capabilities". Invariant: an id gives no right that its capability gives, and is
//! not printed, so that none can reach a log.

use core::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Bytes of it.
            pub const LEN: usize = $len;

            /// The one with these bytes, as stored or received.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

id! {
    /// A queue's name at its relay: the hash of its [`WriteCap`](crate::WriteCap).
    QueueId, 32
}
id! {
    /// The hash of a queue's [`ReadCap`](crate::ReadCap).
    ReadId, 32
}
id! {
    /// An invite's name at its relay: the hash of its [`FetchCap`](crate::FetchCap).
    InviteId, 32
}
id! {
    /// The hash of the [`OwnerCap`](crate::OwnerCap) of an invite or a blob.
    OwnerId, 32
}
id! {
    /// A blob's name at its relay: the hash of its [`BlobCap`](crate::BlobCap).
    BlobId, 32
}
id! {
    /// The hash of an admission token, [`Admit`](crate::Admit).
    AdmitId, 32
}
id! {
    /// The shortened hash of the [`ClaimToken`](crate::ClaimToken) that took an invite.
    ClaimHash, 16
}

macro_rules! of {
    ($($name:ident),*) => {$(
        impl $name {
            pub(crate) const fn of(hash: [u8; 32]) -> Self {
                Self(hash)
            }
        }
    )*};
}
of!(QueueId, ReadId, InviteId, OwnerId, BlobId, AdmitId);

impl ClaimHash {
    pub(crate) fn of(hash: [u8; 32]) -> Self {
        Self(hash.first_chunk().copied().unwrap_or_default())
    }
}
