//! [`Secret`]: key bytes that know their purpose.
//!
//! Spec: docs/spec/README.md, "Secrets". Invariant: the bytes lie in one heap allocation, never move, are
//! erased on drop, and are never printed, compared or copied by accident.

use alloc::boxed::Box;
use alloc::vec;
use core::fmt;
use core::marker::PhantomData;

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroize;

/// `N` secret bytes for the purpose `P`: a key for one use does not fit where another is wanted.
pub(crate) struct Secret<P, const N: usize = 32> {
    bytes: Box<[u8; N]>,
    purpose: PhantomData<fn() -> P>,
}

impl<P, const N: usize> Secret<P, N> {
    /// A secret that `fill` writes in place.
    pub(crate) fn filled(fill: impl FnOnce(&mut [u8; N])) -> Self {
        let mut secret = Self { bytes: zeroed(), purpose: PhantomData };
        fill(&mut secret.bytes);
        // Which secrets there are is known here only: the search of memory asks for all of them.
        #[cfg(test)]
        crate::erasure::witness::<P>(secret.bytes.as_slice());
        secret
    }

    /// A copy of `bytes`; the caller erases its own.
    pub(crate) fn copied(bytes: &[u8; N]) -> Self {
        Self::filled(|own| own.copy_from_slice(bytes))
    }

    /// `N` bytes from `rng`.
    pub(crate) fn generate(rng: &mut impl rand_core::CryptoRng) -> Self {
        Self::filled(|own| rng.fill_bytes(own))
    }

    /// The bytes, for the primitive that needs them.
    pub(crate) const fn expose(&self) -> &[u8; N] {
        &self.bytes
    }
}

/// A boxed array that never stood on the stack.
pub(crate) fn zeroed<const N: usize>() -> Box<[u8; N]> {
    match vec![0; N].try_into() {
        Ok(bytes) => bytes,
        // The length is N: never reached, and still no panic.
        Err(_) => Box::new([0; N]),
    }
}

impl<P, const N: usize> Drop for Secret<P, N> {
    fn drop(&mut self) {
        // GEN-16.
        self.bytes.zeroize();
    }
}

impl<P, const N: usize> ConstantTimeEq for Secret<P, N> {
    fn ct_eq(&self, other: &Self) -> Choice {
        // GEN-08.
        self.bytes.as_slice().ct_eq(other.bytes.as_slice())
    }
}

impl<P, const N: usize> fmt::Debug for Secret<P, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        // GEN-16.
        let secret = Secret::<(), 4>::copied(&[1, 2, 3, 4]);
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }

    /// `<T as No<_>>::yes` is ambiguous, and does not compile, when `T` has one of the traits that a secret must not have.
    trait No<Trait> {
        fn yes() {}
    }
    impl<T> No<()> for T {}
    impl<T: PartialEq> No<[(); 1]> for T {}
    impl<T: Clone> No<[(); 2]> for T {}
    impl<T: fmt::Display> No<[(); 3]> for T {}
    impl<T: AsRef<[u8]>> No<[(); 4]> for T {}

    #[test]
    fn a_secret_is_neither_copied_nor_compared_but_in_constant_time() {
        // GEN-08, GEN-16.
        <Secret<()> as No<_>>::yes();
        let (one, two) = (Secret::<(), 2>::copied(&[1, 2]), Secret::<(), 2>::copied(&[1, 3]));
        assert!(bool::from(one.ct_eq(&one)) && !bool::from(one.ct_eq(&two)));
    }
}
