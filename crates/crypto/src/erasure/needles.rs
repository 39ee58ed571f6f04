//! What is searched for: every secret that is made while somebody watches, and what follows from it.
//!
//! Spec: docs/security/erasure.md. Invariant: a needle is known by the fingerprint of each of its 8-byte words; the
//! fingerprint of a word is never the word.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::any::type_name;
use core::cell::RefCell;
use std::thread_local;

use libcrux_ml_kem::mlkem768;
use sha2::block_api::compress256;

/// A secret's purpose and its bytes.
type Seen = (&'static str, Vec<u8>);

thread_local! {
    static WATCHED: RefCell<Option<Vec<Seen>>> = const { RefCell::new(None) };
}

/// Notes a secret of the purpose `P`, if this thread watches.
pub(crate) fn witness<P>(bytes: &[u8]) {
    WATCHED.with_borrow_mut(|watched| {
        if let Some(watched) = watched {
            watched.push((type_name::<P>(), bytes.to_vec()));
        }
    });
}

/// Fingerprints of words, and whose they are.
pub(super) struct Needles {
    pub(super) secrets: usize,
    words: BTreeMap<u64, Vec<String>>,
}

/// All secrets that `acts` makes.
pub(super) fn of<T>(acts: impl FnOnce() -> T) -> Needles {
    WATCHED.with_borrow_mut(|watched| *watched = Some(Vec::new()));
    drop(acts());
    let watched = WATCHED.take().unwrap();
    let mut needles = Needles { secrets: 0, words: BTreeMap::new() };
    watched.iter().for_each(|(purpose, bytes)| needles.secret(purpose, bytes));
    needles
}

/// One to one, so that equal fingerprints are equal words, and odd enough that no word is its own.
pub(super) const fn fingerprint(word: u64) -> u64 {
    (word ^ 0x5bd1_e995_9d1b_54a5).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Needles {
    pub(super) fn words(&self) -> impl Iterator<Item = u64> {
        self.words.keys().copied()
    }

    pub(super) fn kinds(&self, word: u64) -> impl Iterator<Item = &str> {
        self.words[&word].iter().map(String::as_str)
    }

    fn secret(&mut self, purpose: &str, bytes: &[u8]) {
        let kind = purpose.trim_start_matches("subrosa_crypto::");
        let secret = match (kind, bytes.len()) {
            // A hedged nonce stands in front of what it seals, for everybody to see.
            ("kdf::OkmPurpose", 24) => return,
            ("kdf::OkmPurpose", 120 | 152) => &bytes[24..],
            // A body's key and its nonce: the nonce alone opens nothing.
            ("kdf::OkmPurpose", 44) => &bytes[..32],
            _ => bytes,
        };
        self.secrets += 1;
        self.bytes(kind, secret);
        if let Ok(key) = secret.try_into() {
            self.bytes(&[kind, " as HMAC state"].concat(), &hmac_states(key));
        }
        if let ("kem::SeedPurpose", Ok(seed)) = (kind, secret.try_into()) {
            let (private, _) = mlkem768::generate_key_pair(seed).into_parts();
            let packed = &private.as_slice()[..1152];
            self.bytes("kem::SeedPurpose, expanded", packed);
            self.bytes("kem::SeedPurpose, as coefficients", &coefficients(packed));
        }
    }

    fn bytes(&mut self, kind: &str, bytes: &[u8]) {
        for word in bytes.as_chunks::<8>().0 {
            // A scalar of ones tests for low order: a constant, in no way secret.
            if word.iter().all(|byte| *byte == word[0]) {
                continue;
            }
            let kinds = self.words.entry(fingerprint(u64::from_ne_bytes(*word))).or_default();
            if !kinds.iter().any(|known| known == kind) {
                kinds.push(kind.to_string());
            }
        }
    }
}

/// SHA-256 after the first block of HMAC's inner and outer hash: as good as the key.
fn hmac_states(key: &[u8; 32]) -> Vec<u8> {
    let initial = [
        0x6a09_e667_u32,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ];
    let state = |pad: u8| {
        let mut block = [pad; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        let mut state = initial;
        compress256(&mut state, &[block]);
        state
    };
    [state(0x36), state(0x5c)].iter().flatten().flat_map(|word| word.to_ne_bytes()).collect()
}

/// 12 bits each, as 16.
fn coefficients(packed: &[u8]) -> Vec<u8> {
    let pair = |[a, b, c]: &[u8; 3]| {
        let (a, b, c) = (u16::from(*a), u16::from(*b), u16::from(*c));
        [a | (b & 15) << 8, b >> 4 | c << 4]
    };
    packed.as_chunks::<3>().0.iter().flat_map(pair).flat_map(u16::to_ne_bytes).collect()
}
