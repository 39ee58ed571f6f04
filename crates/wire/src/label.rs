//! The labels of every hash that wire makes, and the one function that uses them.
//!
//! Spec: docs/spec/relay.md, "Hash labels". Invariant: one label, one use; the table holds all of them.

use sha2::{Digest, Sha256};

/// What every label of subrosa starts with.
const PREFIX: &str = "subrosa/v1/";

pub(crate) const READ: &str = "cap/read";
pub(crate) const WRITE: &str = "cap/write";
pub(crate) const FETCH: &str = "cap/fetch";
pub(crate) const OWNER: &str = "cap/owner";
pub(crate) const CLAIM: &str = "cap/claim";
pub(crate) const BLOB: &str = "cap/blob";
pub(crate) const ADMIT: &str = "cap/admit";

/// Every label of this crate, without the common prefix `subrosa/v1/`. A test elsewhere joins the table with
/// the one of the cryptography and refuses duplicates.
pub const LABELS: &[&str] = &[READ, WRITE, FETCH, OWNER, CLAIM, BLOB, ADMIT];

/// `H(x, d) = SHA-256(L(x) | d)` with `L(x) = u8 len("subrosa/v1/" | x) | "subrosa/v1/" | x`.
pub(crate) fn hash(label: &str, bytes: &[u8; 32]) -> [u8; 32] {
    // REL-11.
    // Every label is shorter than 256 bytes; a test holds that.
    let len = PREFIX.len().saturating_add(label.len()) as u8;
    let mut sha = Sha256::new();
    sha.update([len]);
    sha.update(PREFIX);
    sha.update(label);
    sha.update(bytes);
    sha.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_label_is_used_twice_and_each_fits_its_length_byte() {
        for (index, label) in LABELS.iter().enumerate() {
            assert!(PREFIX.len() + label.len() < 256);
            assert!(!LABELS[..index].contains(label), "{label} stands twice in the table");
        }
    }

    /// A label is used by exactly one type: the table names all constants of the file.
    #[test]
    fn every_label_gives_another_hash_of_the_same_bytes() {
        let mut hashes: alloc::vec::Vec<_> = LABELS.iter().map(|label| hash(label, &[7; 32])).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), LABELS.len());
    }
}
