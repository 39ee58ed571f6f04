//! [`cleared`]: runs an act and overwrites the stack on which it ran.
//!
//! Spec: docs/security/erasure.md. Invariant: what a primitive and the libraries below it leave in their frames is gone
//! when the wrapper returns; keys themselves lie on the heap ([`Secret`](crate::secret::Secret)).

use core::hint::black_box;

/// KiB that SHA-256 and HKDF stay within.
pub(crate) const HASH: usize = 6;
/// KiB that both AEADs stay within.
pub(crate) const AEAD: usize = 24;
/// KiB that X25519 and Ed25519 stay within.
pub(crate) const CURVE: usize = 8;
/// KiB that Argon2id stays within; its blocks lie on the heap.
pub(crate) const ARGON2: usize = 24;
/// KiB that ML-KEM-768 stays within.
pub(crate) const KEM: usize = 48;

/// The result of `act`, after the `KIB` KiB of stack below this frame were overwritten.
///
/// A test measures how deep each of our acts goes; another searches memory after all of them.
#[inline(never)]
pub(crate) fn cleared<const KIB: usize, T>(act: impl FnOnce() -> T) -> T {
    let done = below(act);
    clear::<KIB>();
    done
}

/// A frame of its own, so that nothing of `act` is inlined into its caller's.
#[inline(never)]
fn below<T>(act: impl FnOnce() -> T) -> T {
    act()
}

/// Zeros where the frames of `act` were. `black_box` takes the address, so that the zeros are written.
#[inline(never)]
fn clear<const KIB: usize>() {
    let zeros = [[0_u64; 128]; KIB];
    black_box(&zeros);
}
