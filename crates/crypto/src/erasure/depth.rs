//! How deep the primitives go into the stack, and that nothing goes deeper than what is overwritten after it.
//!
//! Spec: docs/security/erasure.md. Invariant: the stack is painted before and read from another thread after, so that the
//! measurement stands on nothing that it measures.

use core::hint::black_box;
use std::println;
use std::sync::mpsc;

use argon2::Params;

use super::scan;
use crate::kem::KemSeed;
use crate::testing::ida;
use crate::{aead, dh, kdf, labels, sealing, stack};

/// Bytes that are painted: more than anything here needs.
const PAINTED: usize = 1 << 18;
const PAINT: u8 = 0xa5;
/// Frames above what is overwritten: those of the wrapper, unoptimised.
const FRAMES: usize = 1 << 12;

#[inline(never)]
fn paint() -> usize {
    let area = [PAINT; PAINTED];
    black_box(&area).as_ptr() as usize
}

/// How many bytes of stack are not as they were painted, after `act`.
fn touched(act: impl FnOnce() + Send + 'static) -> usize {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let from = super::acts::deep(|| {
            let from = paint();
            act();
            from
        });
        send.send(from).unwrap();
        std::thread::park();
    });
    let from = receive.recv().unwrap();
    let mut area = alloc::vec![0; PAINTED];
    scan::read(from, &mut area);
    PAINTED - area.iter().position(|byte| *byte != PAINT).unwrap_or(PAINTED)
}

fn within(name: &str, kib: usize, act: impl FnOnce() + Send + 'static) {
    let bytes = touched(act);
    println!("{name:<28} {bytes:>6} bytes, {kib} KiB overwritten");
    assert!(bytes >= kib << 10, "{name}: the stack was not overwritten");
    assert!(bytes <= (kib << 10) + FRAMES, "{name} went deeper than what is overwritten: {bytes} bytes");
}

#[test]
fn nothing_goes_deeper_than_the_stack_that_is_overwritten_after_it() {
    within("ML-KEM-768 key generation", stack::KEM, || drop(KemSeed::from_bytes(&[3; 64]).public()));
    within("ML-KEM-768 encapsulation", stack::KEM, || {
        drop(KemSeed::from_bytes(&[3; 64]).public().encapsulate(&[4; 32]));
    });
    within("ML-KEM-768 decapsulation", stack::KEM, || {
        drop(KemSeed::from_bytes(&[3; 64]).decapsulate(&[5; 1088]))
    });
    within("X25519", stack::CURVE, || {
        let key = dh::SecretKey::from_bytes(&[9; 32]);
        drop(key.agree(&key.public()));
    });
    let me = ida();
    within("Ed25519 signature", stack::CURVE, move || _ = black_box(me.sign(&[7; 5000])));
    within("Argon2id", stack::ARGON2, || {
        drop(sealing::argon2id(&[1; 100], &[2; 16], Params::new(256, 2, 4, Some(32)).unwrap()));
    });
    within("HKDF and SHA-256", stack::HASH, || {
        let prk = kdf::extract(&[1; 100], &[&[2; 100], &[3; 1000]]);
        drop(kdf::expand_bytes::<160>(prk.expose(), labels::SESSION_INIT, &[4; 100]));
        black_box(kdf::hash(labels::HS_T1, &[&[5; 5000]]));
    });
    within("ChaCha20-Poly1305", stack::AEAD, || {
        let sealed = aead::seal_with(&[1; 32], &[2; 12], &[3; 2500], &[4; 1640]);
        drop(aead::open_with(&[1; 32], &[2; 12], &[3; 2500], &sealed));
    });
    within("XChaCha20-Poly1305", stack::AEAD, || {
        let sealed = aead::seal_x(&[1; 32], &[2; 24], &[3; 50], &[4; 2400]);
        drop(aead::open_x(&[1; 32], &[3; 50], &sealed));
        let mut trial = aead::Trial::of(&sealed).unwrap();
        let tried = stack::cleared::<{ stack::AEAD }, _>(|| trial.try_key(&[1; 32], &[3; 50]));
        assert!(tried.is_ok());
    });
}
