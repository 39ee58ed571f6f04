//! [`self_test`]: the relay's one primitive, SHA-256 under our labels, against known answers.
//!
//! Spec: docs/spec/relay.md, "Hash labels"; docs/security/vectors.md. Invariant: fails closed, at the first wrong answer.

use sha2::{Digest, Sha256};

use crate::label;

/// SHA-256, or a hash under one of our labels, is wrong on this computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the self-test of SHA-256 failed: this program computes wrongly on this computer, and so does nothing at all; \
     install it again, and if that does not help, have the computer's memory tested"
)]
pub struct SelfTestError;

/// What is hashed, and the hash: `None` for FIPS 180-4's plain "abc", a label for the published vector of a capability
/// `00 01 .. 1f` (tests/vectors/capabilities.txt, made by an independent program).
type Known = (Option<&'static str>, [u8; 32]);

const KNOWN: [Known; 3] = [
    (
        None,
        [
            0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
            0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
        ],
    ),
    (
        Some(label::READ),
        [
            0x3d, 0x08, 0x62, 0xe8, 0xdd, 0x7c, 0x2c, 0x47, 0xf4, 0xa9, 0x79, 0xc2, 0xab, 0x9b, 0x7f, 0x29,
            0xe9, 0x33, 0x33, 0x40, 0xbc, 0x22, 0xe5, 0x90, 0x4a, 0x80, 0xbd, 0x61, 0xff, 0x22, 0xcf, 0x1d,
        ],
    ),
    (
        Some(label::WRITE),
        [
            0x77, 0x1f, 0x66, 0xe3, 0x48, 0x3e, 0x26, 0x7b, 0x82, 0xc3, 0x87, 0xec, 0x61, 0xe4, 0x80, 0x43,
            0xf9, 0x2b, 0xd2, 0x18, 0x45, 0x8d, 0xa6, 0x3c, 0xb7, 0xa2, 0x37, 0x46, 0x13, 0xd9, 0xfa, 0xd6,
        ],
    ),
];

/// Computes the known answers; a few microseconds. Programs call it before they serve, and end when it fails.
///
/// # Errors
/// [`SelfTestError`] when an answer is wrong.
pub fn self_test() -> Result<(), SelfTestError> {
    check(&KNOWN)
}

fn check(known: &[Known]) -> Result<(), SelfTestError> {
    let capability = core::array::from_fn(|at| at as u8);
    let right = known.iter().all(|(label, answer)| {
        let hash =
            label.map_or_else(|| Sha256::digest(b"abc").into(), |label| label::hash(label, &capability));
        hash == *answer
    });
    if right { Ok(()) } else { Err(SelfTestError) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_answer_is_given() {
        assert_eq!(self_test(), Ok(()));
    }

    #[test]
    fn any_other_answer_is_noticed() {
        for at in 0..KNOWN.len() {
            for bit in 0..256 {
                let mut table = KNOWN;
                table[at].1[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(check(&table), Err(SelfTestError));
            }
        }
    }
}
