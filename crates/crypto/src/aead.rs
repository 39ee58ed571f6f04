//! The one AEAD in its three uses: `AEAD0` (key used once, zero nonce), `X` (24-byte nonce in front), and
//! ChaCha20-Poly1305 with a derived nonce for ratchet bodies.
//!
//! Spec: docs/spec/README.md, "Notation"; RFC 8439, draft-irtf-cfrg-xchacha. Invariant: tags are 16 bytes,
//! never truncated (A19), and nothing is decrypted before its tag is verified.

use alloc::vec::Vec;

use chacha20poly1305::aead::{AeadInOut, KeyInit};
#[cfg(not(any(test, fuzzing)))]
use chacha20poly1305::{ChaCha20Poly1305, XChaCha20Poly1305};
use zeroize::Zeroizing;

// The same locks, which a test or a fuzzer can look through; this file is the only one that names them.
#[cfg(any(test, fuzzing))]
use crate::glass::{ChaCha20Poly1305, XChaCha20Poly1305};
use crate::{kdf, labels, stack};

/// Length of a tag, in bytes.
pub(crate) const TAG_LEN: usize = 16;

/// Length of the nonce in front of an `X` seal, in bytes.
pub(crate) const NONCE_LEN: usize = 24;

/// How many bytes an `X` seal adds.
pub(crate) const X_OVERHEAD: usize = NONCE_LEN + TAG_LEN;

/// The seal does not open: wrong key, wrong associated data or altered bytes, told apart by nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused;

/// `AEAD0(key, aad, text)`: `text` sealed under a key that seals nothing else.
pub(crate) fn seal_once(key: &[u8; 32], aad: &[u8], text: &[u8]) -> Vec<u8> {
    seal_with(key, &[0; 12], aad, text)
}

/// Opens an `AEAD0` seal.
pub(crate) fn open_once(key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refused> {
    open_with(key, &[0; 12], aad, sealed)
}

/// ChaCha20-Poly1305 under `nonce`: `text.len() + 16` bytes.
pub(crate) fn seal_with(key: &[u8; 32], nonce: &[u8; 12], aad: &[u8], text: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(text.len() + TAG_LEN);
    stack::cleared::<{ stack::AEAD }, _>(|| {
        append(&ChaCha20Poly1305::new(key.into()), nonce.into(), aad, (text, &mut sealed));
    });
    sealed
}

/// Opens a ChaCha20-Poly1305 seal.
pub(crate) fn open_with(
    key: &[u8; 32],
    nonce: &[u8; 12],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Refused> {
    stack::cleared::<{ stack::AEAD }, _>(|| {
        verify(&ChaCha20Poly1305::new(key.into()), nonce.into(), aad, sealed)
    })
}

/// `X(key, nonce, text)`: `nonce 24 | ciphertext | tag 16`.
pub(crate) fn seal_x(key: &[u8; 32], nonce: &[u8; NONCE_LEN], aad: &[u8], text: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(text.len() + X_OVERHEAD);
    sealed.extend_from_slice(nonce);
    stack::cleared::<{ stack::AEAD }, _>(|| {
        append(&XChaCha20Poly1305::new(key.into()), nonce.into(), aad, (text, &mut sealed));
    });
    sealed
}

/// `X` under a nonce that depends on `random`, the key, the associated data and the text, so that a stuck or
/// rolled-back source of randomness repeats no (key, nonce) for two texts (A33).
pub(crate) fn seal_x_hedged(key: &[u8; 32], random: &[u8; NONCE_LEN], aad: &[u8], text: &[u8]) -> Vec<u8> {
    // GEN-20.
    let prk = kdf::extract(random, &[key]);
    let context = kdf::sha256(&[&(aad.len() as u64).to_le_bytes(), aad, text]);
    let nonce = kdf::expand_bytes::<NONCE_LEN>(prk.expose(), labels::RNG_HEDGE, &context);
    seal_x(key, nonce.expose(), aad, text)
}

/// Opens an `X` seal.
pub(crate) fn open_x(key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Refused)?;
    stack::cleared::<{ stack::AEAD }, _>(|| {
        verify(&XChaCha20Poly1305::new(key.into()), nonce.into(), aad, rest)
    })
}

/// One `X` seal that is tried under several keys: its bytes are copied once.
pub(crate) struct Trial<'a> {
    nonce: &'a [u8; NONCE_LEN],
    tag: &'a [u8; TAG_LEN],
    text: Zeroizing<Vec<u8>>,
}

impl<'a> Trial<'a> {
    /// Takes a seal that is not opened yet.
    pub(crate) fn of(sealed: &'a [u8]) -> Result<Self, Refused> {
        let (nonce, rest) = sealed.split_first_chunk().ok_or(Refused)?;
        let (text, tag) = rest.split_last_chunk().ok_or(Refused)?;
        Ok(Self { nonce, tag, text: Zeroizing::new(text.to_vec()) })
    }

    /// Opens it under `key`; the caller [clears](stack::cleared) after the last trial, not after each. When that fails the bytes are what they were: the tag is verified before the first of
    /// them is decrypted.
    pub(crate) fn try_key(&mut self, key: &[u8; 32], aad: &[u8]) -> Result<(), Refused> {
        let Self { nonce, tag, text } = self;
        let (nonce, tag) = ((*nonce).into(), (*tag).into());
        let cipher = XChaCha20Poly1305::new(key.into());
        cipher.decrypt_inout_detached(nonce, aad, text.as_mut_slice().into(), tag).map_err(|_| Refused)
    }

    /// The text, once a key has opened it.
    pub(crate) fn into_text(self) -> Zeroizing<Vec<u8>> {
        self.text
    }
}

/// Appends `text`, encrypted in place, and its tag; `out` has the room.
fn append<C: AeadInOut>(
    cipher: &C,
    nonce: &chacha20poly1305::aead::Nonce<C>,
    aad: &[u8],
    (text, out): (&[u8], &mut Vec<u8>),
) {
    let start = out.len();
    out.extend_from_slice(text);
    let (_, body) = out.split_at_mut(start);
    #[expect(clippy::expect_used, reason = "fails above 256 GiB only; our longest text is a store's row")]
    let tag = cipher.encrypt_inout_detached(nonce, aad, body.into()).expect("short text");
    out.extend_from_slice(&tag);
}

fn verify<C: AeadInOut>(
    cipher: &C,
    nonce: &chacha20poly1305::aead::Nonce<C>,
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Refused> {
    // GEN-06.
    let len = sealed.len().checked_sub(TAG_LEN).ok_or(Refused)?;
    let (text, tag) = sealed.split_at_checked(len).ok_or(Refused)?;
    // GEN-07.
    let tag = tag.try_into().map_err(|_| Refused)?;
    let mut text = Zeroizing::new(text.to_vec());
    cipher.decrypt_inout_detached(nonce, aad, text.as_mut_slice().into(), tag).map_err(|_| Refused)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_opens_under_its_key_and_associated_data_only() {
        let sealed = seal_x(&[1; 32], &[2; 24], b"ad", b"text");
        assert_eq!(sealed.len(), 4 + X_OVERHEAD);
        assert_eq!(open_x(&[1; 32], b"ad", &sealed).unwrap().as_slice(), b"text");
        assert!(open_x(&[2; 32], b"ad", &sealed).is_err());
        assert!(open_x(&[1; 32], b"", &sealed).is_err());
    }

    #[test]
    fn the_same_randomness_for_another_text_is_another_nonce() {
        // GEN-20.
        let nonce = |aad: &[u8], text: &[u8]| seal_x_hedged(&[1; 32], &[2; 24], aad, text)[..24].to_vec();
        assert_eq!(nonce(b"a", b"b"), nonce(b"a", b"b"));
        assert_ne!(nonce(b"a", b"b"), nonce(b"a", b"c"));
        assert_ne!(nonce(b"a", b"b"), nonce(b"", b"ab"));
    }

    #[test]
    fn a19_an_empty_or_short_tag_is_refused() {
        // GEN-07.
        let sealed = seal_once(&[1; 32], b"", b"");
        assert_eq!(sealed.len(), TAG_LEN);
        for len in 0..TAG_LEN {
            assert!(open_once(&[1; 32], b"", &sealed[..len]).is_err());
        }
        assert!(open_once(&[1; 32], b"", &sealed).is_ok());
        assert!(open_x(&[1; 32], b"", &[0; 23]).is_err());
    }

    #[test]
    fn keys_that_do_not_fit_leave_a_seal_as_it_is_for_the_one_that_does() {
        let sealed = seal_x(&[1; 32], &[2; 24], b"ad", b"text");
        let mut trial = Trial::of(&sealed).unwrap();
        assert_eq!(trial.try_key(&[0; 32], b"ad"), Err(Refused));
        assert_eq!(trial.try_key(&[1; 32], b""), Err(Refused));
        assert_eq!(trial.text.as_slice(), &sealed[24..28], "nothing is decrypted");
        assert_eq!(trial.try_key(&[1; 32], b"ad"), Ok(()));
        assert_eq!(trial.into_text().as_slice(), b"text");
        assert!(Trial::of(&[0; X_OVERHEAD - 1]).is_err());
    }

    #[test]
    fn any_flipped_bit_is_refused() {
        let sealed = seal_with(&[1; 32], &[3; 12], b"ad", b"text");
        for i in 0..sealed.len() * 8 {
            let mut bad = sealed.clone();
            bad[i / 8] ^= 1 << (i % 8);
            assert!(open_with(&[1; 32], &[3; 12], b"ad", &bad).is_err());
        }
    }
}
