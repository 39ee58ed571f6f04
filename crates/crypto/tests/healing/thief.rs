//! [`Thief`]: reads with a copied state what can be read with it, by raw primitives.
//!
//! Spec: docs/spec/ratchet.md, "Stored state" and "Keys". Invariant: it shares no line with the crate, keeps every key that it
//! ever derives, and tries each secret that it has at each place; so it is at least as able as a client with that copy.

use std::collections::BTreeMap;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, XChaCha20Poly1305};
use hkdf::Hkdf;
use libcrux_ml_kem::mlkem768;
use sha2::{Digest, Sha256};

type Key = [u8; 32];

fn label(text: &str) -> Vec<u8> {
    let text = format!("subrosa/v1/{text}");
    [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

fn exp(prk: &[u8], text: &str, ctx: &[u8], len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    Hkdf::<Sha256>::from_prk(prk).unwrap().expand(&[&label(text)[..], ctx].concat(), &mut out).unwrap();
    out
}

fn hkdf(salt: &[u8], ikm: &[u8], text: &str, ctx: &[u8], len: usize) -> Vec<u8> {
    exp(&Hkdf::<Sha256>::extract(Some(salt), ikm).0, text, ctx, len)
}

fn key(bytes: &[u8]) -> Key {
    bytes.try_into().unwrap()
}

/// The identity's X25519 secret and ML-KEM seed, from its seed.
pub(crate) fn identity_secrets(seed: &[u8; 32]) -> (Key, Vec<u8>) {
    let index = 0u32.to_le_bytes();
    (key(&hkdf(&[0; 32], seed, "id/x25519", &index, 32)), hkdf(&[0; 32], seed, "id/ml-kem-768", &index, 64))
}

/// Cuts stored bytes into fields.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, n: usize) -> &'a [u8] {
        let (head, tail) = self.0.split_at(n);
        self.0 = tail;
        head
    }

    fn u16(&mut self) -> usize {
        usize::from(u16::from_le_bytes(self.take(2).try_into().unwrap()))
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().unwrap())
    }

    fn key(&mut self) -> Key {
        key(self.take(32))
    }

    fn public(&mut self) -> (Key, Vec<u8>) {
        (self.key(), self.take(1_184).to_vec())
    }

    fn waiting(&mut self) -> BTreeMap<u32, Key> {
        let count = self.u16();
        (0..count)
            .map(|_| {
                let n = self.u32();
                self.take(4 + 1 + 16);
                (n, self.key())
            })
            .collect()
    }
}

/// One chain, as far as it can be known: the keys from `n` on, and those that waited.
struct Chain {
    ck: Option<Key>,
    n: u32,
    keys: BTreeMap<u32, Key>,
}

impl Chain {
    fn message_key(&mut self, n: u32) -> Option<Key> {
        while let Some(ck) = self.ck.filter(|_| self.n <= n) {
            let keys = exp(&ck, "ratchet/chain", b"", 64);
            self.keys.insert(self.n, key(&keys[32..]));
            self.ck = Some(key(&keys[..32]));
            self.n += 1;
        }
        self.keys.get(&n).copied()
    }
}

/// What a copied state comes to.
pub(crate) struct Thief {
    sid: Key,
    roots: BTreeMap<u32, Key>,
    /// Header keys by epoch.
    headers: BTreeMap<u32, Key>,
    chains: BTreeMap<u32, Chain>,
    publics: BTreeMap<u32, (Key, Vec<u8>)>,
    x25519: Vec<Key>,
    ml_kem: Vec<Vec<u8>>,
    /// The newest epoch of the copied state.
    pub(crate) newest: u32,
    /// Whether the copied side began it: Calling or Leading.
    pub(crate) own: bool,
}

/// What was made of a cell.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// Its text.
    Text(Vec<u8>),
    /// The header, and the epoch it names; the body stays closed.
    Header(u32),
    /// Nothing.
    Nothing,
}

impl Thief {
    /// Takes apart the stored form of a session.
    pub(crate) fn new(state: &[u8], identity: Option<&[u8; 32]>) -> Self {
        let turn = state[2];
        let mut f = Fields(&state[8..]);
        let (sid, root, next_sending, next_receiving) = (f.key(), f.key(), f.key(), f.key());
        let mut thief = Self {
            sid,
            roots: BTreeMap::new(),
            headers: BTreeMap::new(),
            chains: BTreeMap::new(),
            publics: BTreeMap::new(),
            x25519: Vec::new(),
            ml_kem: Vec::new(),
            newest: 0,
            own: matches!(turn, 0 | 2),
        };
        if let Some(seed) = identity {
            let (x, kem) = identity_secrets(seed);
            thief.x25519.push(x);
            thief.ml_kem.push(kem);
        }
        match turn {
            0 => thief.newest = thief.sending(&mut f),
            1 | 3 => {
                if turn == 3 {
                    f.u32();
                }
                let peer = f.public();
                thief.newest = thief.receiving(&mut f);
                thief.publics.insert(thief.newest, peer);
            }
            _ => {
                thief.newest = thief.sending(&mut f);
                thief.receiving(&mut f);
            }
        }
        thief.roots.insert(thief.newest, root);
        let next = if thief.own { [next_receiving, next_sending] } else { [next_sending, next_receiving] };
        for (header, epoch) in next.into_iter().zip(thief.newest + 1..) {
            thief.headers.insert(epoch, header);
        }
        thief
    }

    fn sending(&mut self, f: &mut Fields<'_>) -> u32 {
        let (epoch, n, _pn) = (f.u32(), f.u32(), f.u32());
        self.chains.insert(epoch, Chain { ck: Some(f.key()), n, keys: BTreeMap::new() });
        self.headers.insert(epoch, f.key());
        self.x25519.push(f.key());
        if f.take(1) == [1] {
            self.ml_kem.push(f.take(64).to_vec());
        }
        self.publics.insert(epoch, f.public());
        f.take(1_088);
        epoch
    }

    fn receiving(&mut self, f: &mut Fields<'_>) -> u32 {
        let (epoch, n, _base) = (f.u32(), f.u32(), f.u32());
        let (ck, header, _pubid) = (f.key(), f.key(), f.key());
        self.chains.insert(epoch, Chain { ck: Some(ck), n, keys: f.waiting() });
        self.headers.insert(epoch, header);
        let closed = u32::from(f.take(1)[0]);
        for i in 0..closed {
            f.take(8);
            let (header, _pubid) = (f.key(), f.key());
            let old = epoch - 2 * (closed - i);
            self.headers.insert(old, header);
            self.chains.insert(old, Chain { ck: None, n: 0, keys: f.waiting() });
        }
        epoch
    }

    /// Reads a cell as far as it can be read.
    pub(crate) fn read(&mut self, cell: &[u8]) -> Read {
        let (sealed, body) = cell.split_at(2_440);
        let opened = self.headers.iter().find_map(|(epoch, hk)| {
            let aad = [&label("ratchet/header-ad")[..], &self.sid, &[(epoch & 1) as u8]].concat();
            let x = XChaCha20Poly1305::new_from_slice(hk).unwrap();
            let text = x.decrypt(sealed[..24].try_into().unwrap(), Payload { msg: &sealed[24..], aad: &aad });
            text.ok().map(|text| (*epoch, text))
        });
        let Some((epoch, header)) = opened else { return Read::Nothing };
        let n = u32::from_le_bytes(header[8..12].try_into().unwrap());
        self.publics.entry(epoch).or_insert_with(|| (key(&header[96..128]), header[128..1_312].to_vec()));
        let known = match self.chains.get_mut(&epoch) {
            Some(chain) => chain.message_key(n),
            None => return self.step(epoch, &header, sealed, body),
        };
        let text = known.and_then(|mk| self.body(epoch, &mk, sealed, body));
        text.map_or(Read::Header(epoch), Read::Text)
    }

    /// Tries to get into an epoch with every secret at hand.
    fn step(&mut self, epoch: u32, header: &[u8], sealed: &[u8], body: &[u8]) -> Read {
        let n = u32::from_le_bytes(header[8..12].try_into().unwrap());
        let (Some(root), Some(before)) = (self.roots.get(&(epoch - 1)), self.publics.get(&(epoch - 1)))
        else {
            return Read::Header(epoch);
        };
        let (dh, ek, ct) = (key(&header[96..128]), &header[128..1_312], &header[1_312..2_400]);
        let hp = Sha256::digest([&label("ratchet/pub")[..], &before.0, &before.1, &dh, ek, ct].concat());
        let ctx = [&self.sid[..], &epoch.to_le_bytes(), &hp].concat();
        for x in &self.x25519 {
            for seed in &self.ml_kem {
                let pair = mlkem768::generate_key_pair(seed[..].try_into().unwrap());
                let ss = mlkem768::decapsulate(pair.private_key(), &ct.try_into().unwrap());
                let shared = x25519_dalek::x25519(*x, dh);
                let keys = hkdf(root, &[&shared[..], &ss].concat(), "ratchet/root", &ctx, 96);
                let mut chain = Chain { ck: Some(key(&keys[32..64])), n: 0, keys: BTreeMap::new() };
                let mk = chain.message_key(n).unwrap();
                if let Some(text) = self.body(epoch, &mk, sealed, body) {
                    self.roots.insert(epoch, key(&keys[..32]));
                    self.headers.insert(epoch + 2, key(&keys[64..]));
                    self.chains.insert(epoch, chain);
                    return Read::Text(text);
                }
            }
        }
        Read::Header(epoch)
    }

    fn body(&self, epoch: u32, mk: &Key, sealed: &[u8], body: &[u8]) -> Option<Vec<u8>> {
        let once = exp(mk, "ratchet/body", &sealed[..24], 44);
        let aad = [&label("ratchet/body-ad")[..], &self.sid, &[(epoch & 1) as u8], sealed].concat();
        let chacha = ChaCha20Poly1305::new_from_slice(&once[..32]).unwrap();
        let text = chacha.decrypt(once[32..].try_into().unwrap(), Payload { msg: body, aad: &aad }).ok()?;
        let len = usize::from(u16::from_le_bytes([text[4], text[5]]));
        Some(text[6..6 + len].to_vec())
    }
}
