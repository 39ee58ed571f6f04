//! The hashes that a session remembers: of cells, and of an epoch's public values. None is secret.
//!
//! Spec: docs/spec/ratchet.md, "State". Invariant: a [`Mark`] is only ever made from a [`CellHash`].

/// Hash of a sealed header: names a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CellHash(pub(super) [u8; 32]);

/// The first 16 bytes of a [`CellHash`]: enough to tell two cells apart, half the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark(pub(super) [u8; 16]);

/// `H(ratchet/pub-id, dh, ek, ct)`: names the public values of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PubId(pub(super) [u8; 32]);

impl CellHash {
    pub(super) const fn mark(self) -> Mark {
        let mut mark = [0; 16];
        let (first, _) = self.0.split_at(16);
        mark.copy_from_slice(first);
        Mark(mark)
    }
}
