//! [`IdentitySeed`], [`Identity`] and [`IdentityPublic`]: who somebody is.
//!
//! Spec: docs/spec/identity.md. Invariant: an [`IdentityPublic`] that exists is valid: right version,
//! canonical points, reduced ML-KEM key; its bytes are kept as received.

use alloc::boxed::Box;
use core::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rand_core::CryptoRng;
use subrosa_codec::{Malformed, Reader, Writer};

use crate::kem::{EK_LEN, EncapsKey, KemSeed};
use crate::secret::Secret;
use crate::{dh, kdf, labels, stack};

/// Version byte of a public identity.
const VERSION: u8 = 1;

/// Length of an Ed25519 signature, in bytes.
pub(crate) const SIGNATURE_LEN: usize = 64;

/// The purpose of an Ed25519 seed.
#[derive(Debug)]
enum Signing {}

/// The purpose of an identity's seed.
#[derive(Debug)]
enum SeedPurpose {}

/// 32 random bytes from which only an identity is derived.
#[derive(Debug)]
pub struct IdentitySeed(Secret<SeedPurpose>);

/// The private keys of an identity, and the public ones.
pub struct Identity {
    public: IdentityPublic,
    signing: Secret<Signing>,
    dh: dh::SecretKey,
    kem: KemSeed,
}

/// The public keys of an identity: `version 1 | ed25519 32 | x25519 32 | ml-kem-768 1,184`.
#[derive(Clone)]
pub struct IdentityPublic {
    bytes: Box<[u8; Self::LEN]>,
    verifying: VerifyingKey,
    dh: dh::PublicKey,
    kem: EncapsKey,
}

/// The 32-byte hash that names an identity on this device. Never shown: people compare safety numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl IdentitySeed {
    /// A fresh seed.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self(Secret::generate(rng))
    }

    /// The seed of these bytes; the caller erases its own copy.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let bytes = zeroize::Zeroizing::new(bytes);
        Self(Secret::copied(&bytes))
    }

    /// The bytes, to be stored sealed.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

impl Identity {
    /// The identity number `index` of `seed`; a profile uses index 0.
    #[must_use]
    pub fn derive(seed: &IdentitySeed, index: u32) -> Self {
        // ID-01.
        let prk = kdf::extract(&[0; 32], &[seed.expose()]);
        let ctx = index.to_le_bytes();
        let signing = kdf::expand(prk.expose(), labels::ID_ED25519, &ctx);
        let dh = dh::SecretKey::from_secret(kdf::expand(prk.expose(), labels::ID_X25519, &ctx));
        let mut kem = KemSeed::from_secret(kdf::expand(prk.expose(), labels::ID_ML_KEM_768, &ctx));
        let public = IdentityPublic::of(&signing, &dh, kem.expand());
        Self { public, signing, dh, kem }
    }

    /// The public keys.
    #[must_use]
    pub const fn public(&self) -> &IdentityPublic {
        &self.public
    }

    /// IK_X.
    pub(crate) const fn dh(&self) -> &dh::SecretKey {
        &self.dh
    }

    /// IK_K.
    pub(crate) const fn kem(&self) -> &KemSeed {
        &self.kem
    }

    /// An Ed25519 signature over `text`, which begins with a label.
    pub(crate) fn sign(&self, text: &[u8]) -> [u8; SIGNATURE_LEN] {
        stack::cleared::<{ stack::CURVE }, _>(|| {
            SigningKey::from_bytes(self.signing.expose()).sign(text).to_bytes()
        })
    }
}

impl IdentityPublic {
    /// Length, in bytes.
    pub const LEN: usize = 1 + 32 + 32 + EK_LEN;

    fn of(signing: &Secret<Signing>, dh: &dh::SecretKey, kem: EncapsKey) -> Self {
        let verifying = stack::cleared::<{ stack::CURVE }, _>(|| {
            SigningKey::from_bytes(signing.expose()).verifying_key()
        });
        let dh = dh.public();
        let mut w = Writer::with_capacity(Self::LEN);
        // ID-02.
        w.u8(VERSION).put(verifying.as_bytes()).put(dh.as_bytes()).put(kem.as_bytes());
        let mut bytes = crate::secret::zeroed();
        bytes.copy_from_slice(w.as_slice());
        Self { bytes, verifying, dh, kem }
    }

    /// Takes over exactly [`Self::LEN`] bytes.
    ///
    /// # Errors
    /// [`Malformed`] on another length or version, a point that is not canonical, an Ed25519 key of small order,
    /// or an ML-KEM key with an unreduced coefficient.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        // ID-03.
        let mut r = Reader::new(bytes);
        if r.u8()? != VERSION {
            return Err(Malformed);
        }
        let verifying = parse_verifying(r.array_ref()?)?;
        let dh = dh::PublicKey::from_bytes(r.array()?)?;
        let kem = EncapsKey::parse(r.take(EK_LEN)?)?;
        r.finish()?;
        let mut own = crate::secret::zeroed::<{ Self::LEN }>();
        // GEN-05.
        own.copy_from_slice(bytes);
        Ok(Self { bytes: own, verifying, dh, kem })
    }

    /// The bytes, as received.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    /// The hash by which this identity is known on this device.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        // ID-05.
        Fingerprint(kdf::hash(labels::ID_FINGERPRINT, &[self.as_bytes()]))
    }

    /// IK_X.
    pub(crate) const fn dh(&self) -> &dh::PublicKey {
        &self.dh
    }

    /// IK_K.
    pub(crate) const fn kem(&self) -> &EncapsKey {
        &self.kem
    }

    /// Checks a signature strictly: canonical A and s, A and R not of small order, no cofactor.
    pub(crate) fn verify(&self, text: &[u8], signature: &[u8; SIGNATURE_LEN]) -> Result<(), Malformed> {
        #[cfg(any(test, fuzzing))]
        if crate::glass::is_on() {
            return Ok(());
        }
        // GEN-15.
        self.verifying.verify_strict(text, &Signature::from_bytes(signature)).map_err(|_| Malformed)
    }
}

/// An Ed25519 key that has one encoding and is not of small order.
pub(crate) fn parse_verifying(bytes: &[u8; 32]) -> Result<VerifyingKey, Malformed> {
    // GEN-14.
    let key = VerifyingKey::from_bytes(bytes).map_err(|_| Malformed)?;
    // Decompression accepts y >= p; compressing again shows it.
    let canonical = key.to_edwards().compress().to_bytes() == *bytes;
    if canonical && !key.is_weak() { Ok(key) } else { Err(Malformed) }
}

impl PartialEq for IdentityPublic {
    fn eq(&self, other: &Self) -> bool {
        // ID-04.
        self.bytes == other.bytes
    }
}

impl Eq for IdentityPublic {}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { public: _, signing: _, dh: _, kem: _ } = self;
        f.write_str("Identity(..)")
    }
}

impl fmt::Debug for IdentityPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Public, and still somebody's name: it has no place in a log.
        f.write_str("IdentityPublic(..)")
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // ID-06.
        f.write_str("Fingerprint(..)")
    }
}

#[cfg(test)]
mod tests;
