//! People, invites and a second, independent joiner for the tests of this crate.
//!
//! Spec: docs/spec/handshake.md. Invariant: [`SpecJoiner`] is written from the spec with raw primitives and literal
//! labels, and shares no line with the code under test; every value in it can be replaced by an attacker's.

use alloc::string::ToString;
use alloc::vec::Vec;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, XChaCha20Poly1305};
use hkdf::Hkdf;
use libcrux_ml_kem::mlkem768;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sha2::{Digest, Sha256};
use subrosa_codec::{Cell, Day};

use crate::{
    Bundle, Created, Identity, IdentitySeed, Introduction, InviteKeys, InviteKind, InviteTerms,
    QueueDescriptor, QueueEntry,
};

pub(crate) const TODAY: Day = Day(20_000);

pub(crate) fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

pub(crate) fn person(seed: u8) -> Identity {
    Identity::derive(&IdentitySeed::from_bytes([seed; 32]), 0)
}

/// The inviter.
pub(crate) fn ida() -> Identity {
    person(1)
}

/// The joiner.
pub(crate) fn jon() -> Identity {
    person(2)
}

pub(crate) fn descriptor(byte: u8) -> QueueDescriptor {
    let (host, port) = ("relay.example".to_string(), 4433);
    let entry = QueueEntry { relay: [byte; 32], write: [byte + 1; 32], host, port };
    QueueDescriptor::new(entry, None).unwrap()
}

pub(crate) fn terms<'a>(kind: InviteKind, descriptor: &'a QueueDescriptor) -> InviteTerms<'a> {
    InviteTerms {
        kind,
        relay_key_hash: [9; 32],
        host: "relay.example",
        port: 4433,
        descriptor,
        name: "Ida",
        expires: TODAY.plus(7),
    }
}

pub(crate) fn invite_of(me: &Identity, kind: InviteKind, seed: u8) -> Created {
    InviteKeys::create(me, &terms(kind, &descriptor(3)), &mut rng(seed)).unwrap()
}

pub(crate) fn invite(kind: InviteKind) -> Created {
    invite_of(&ida(), kind, 10)
}

pub(crate) fn bundle(created: &Created) -> Bundle {
    Bundle::open(&created.link, &created.bundle, jon().public(), TODAY).unwrap()
}

pub(crate) fn intro(name: &str) -> Introduction {
    Introduction { descriptor: descriptor(5), name: name.to_string(), greeting: "hi, it's Jon".to_string() }
}

// ---- the spec again, by hand ----

pub(crate) fn label(text: &str) -> Vec<u8> {
    [&[text.len() as u8], text.as_bytes()].concat()
}

pub(crate) fn h(text: &str, parts: &[&[u8]]) -> [u8; 32] {
    Sha256::digest([&label(text)[..], &parts.concat()].concat()).into()
}

pub(crate) fn hkdf(salt: &[u8], ikm: &[u8], text: &str, ctx: &[u8], len: usize) -> Vec<u8> {
    let mut out = alloc::vec![0; len];
    Hkdf::<Sha256>::new(Some(salt), ikm).expand(&[&label(text)[..], ctx].concat(), &mut out).unwrap();
    out
}

pub(crate) fn aead0(key: &[u8], aad: &[u8], msg: &[u8]) -> Vec<u8> {
    let cipher = ChaCha20Poly1305::new_from_slice(key).unwrap();
    cipher.encrypt(&[0; 12].into(), Payload { msg, aad }).unwrap()
}

pub(crate) fn x_seal(key: &[u8], nonce: &[u8; 24], text: &str, msg: &[u8]) -> Cell {
    let cipher = XChaCha20Poly1305::new_from_slice(key).unwrap();
    let sealed = cipher.encrypt(nonce.into(), Payload { msg, aad: &label(text) }).unwrap();
    Cell::from_vec([&nonce[..], &sealed].concat()).unwrap()
}

pub(crate) fn x_open(key: &[u8], text: &str, cell: &Cell) -> Vec<u8> {
    let (nonce, msg) = cell.as_bytes().split_first_chunk::<24>().unwrap();
    let cipher = XChaCha20Poly1305::new_from_slice(key).unwrap();
    cipher.decrypt(nonce.into(), Payload { msg, aad: &label(text) }).unwrap()
}

/// X25519 without any check.
pub(crate) fn x25519(scalar: &[u8], point: &[u8]) -> [u8; 32] {
    x25519_dalek::x25519(scalar.try_into().unwrap(), point.try_into().unwrap())
}

pub(crate) fn encaps(ek: &[u8], coins: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let key = mlkem768::MlKem768PublicKey::try_from(ek).unwrap();
    let (ct, ss) = mlkem768::encapsulate(&key, coins.try_into().unwrap());
    (ct.as_slice().to_vec(), ss.to_vec())
}

/// All that a joiner computes with, each replaceable.
pub(crate) struct SpecJoiner {
    /// The invite's plaintext, 4,056 bytes.
    pub(crate) bundle: Vec<u8>,
    pub(crate) psk: Vec<u8>,
    pub(crate) handshake_key: Vec<u8>,
    /// The joiner's x25519 secret.
    pub(crate) secret: Vec<u8>,
    /// The joiner's public identity, 1,249 bytes.
    pub(crate) public: Vec<u8>,
    /// The payload with zeros for R_J, 561 bytes.
    pub(crate) payload: Vec<u8>,
    pub(crate) random: [u8; 32],
    /// Replaces E in the cell and the transcript.
    pub(crate) e: Option<[u8; 32]>,
    /// Replaces R_J.
    pub(crate) r_j: Option<[u8; 32]>,
    /// Version and type.
    pub(crate) head: [u8; 2],
    /// What an attacker whose identity key has low order would mix in as dh1.
    pub(crate) dh1_is_zero: bool,
}

/// What the spec's joiner arrives at.
pub(crate) struct SpecJoined {
    pub(crate) cell: Cell,
    pub(crate) sid: Vec<u8>,
    pub(crate) keys: Vec<u8>,
}

impl SpecJoiner {
    pub(crate) fn new(created: &Created, me: &Identity, intro: &Introduction, random: [u8; 32]) -> Self {
        let link = created.link.to_string();
        let encoded = base64::Engine::decode(
            &base64::engine::general_purpose::URL_SAFE_NO_PAD,
            link.split_once('#').unwrap().1,
        );
        let bytes = encoded.unwrap();
        let (relay, s) = (&bytes[1..33], &bytes[33..65]);
        let key = |name: &str| hkdf(relay, s, name, b"", 32);
        let bundle = x_open(&key("subrosa/v1/invite/bundle-key"), "subrosa/v1/bundle/seal", &created.bundle);
        let mut payload = alloc::vec![0; 32];
        payload.extend_from_slice(&intro.descriptor.write());
        for (text, len) in [(&intro.name, 64), (&intro.greeting, 80)] {
            payload.push(text.len() as u8);
            payload.extend_from_slice(text.as_bytes());
            payload.resize(payload.len() + len - text.len(), 0);
        }
        payload.extend_from_slice(&[0, 0, 1]);
        payload.resize(561, 0);
        Self {
            bundle,
            psk: key("subrosa/v1/invite/psk"),
            handshake_key: key("subrosa/v1/invite/handshake-key"),
            secret: me.dh().expose().to_vec(),
            public: me.public().as_bytes().to_vec(),
            payload,
            random,
            e: None,
            r_j: None,
            head: [1, 1],
            dh1_is_zero: false,
        }
    }

    pub(crate) fn join(&self) -> SpecJoined {
        let b = &self.bundle;
        let (ik_x, ik_k) = (&b[2 + 33..2 + 65], &b[2 + 65..2 + 1249]);
        let (prekey_id, spk_x, spk_k) = (&b[1283..1287], &b[1291..1323], &b[1323..2507]);
        let hb = h("subrosa/v1/hs/bundle", &[b]);
        let context: [u8; 32] = Sha256::digest([&hb[..], &self.payload].concat()).into();
        let draw = hkdf(&self.random, &self.secret, "subrosa/v1/rng/hedge", &context, 152);
        let (nonce, e) = (draw[..24].try_into().unwrap(), &draw[24..56]);
        let base = [&[9_u8][..], &[0; 31]].concat();
        let public_e = self.e.unwrap_or_else(|| x25519(e, &base));
        let mut payload = self.payload.clone();
        payload[..32].copy_from_slice(&self.r_j.unwrap_or_else(|| x25519(&draw[56..88], &base)));
        let (ct1, ss1) = encaps(spk_k, &draw[88..120]);
        let (ct2, ss2) = encaps(ik_k, &draw[120..152]);
        let (dh2, dh3) = match self.e {
            // The attacker's point: the secrets are zero if the other side does not look.
            Some(_) => ([0; 32], [0; 32]),
            None => (x25519(e, ik_x), x25519(e, spk_x)),
        };
        let t1 = h("subrosa/v1/hs/t1", &[&self.head, &hb, prekey_id, &public_e, &ct1, &ct2]);
        let inputs = [&dh2[..], &dh3, &ss1, &ss2].concat();
        let first = hkdf(&self.psk, &inputs, "subrosa/v1/hs/1", &t1, 64);
        let box_a = aead0(&first[..32], &t1, &self.public);
        let t2 = h("subrosa/v1/hs/t2", &[&t1, &self.public, &box_a]);
        let dh1 = if self.dh1_is_zero { [0; 32] } else { x25519(&self.secret, spk_x) };
        let second = hkdf(&first[32..], &dh1, "subrosa/v1/hs/2", &t2, 64);
        let box_b = aead0(&second[..32], &t2, &payload);
        let sid = h("subrosa/v1/hs/t3", &[&t2, &payload, &box_b]);
        let keys = hkdf(&sid, &second[32..], "subrosa/v1/session/init", b"", 160);
        let text = [&self.head[..], prekey_id, &public_e, &ct1, &ct2, &box_a, &box_b].concat();
        let cell = x_seal(&self.handshake_key, &nonce, "subrosa/v1/hs/seal", &text);
        SpecJoined { cell, sid: sid.to_vec(), keys }
    }
}
