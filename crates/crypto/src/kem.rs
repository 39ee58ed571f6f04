//! ML-KEM-768: private keys are 64-byte seeds and nothing else, public keys pass the modulus check.
//!
//! Spec: docs/spec/README.md, "ML-KEM"; FIPS 203. Invariant: no expanded private key enters or leaves this
//! file (A2), it is only ever computed from its seed; decapsulation has one outcome, a secret.

use alloc::boxed::Box;
use core::fmt;

use libcrux_ml_kem::mlkem768;
use subrosa_codec::Malformed;
use zeroize::{Zeroize, Zeroizing};

use crate::secret::{Secret, zeroed};
use crate::stack;

/// Length of an encapsulation key, in bytes.
pub(crate) const EK_LEN: usize = 1184;
/// Length of a ciphertext, in bytes.
pub(crate) const CT_LEN: usize = 1088;
/// Length of a seed `d | z`, in bytes.
pub(crate) const SEED_LEN: usize = 64;

/// The purpose of a seed.
#[derive(Debug)]
pub(crate) enum SeedPurpose {}

/// The purpose of an encapsulated secret: it is extracted, nothing else.
#[derive(Debug)]
pub(crate) enum Encapsulated {}

/// A public key whose coefficients are all reduced (FIPS 203, section 7.2).
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct EncapsKey(Box<[u8; EK_LEN]>);

/// The 64-byte seed `d | z` of a key pair.
// GEN-11.
pub(crate) struct KemSeed {
    seed: Secret<SeedPurpose, SEED_LEN>,
    /// What follows from the seed, kept by [`expand`](KemSeed::expand) to save computing it again.
    expanded: Option<Expanded>,
}

/// A private key as FIPS 203 lays it out; erased on drop, in memory only.
struct Expanded(Box<mlkem768::MlKem768PrivateKey>);

/// Bytes of a ciphertext; any 1,088 bytes are one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Ciphertext(Box<[u8; CT_LEN]>);

impl EncapsKey {
    /// Takes 1,184 bytes from a peer.
    ///
    /// # Errors
    /// [`Malformed`] on another length or a coefficient that is not reduced.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let key = mlkem768::MlKem768PublicKey::try_from(bytes).map_err(|_| Malformed)?;
        // GEN-12.
        if !mlkem768::validate_public_key(&key) {
            return Err(Malformed);
        }
        Ok(Self::copied(&key))
    }

    fn copied(key: &mlkem768::MlKem768PublicKey) -> Self {
        let mut own = zeroed();
        own.copy_from_slice(key.as_slice());
        Self(own)
    }

    /// The 1,184 bytes.
    pub(crate) const fn as_bytes(&self) -> &[u8; EK_LEN] {
        &self.0
    }

    /// `Encaps` with the randomness `coins`.
    pub(crate) fn encapsulate(&self, coins: &[u8; 32]) -> (Ciphertext, Secret<Encapsulated>) {
        stack::cleared::<{ stack::KEM }, _>(|| {
            let key = mlkem768::MlKem768PublicKey::from(self.as_bytes());
            let (ct, ss) = mlkem768::encapsulate(&key, *coins);
            let ss = Zeroizing::new(ss);
            (Ciphertext::from_bytes(ct.as_slice()), Secret::copied(&ss))
        })
    }
}

impl Ciphertext {
    /// Copies a ciphertext.
    pub(crate) fn from_bytes(bytes: &[u8; CT_LEN]) -> Self {
        let mut own = zeroed();
        own.copy_from_slice(bytes);
        Self(own)
    }

    /// The 1,088 bytes.
    pub(crate) const fn as_bytes(&self) -> &[u8; CT_LEN] {
        &self.0
    }
}

impl KemSeed {
    /// A fresh key pair.
    pub(crate) fn generate(rng: &mut impl rand_core::CryptoRng) -> Self {
        Self::from_secret(Secret::generate(rng))
    }

    /// The key pair of these 64 bytes.
    pub(crate) fn from_bytes(bytes: &[u8; SEED_LEN]) -> Self {
        Self::from_secret(Secret::copied(bytes))
    }

    /// The key pair of this derived secret.
    pub(crate) const fn from_secret(seed: Secret<SeedPurpose, SEED_LEN>) -> Self {
        Self { seed, expanded: None }
    }

    /// The 64 bytes, to be stored sealed.
    pub(crate) const fn expose(&self) -> &[u8; SEED_LEN] {
        self.seed.expose()
    }

    /// The public key.
    pub(crate) fn public(&self) -> EncapsKey {
        self.pair().1
    }

    /// The public key; the private one that was computed with it stays in memory for
    /// [`decapsulate`](Self::decapsulate), as long as this value and never anywhere else.
    pub(crate) fn expand(&mut self) -> EncapsKey {
        let (private, public) = self.pair();
        self.expanded = Some(private);
        public
    }

    /// `Decaps`: the secret that was encapsulated, or an unrelated one; nobody is told which.
    pub(crate) fn decapsulate(&self, ct: &[u8; CT_LEN]) -> Secret<Encapsulated> {
        // GEN-13.
        match &self.expanded {
            Some(private) => private.decapsulate(ct),
            None => self.pair().0.decapsulate(ct),
        }
    }

    fn pair(&self) -> (Expanded, EncapsKey) {
        stack::cleared::<{ stack::KEM }, _>(|| {
            let (mut private, public) = mlkem768::generate_key_pair(*self.seed.expose()).into_parts();
            let mut own = Expanded(Box::default());
            let all = 0..mlkem768::MlKem768PrivateKey::len();
            own.0[all.clone()].copy_from_slice(&private[all]);
            erase(&mut private);
            (own, EncapsKey::copied(&public))
        })
    }
}

impl Expanded {
    fn decapsulate(&self, ct: &[u8; CT_LEN]) -> Secret<Encapsulated> {
        stack::cleared::<{ stack::KEM }, _>(|| {
            let ss = Zeroizing::new(mlkem768::decapsulate(&self.0, &ct.into()));
            Secret::copied(&ss)
        })
    }
}

impl Drop for Expanded {
    fn drop(&mut self) {
        erase(&mut self.0);
    }
}

fn erase(private: &mut mlkem768::MlKem768PrivateKey) {
    private[0..mlkem768::MlKem768PrivateKey::len()].zeroize();
}

impl fmt::Debug for KemSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed: _, expanded: _ } = self;
        f.write_str("KemSeed(..)")
    }
}

impl fmt::Debug for EncapsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncapsKey(..)")
    }
}

impl fmt::Debug for Ciphertext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ciphertext(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a2_a_decapsulation_key_is_made_from_64_bytes_and_from_nothing_else() {
        // GEN-11. By their types; `a2_no_source_names_an_expanded_decapsulation_key` (tests/tests/seeds.rs) sees to the rest.
        const { assert!(SEED_LEN == 64 && size_of::<KemSeed>() == 2 * size_of::<usize>()) };
        let _: fn(&[u8; 64]) -> KemSeed = KemSeed::from_bytes;
        let _: fn(Secret<SeedPurpose, 64>) -> KemSeed = KemSeed::from_secret;
        let _: fn(&KemSeed) -> &[u8; 64] = KemSeed::expose;
    }

    #[test]
    fn what_is_encapsulated_is_decapsulated() {
        let seed = KemSeed::from_bytes(&[3; 64]);
        let (ct, ss) = seed.public().encapsulate(&[4; 32]);
        assert_eq!(seed.decapsulate(ct.as_bytes()).expose(), ss.expose());
    }

    #[test]
    fn a_key_that_was_kept_decapsulates_as_its_seed_does() {
        let mut kept = KemSeed::from_bytes(&[3; 64]);
        let public = kept.expand();
        let seed = KemSeed::from_bytes(kept.expose());
        assert!(kept.expanded.is_some() && seed.expanded.is_none());
        assert!(public == seed.public());
        let (ct, ss) = public.encapsulate(&[4; 32]);
        let mut bad = *ct.as_bytes();
        bad[700] ^= 1;
        assert_eq!(kept.decapsulate(ct.as_bytes()).expose(), ss.expose());
        assert_eq!(kept.decapsulate(&bad).expose(), seed.decapsulate(&bad).expose());
    }

    #[test]
    fn an_altered_ciphertext_gives_another_secret_and_no_error() {
        // GEN-13.
        let seed = KemSeed::from_bytes(&[3; 64]);
        let (ct, ss) = seed.public().encapsulate(&[4; 32]);
        let mut bad = *ct.as_bytes();
        bad[700] ^= 1;
        assert_ne!(seed.decapsulate(&bad).expose(), ss.expose());
    }

    #[test]
    fn a_key_with_an_unreduced_coefficient_is_refused() {
        // GEN-12.
        let mut key = *KemSeed::from_bytes(&[3; 64]).public().as_bytes();
        assert!(EncapsKey::parse(&key).is_ok());
        // The first coefficient becomes 3,329 = q, the smallest that is not reduced.
        key[0] = 0x01;
        key[1] = (key[1] & 0xf0) | 0x0d;
        assert_eq!(EncapsKey::parse(&key), Err(Malformed));
        assert_eq!(EncapsKey::parse(&key[1..]), Err(Malformed));
    }
}
