//! The spec again, by hand: a second sealer with raw primitives and literal labels, which shares no line with the code
//! under test, arrives at the same bytes.

use alloc::vec;
use alloc::vec::Vec;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, XChaCha20Poly1305};
use hkdf::Hkdf;
use libcrux_ml_kem::mlkem768;
use sha2::{Digest, Sha256};
use subrosa_codec::{Cell, Millis};

use crate::dh::SecretKey;
use crate::ratchet::{Level, Session, SessionInit, Weight};
use crate::testing::{encaps, h, hkdf, ida, jon, label, x25519};

const SID: [u8; 32] = [0x51; 32];
const R_J: [u8; 32] = [0x52; 32];

/// Gives one byte for ever.
struct Same(u8);

impl rand_core::TryRng for Same {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from_le_bytes([self.0; 4]))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from_le_bytes([self.0; 8]))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        bytes.fill(self.0);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Same {}

fn exp(prk: &[u8], text: &str, ctx: &[u8], len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    Hkdf::<Sha256>::from_prk(prk).unwrap().expand(&[&label(text)[..], ctx].concat(), &mut out).unwrap();
    out
}

/// What the next cell says, field by field.
struct Says<'a> {
    quiet: u8,
    k: u32,
    n: u32,
    pn: u32,
    ack: (u32, u32, [u8; 32]),
    prev: [u8; 32],
    public: &'a [Vec<u8>; 3],
}

/// Seals by the spec; returns the cell and its hash, and moves the chain key on.
fn seal(ck: &mut Vec<u8>, hk: &[u8], hedge: u8, says: &Says<'_>, content: &[u8]) -> (Cell, [u8; 32]) {
    let keys = exp(ck, "subrosa/v1/ratchet/chain", b"", 64);
    let (next, mk) = keys.split_at(32);
    *ck = next.to_vec();
    let mut header = vec![1, says.quiet, 0, 0];
    for field in [says.k, says.n, says.pn, says.ack.0, says.ack.1] {
        header.extend_from_slice(&field.to_le_bytes());
    }
    header.extend_from_slice(&[0; 8]);
    for field in [&says.prev[..], &says.ack.2, &says.public[0], &says.public[1], &says.public[2]] {
        header.extend_from_slice(field);
    }
    assert_eq!(header.len(), 2_400);
    let mut body = vec![0, 0, 1, 0, content.len() as u8, 0];
    body.extend_from_slice(content);
    body.resize(1_640, 0);
    let both = Sha256::digest([&header[..], &body].concat());
    let nonce = hkdf(&[hedge; 32], mk, "subrosa/v1/ratchet/nonce", &both, 24);
    let who = [&SID[..], &[(says.k & 1) as u8]].concat();
    let aad = [&label("subrosa/v1/ratchet/header-ad")[..], &who].concat();
    let x = XChaCha20Poly1305::new_from_slice(hk).unwrap();
    let sealed = x.encrypt(nonce[..].try_into().unwrap(), Payload { msg: &header, aad: &aad }).unwrap();
    let sealed = [&nonce[..], &sealed].concat();
    let once = exp(mk, "subrosa/v1/ratchet/body", &nonce, 44);
    let aad = [&label("subrosa/v1/ratchet/body-ad")[..], &who, &sealed].concat();
    let chacha = ChaCha20Poly1305::new_from_slice(&once[..32]).unwrap();
    let body = chacha.encrypt(once[32..].try_into().unwrap(), Payload { msg: &body, aad: &aad }).unwrap();
    let hash = h("subrosa/v1/cell/hash", &[&sealed]);
    (Cell::from_vec([sealed, body].concat()).unwrap(), hash)
}

/// A step by the spec: `RK | CK_k | HK_{k+2}`, and the public values of epoch k.
fn step(rk: &[u8], k: u32, fresh: u8, before: &[Vec<u8>; 3]) -> ([Vec<u8>; 3], [Vec<u8>; 3]) {
    let base = [&[9u8][..], &[0; 31]].concat();
    let dh = x25519(&[fresh; 32], &base).to_vec();
    let ek = mlkem768::generate_key_pair([fresh; 64]).public_key().as_slice().to_vec();
    let (ct, ss) = encaps(&before[1], &[fresh; 32]);
    let shared = x25519(&[fresh; 32], &before[0]);
    let hp = h("subrosa/v1/ratchet/pub", &[&before[0], &before[1], &dh, &ek, &ct]);
    let ctx = [&SID[..], &k.to_le_bytes(), &hp].concat();
    let keys = hkdf(rk, &[&shared[..], &ss].concat(), "subrosa/v1/ratchet/root", &ctx, 96);
    let mut keys = keys.chunks(32).map(<[u8]>::to_vec);
    ([(); 3].map(|()| keys.next().unwrap()), [dh, ek, ct])
}

#[test]
fn a_second_sealer_by_the_spec_arrives_at_the_same_cells() {
    // CEL-01, CEL-02, CEL-03, CEL-04, CEL-05, RAT-02, RAT-05, RAT-07, RAT-08, RAT-09, RAT-10, RAT-11, RAT-19.
    let (ida, jon) = (ida(), jon());
    let okm: Vec<u8> = (0..160).collect();
    let init = || SessionInit {
        sid: SID,
        okm: crate::secret::Secret::copied(okm[..].try_into().unwrap()),
        private_queue: true,
        joiner_identity_ek: jon.public().kem().clone(),
    };
    let r_j = SecretKey::from_bytes(&R_J);
    let public = r_j.public();
    let mut j = Session::joiner(init(), r_j, Level::Sent);
    let mut i = Session::inviter(init(), public, Level::Invited).unwrap();
    let mut keys = okm.chunks(32).map(<[u8]>::to_vec);
    let [rk, mut ck_0, hk_0, hk_1, hk_2] = [(); 5].map(|()| keys.next().unwrap());
    let epoch_0 = [public.as_bytes().to_vec(), jon.public().kem().as_bytes().to_vec(), vec![0; 1_088]];
    let part = |content: &[u8]| super::pair::text(content);

    // Two cells of the joiner, the second one quiet; the inviter receives the second only.
    let none = (0, 0, SID);
    let says = Says { quiet: 0, k: 0, n: 0, pn: 0, ack: none, prev: SID, public: &epoch_0 };
    let (want, first) = seal(&mut ck_0, &hk_0, 1, &says, b"one");
    let sealed = j.seal(&part(b"one"), Weight::Text, &mut Same(1)).unwrap();
    assert!(sealed.cell == want);
    j = sealed.next;
    let says = Says { quiet: 1, n: 1, prev: first, ..says };
    let (want, second) = seal(&mut ck_0, &hk_0, 2, &says, b"two");
    let sealed = j.seal(&part(b"two"), Weight::Quiet, &mut Same(2)).unwrap();
    assert!(sealed.cell == want);
    j = sealed.next;
    i = i.open(&ida, &sealed.cell, Millis(0)).unwrap().next;

    // Epoch 1: the inviter's step, to the joiner's R_J and identity.
    let ([rk, mut ck_1, hk_3], epoch_1) = step(&rk, 1, 3, &epoch_0);
    let ack = (2, 0, second);
    let says = Says { quiet: 0, k: 1, n: 0, pn: 0, ack, prev: SID, public: &epoch_1 };
    let (want, answer) = seal(&mut ck_1, &hk_1, 3, &says, b"three");
    let sealed = i.seal(&part(b"three"), Weight::Hello, &mut Same(3)).unwrap();
    assert!(sealed.cell == want);
    j = j.open(&jon, &sealed.cell, Millis(0)).unwrap().next;
    i = sealed.next;

    // Epoch 2: the joiner's step; its epoch before had two cells.
    let ([rk, mut ck_2, _hk_4], epoch_2) = step(&rk, 2, 4, &epoch_1);
    let says = Says { quiet: 0, k: 2, n: 0, pn: 2, ack: (1, 1, answer), prev: second, public: &epoch_2 };
    let (want, third) = seal(&mut ck_2, &hk_2, 4, &says, b"four");
    let sealed = j.seal(&part(b"four"), Weight::Text, &mut Same(4)).unwrap();
    assert!(sealed.cell == want);
    i = i.open(&ida, &sealed.cell, Millis(0)).unwrap().next;

    // Epoch 3 is sealed under the header key that epoch 1's step gave.
    let ([_, mut ck_3, _], epoch_3) = step(&rk, 3, 5, &epoch_2);
    let says = Says { quiet: 0, k: 3, n: 0, pn: 1, ack: (3, 0, third), prev: answer, public: &epoch_3 };
    let (want, _) = seal(&mut ck_3, &hk_3, 5, &says, b"five");
    assert!(i.seal(&part(b"five"), Weight::Text, &mut Same(5)).unwrap().cell == want);
}
