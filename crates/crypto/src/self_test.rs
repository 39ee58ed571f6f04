//! [`self_test`]: known answers of every primitive, computed again before a program trusts itself.
//!
//! Spec: docs/spec/README.md, "Primitives"; docs/security/vectors.md. Invariant: fails closed: the first wrong answer ends it, and a
//! seal, signature or point that must be refused and is not counts as wrong.

use alloc::vec::Vec;

use argon2::Params;
use ed25519_dalek::{Signature, Signer, SigningKey};

use crate::kem::KemSeed;
use crate::{aead, dh, identity, kdf, labels, sealing};

/// A primitive gave another answer than the published one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the self-test of {primitive} failed")]
pub struct SelfTestError {
    /// Which one.
    pub primitive: &'static str,
}

/// A primitive, what it is asked, and what it must answer.
#[derive(Clone, Copy)]
struct Known {
    primitive: &'static str,
    /// `None`: something was accepted that must be refused.
    compute: fn() -> Option<Vec<u8>>,
    answer: &'static [u8],
}

/// In the order in which they build on each other. The answers are published ones where the inputs are; those of HKDF
/// and ML-KEM, and the labelled hash, were made by the second implementation (tests/second).
const KNOWN: [Known; 8] = [
    Known { primitive: "SHA-256", compute: sha_256, answer: &SHA_256 },
    Known { primitive: "HKDF-SHA-256", compute: hkdf, answer: &HKDF },
    Known { primitive: "X25519", compute: x25519, answer: &X25519 },
    Known { primitive: "Ed25519", compute: ed25519, answer: &ED25519 },
    Known { primitive: "ML-KEM-768", compute: ml_kem, answer: &ML_KEM },
    Known { primitive: "ChaCha20-Poly1305", compute: chacha, answer: &CHACHA },
    Known { primitive: "XChaCha20-Poly1305", compute: xchacha, answer: &XCHACHA },
    Known { primitive: "Argon2id", compute: argon2id, answer: &ARGON2ID },
];

const SHA_256: [u8; 32] = unhex("1d5fef7bc7b5a108256abb8f02ed182bff6cbd43784c94ea40e50ba296f6cb8e");
const HKDF: [u8; 64] = unhex(
    "64e91fc7682a1c26785f20521ebfb359153afa1352634066f013f2f20cb70978\
     b90a85f730c293263d37ba0040e3615a3df012386000b77733c520b665400732",
);
/// RFC 7748, section 6.1.
const X25519: [u8; 32] = unhex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
/// RFC 8032, section 7.1, test 2.
const ED25519: [u8; 64] = unhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
     085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
);
/// SHA-256 of the public key, SHA-256 of the ciphertext, the secret, the secret of a damaged ciphertext.
const ML_KEM: [u8; 128] = unhex(
    "0b7934c83125c788995e2ba6bd761e33046b3e40571be53e023309a29f398cc9\
     dbf4e9aa48b078ad46ec1c9c47bda8c2d2fec9d0e7a21bd48d2238a2abedb856\
     9cddd089ffe70e3996e76f7c8d06746df34d07e8657bc0fcf2bb0e1c3084aea1\
     dcfc80c6db46ff7028e3a4398651c063ae7a42c107a6dc8cb07141861698ab92",
);
/// The tag, RFC 8439, section 2.8.2.
const CHACHA: [u8; 16] = unhex("1ae10b594f09e26a7e902ecbd0600691");
/// The tag, draft-irtf-cfrg-xchacha-03, section A.3.1.
const XCHACHA: [u8; 16] = unhex("c0875924c1c7987947deafd8780acf49");
/// The reference implementation's test with 256 KiB and two passes.
const ARGON2ID: [u8; 32] = unhex("9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe");

const SUNSCREEN: &[u8] = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for \
the future, sunscreen would be it.";
const SEAL_KEY: [u8; 32] = unhex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
const SEAL_AAD: [u8; 12] = unhex("50515253c0c1c2c3c4c5c6c7");

/// Computes known answers of every primitive; about a millisecond in a release build. Programs call it before they touch a
/// key, and end when it fails.
///
/// # Errors
/// [`SelfTestError`] names the first primitive that answers wrongly.
pub fn self_test() -> Result<(), SelfTestError> {
    check(&KNOWN)
}

fn check(known: &[Known]) -> Result<(), SelfTestError> {
    known.iter().try_for_each(|known| {
        let right = (known.compute)().is_some_and(|answer| answer == known.answer);
        right.then_some(()).ok_or(SelfTestError { primitive: known.primitive })
    })
}

fn sha_256() -> Option<Vec<u8>> {
    Some(kdf::hash(labels::CELL_HASH, &[b"abc"]).to_vec())
}

/// The first case of RFC 5869, expanded under a label of ours.
fn hkdf() -> Option<Vec<u8>> {
    let salt: [u8; 13] = unhex("000102030405060708090a0b0c");
    let context: [u8; 10] = unhex("f0f1f2f3f4f5f6f7f8f9");
    let prk = kdf::extract(&salt, &[&[0x0b; 22]]);
    let okm = kdf::expand_bytes::<64>(prk.expose(), labels::RATCHET_CHAIN, &context);
    Some(okm.expose().to_vec())
}

fn x25519() -> Option<Vec<u8>> {
    let alice = unhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    let bob = unhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    let alice = dh::SecretKey::from_bytes(&alice);
    let nothing = dh::PublicKey::from_bytes([0; 32]).ok()?;
    let second = dh::PublicKey::from_bytes([0xff; 32]);
    if alice.agree(&nothing).is_ok() || second.is_ok() {
        return None;
    }
    let shared = alice.agree(&dh::PublicKey::from_bytes(bob).ok()?).ok()?;
    Some(shared.expose().to_vec())
}

fn ed25519() -> Option<Vec<u8>> {
    let seed = unhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    let public = unhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    let public = identity::parse_verifying(&public).ok()?;
    let signature = SigningKey::from_bytes(&seed).sign(&[0x72]).to_bytes();
    let verifies =
        |text: &[u8], signature| public.verify_strict(text, &Signature::from_bytes(signature)).is_ok();
    let right = verifies(&[0x72], &signature) && !verifies(&[0x73], &signature);
    right.then(|| signature.to_vec())
}

fn ml_kem() -> Option<Vec<u8>> {
    let seed = KemSeed::from_bytes(&core::array::from_fn(|at| at as u8));
    let public = seed.public();
    let (ct, secret) = public.encapsulate(&core::array::from_fn(|at| at as u8 + 64));
    let mut damaged = *ct.as_bytes();
    *damaged.first_mut()? ^= 1;
    let opened = seed.decapsulate(ct.as_bytes());
    let rejected = seed.decapsulate(&damaged);
    let right = opened.expose() == secret.expose();
    let hashes = [kdf::sha256(&[public.as_bytes()]), kdf::sha256(&[ct.as_bytes()])];
    right.then(|| [hashes.concat().as_slice(), opened.expose(), rejected.expose()].concat())
}

fn chacha() -> Option<Vec<u8>> {
    let nonce = unhex("070000004041424344454647");
    let sealed = aead::seal_with(&SEAL_KEY, &nonce, &SEAL_AAD, SUNSCREEN);
    tag_of(&sealed, |sealed| aead::open_with(&SEAL_KEY, &nonce, &SEAL_AAD, sealed).ok())
}

fn xchacha() -> Option<Vec<u8>> {
    let nonce = unhex("404142434445464748494a4b4c4d4e4f5051525354555657");
    let sealed = aead::seal_x(&SEAL_KEY, &nonce, &SEAL_AAD, SUNSCREEN);
    tag_of(&sealed, |sealed| aead::open_x(&SEAL_KEY, &SEAL_AAD, sealed).ok())
}

/// The tag of a seal that opens to the text, and does not with another tag.
fn tag_of(sealed: &[u8], open: impl Fn(&[u8]) -> Option<zeroize::Zeroizing<Vec<u8>>>) -> Option<Vec<u8>> {
    let mut forged = sealed.to_vec();
    *forged.last_mut()? ^= 1;
    let right = open(sealed)?.as_slice() == SUNSCREEN && open(&forged).is_none();
    let tag = sealed.last_chunk::<{ aead::TAG_LEN }>()?;
    right.then(|| tag.to_vec())
}

fn argon2id() -> Option<Vec<u8>> {
    let params = Params::new(256, 2, 1, Some(32)).ok()?;
    let key = sealing::argon2id(b"password", b"somesalt", params).ok()?;
    Some(key.expose().to_vec())
}

/// Hexadecimal as bytes; of constants only.
#[expect(
    clippy::indexing_slicing,
    reason = "of constants of this file, each of which the self-test itself reads"
)]
const fn unhex<const N: usize>(text: &str) -> [u8; N] {
    const fn digit(sign: u8) -> u8 {
        if sign <= b'9' { sign - b'0' } else { sign - b'a' + 10 }
    }
    let text = text.as_bytes();
    let mut bytes = [0; N];
    let mut at = 0;
    while at < N {
        bytes[at] = digit(text[2 * at]) << 4 | digit(text[2 * at + 1]);
        at += 1;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn every_known_answer_is_given() {
        assert_eq!(self_test(), Ok(()));
    }

    #[test]
    fn any_other_answer_is_noticed_and_its_primitive_named() {
        for (at, known) in KNOWN.iter().enumerate() {
            let mut table = KNOWN;
            let mut other = known.answer.to_vec();
            other[0] ^= 1;
            table[at].answer = other.leak();
            let failed = check(&table).unwrap_err();
            assert_eq!(failed.primitive, known.primitive);
            assert!(failed.to_string().contains(known.primitive));
            table = KNOWN;
            table[at].answer = &known.answer[1..];
            assert_eq!(check(&table), Err(failed));
            table = KNOWN;
            table[at].compute = || None;
            assert_eq!(check(&table), Err(failed), "what must be refused was accepted");
        }
    }

    #[test]
    fn a_seal_that_opens_with_any_tag_fails() {
        let accepting = |_: &[u8]| Some(zeroize::Zeroizing::new(SUNSCREEN.to_vec()));
        assert_eq!(tag_of(&[1; 130], accepting), None);
    }
}
