//! [`Opaque`]: bytes that pass through a content and are understood elsewhere: keys, capabilities, descriptors.
//!
//! Spec: docs/spec/content.md. Invariant: exactly `N` bytes, erased on drop, never printed.

use alloc::boxed::Box;
use core::fmt;

use subrosa_codec::Malformed;
use zeroize::Zeroizing;

/// `N` bytes on the heap that nobody prints. Comparing them is left to whoever knows what they are.
///
/// It is `Clone`: the same descriptor goes into a row and into a content.
#[derive(Clone)]
pub struct Opaque<const N: usize>(Box<Zeroizing<[u8; N]>>);

impl<const N: usize> Opaque<N> {
    /// Copies `bytes`.
    ///
    /// # Errors
    /// [`Malformed`] unless it is exactly `N` bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let bytes: &[u8; N] = bytes.try_into().map_err(|_| Malformed)?;
        Ok(Self::from_bytes(*bytes))
    }

    /// Takes over `bytes`.
    #[must_use]
    pub fn from_bytes(bytes: [u8; N]) -> Self {
        Self(Box::new(Zeroizing::new(bytes)))
    }

    /// The bytes, for whoever understands them.
    #[must_use]
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> fmt::Debug for Opaque<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opaque<{N}>(..)")
    }
}
