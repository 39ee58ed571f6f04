//! Capabilities: 32 random bytes, whose possession is the right to do one thing.
//!
//! Spec: docs/spec/relay.md, "Capabilities". Invariant: they are erased on drop, never printed, and compared in
//! constant time; a relay keeps their hashes only.

use alloc::boxed::Box;
use core::fmt;

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::id::{BlobId, ClaimHash, InviteId, OwnerId, QueueId, ReadId};
use crate::label;

/// One kind of 32-byte secret: boxed, so that a move leaves no copy behind, and erased on drop.
macro_rules! capability {
    ($(#[$doc:meta])* $name:ident, $label:expr => $(#[$id_doc:meta])* $id_fn:ident, $id:ident) => {
        $(#[$doc])*
        pub struct $name(Box<[u8; 32]>);

        impl $name {
            /// A new one from `rng`.
            #[must_use]
            pub fn generate(rng: &mut impl CryptoRng) -> Self {
                let mut cap = Self(Box::new([0; 32]));
                rng.fill_bytes(&mut *cap.0);
                cap
            }

            /// The one with these bytes.
            #[must_use]
            pub fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(Box::new(bytes))
            }

            /// The secret bytes.
            #[must_use]
            pub const fn expose(&self) -> &[u8; 32] {
                &self.0
            }

            $(#[$id_doc])*
            #[must_use]
            pub fn $id_fn(&self) -> $id {
                $id::of(label::hash($label, &self.0))
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                self.0.zeroize();
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // REL-13.
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }

        // Argued: frames are compared in tests and outboxes; the comparison takes the same time for all bytes.
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                // GEN-08.
                self.0.ct_eq(&*other.0).into()
            }
        }

        impl Eq for $name {}
    };
}

capability! {
    /// The right to append to one queue.
    WriteCap, label::WRITE =>
    /// The queue it writes to: `H(cap/write, capability)`.
    id, QueueId
}
capability! {
    /// The right to read one queue: subscribe, acknowledge, close, and replace this very right.
    ReadCap, label::READ =>
    /// What the relay keeps of it: `H(cap/read, capability)`.
    id, ReadId
}
capability! {
    /// The right to take one invite; made from the invite's link.
    FetchCap, label::FETCH =>
    /// The invite it takes: `H(cap/fetch, capability)`.
    id, InviteId
}
capability! {
    /// The right of an invite's or a blob's maker: check, revoke, drop.
    OwnerCap, label::OWNER =>
    /// What the relay keeps of it: `H(cap/owner, capability)`.
    id, OwnerId
}
capability! {
    /// What makes taking an invite repeatable for the one who took it first; stored before it is sent.
    ClaimToken, label::CLAIM =>
    /// What the relay keeps of it: the first 16 bytes of `H(cap/claim, token)`.
    hash, ClaimHash
}
capability! {
    /// The right to read one blob.
    BlobCap, label::BLOB =>
    /// The blob it reads: `H(cap/blob, capability)`.
    id, BlobId
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    struct Counting(u8);
    impl rand_core::TryRng for Counting {
        type Error = core::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Ok(0)
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Ok(0)
        }
        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
            self.0 += 1;
            out.fill(self.0);
            Ok(())
        }
    }
    impl rand_core::TryCryptoRng for Counting {}

    #[test]
    fn generating_uses_the_given_randomness_each_time() {
        let mut rng = Counting(0);
        let one = WriteCap::generate(&mut rng);
        let two = WriteCap::generate(&mut rng);
        assert_eq!(one, WriteCap::from_bytes([1; 32]));
        assert_ne!(one, two);
    }

    #[test]
    fn debug_shows_no_byte_of_a_capability() {
        // REL-13.
        assert_eq!(format!("{:?}", ReadCap::from_bytes([0xab; 32])), "ReadCap(..)");
    }

    /// The published vectors: SHA-256 of the length byte, the label and 32 bytes `00 01 .. 1f`.
    #[test]
    fn every_capability_hashes_to_its_published_vector() {
        // REL-11.
        let bytes: [u8; 32] = core::array::from_fn(|i| i as u8);
        let hashes = [
            hex::encode(ReadCap::from_bytes(bytes).id().as_bytes()),
            hex::encode(WriteCap::from_bytes(bytes).id().as_bytes()),
            hex::encode(FetchCap::from_bytes(bytes).id().as_bytes()),
            hex::encode(OwnerCap::from_bytes(bytes).id().as_bytes()),
            hex::encode(ClaimToken::from_bytes(bytes).hash().as_bytes()),
            hex::encode(BlobCap::from_bytes(bytes).id().as_bytes()),
            hex::encode(crate::Admit::from_bytes(bytes).id().unwrap().as_bytes()),
        ];
        let published: alloc::vec::Vec<&str> = include_str!("../tests/vectors/capabilities.txt")
            .lines()
            .filter(|l| !l.starts_with('#'))
            .collect();
        let published: alloc::vec::Vec<&str> =
            published.iter().map(|line| line.split_once(" = ").unwrap().1).collect();
        assert_eq!(hashes.as_slice(), published.as_slice());
    }
}
