//! The primitives, measured beside what is built of them: the floor.
//!
//! Spec: docs/performance.md, "Floor". Invariant: the same crates with the same features as the protocol uses.

use std::hint::black_box;

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, XChaCha20Poly1305};
use hkdf::Hkdf;
use libcrux_ml_kem::mlkem768;
use sha2::{Digest, Sha256};
use x25519_dalek::{PublicKey, StaticSecret};

use crate::meter::{Meter, clocked};

pub(crate) fn print() {
    let mut meter = Meter::default();
    curve(&mut meter);
    kem(&mut meter);
    symmetric(&mut meter);
    meter.print("the primitives");
}

fn curve(meter: &mut Meter<'_>) {
    let (mine, theirs) = (StaticSecret::from([1; 32]), PublicKey::from(&StaticSecret::from([2; 32])));
    let own = mine.clone();
    meter.case("X25519, public key of a scalar", move || {
        clocked(8, || _ = black_box(PublicKey::from(black_box(&own))))
    });
    meter.case("X25519, agreement", move || {
        clocked(4, || _ = black_box(mine.diffie_hellman(black_box(&theirs))))
    });
}

fn kem(meter: &mut Meter<'_>) {
    let pair = mlkem768::generate_key_pair([3; 64]);
    let (ct, _) = mlkem768::encapsulate(pair.public_key(), [4; 32]);
    let (private, public) = pair.into_parts();
    meter.case("ML-KEM-768, key pair from a seed", || {
        clocked(8, || _ = black_box(mlkem768::generate_key_pair(black_box([3; 64]))))
    });
    meter.case("ML-KEM-768, encapsulate", move || {
        clocked(8, || _ = black_box(mlkem768::encapsulate(black_box(&public), [4; 32])))
    });
    meter.case("ML-KEM-768, decapsulate", move || {
        clocked(8, || _ = black_box(mlkem768::decapsulate(black_box(&private), black_box(&ct))))
    });
}

fn symmetric(meter: &mut Meter<'_>) {
    let (aead, x) = (ChaCha20Poly1305::new(&[5; 32].into()), XChaCha20Poly1305::new(&[5; 32].into()));
    let mut body = vec![6; 1_640];
    let aad = vec![7; 2_500];
    meter.case("ChaCha20-Poly1305, seal 1,640 bytes, 2,500 associated", move || {
        clocked(40, || {
            _ = black_box(aead.encrypt_inout_detached(&[8; 12].into(), &aad, body.as_mut_slice().into()))
        })
    });
    let (mut header, seal) = (vec![6; 2_400], x.clone());
    meter.case("XChaCha20-Poly1305, seal 2,400 bytes", move || {
        clocked(40, || {
            _ = black_box(seal.encrypt_inout_detached(
                &[8; 24].into(),
                &[9; 62],
                header.as_mut_slice().into(),
            ))
        })
    });
    let mut header = vec![6; 2_400];
    meter.case("XChaCha20-Poly1305, refuse 2,400 bytes (one trial)", move || {
        let tag = [0; 16].into();
        clocked(40, || {
            _ = black_box(x.decrypt_inout_detached(
                &[8; 24].into(),
                &[9; 62],
                header.as_mut_slice().into(),
                &tag,
            ))
        })
    });
    let text = vec![6; 4_096];
    meter.case("SHA-256, 4,096 bytes", move || {
        clocked(40, || _ = black_box(Sha256::digest(black_box(&text))))
    });
    meter.case("HKDF-SHA-256, expand to 64 bytes", || {
        clocked(40, || {
            let mut out = [0; 64];
            let prk = Hkdf::<Sha256>::from_prk(black_box(&[1; 32])).expect("32 bytes");
            prk.expand(b"subrosa/v1/ratchet/chain", &mut out).expect("short");
            black_box(out);
        })
    });
}
