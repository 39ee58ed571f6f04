//! [`Identity`]: the relay's Ed25519 key, which every invite pins.
//!
//! Spec: docs/spec/relay.md, "Transport". Invariant: the key is generated once and then only read; a relay with
//! another key is another relay, and no client would speak to it.

use std::io;
use std::path::Path;
use std::sync::Arc;

use getrandom::SysRng;
use getrandom::rand_core::TryRng;
use rustls::crypto::aws_lc_rs::sign::any_eddsa_type;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::sign::SigningKey;
use subrosa_wire::RelayKeyHash;
use zeroize::Zeroizing;

use crate::files;

/// The private key's file in the data folder.
const KEY_FILE: &str = "relay.key";
/// The file of the key under which stateless resets are made, so that clients notice a restart at once.
const RESET_FILE: &str = "reset.key";
/// `SEQUENCE { INTEGER 0, SEQUENCE { OID 1.3.101.112 }, OCTET STRING { OCTET STRING { seed 32 } } }` (RFC 8410, §7).
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Why there is no identity to serve under.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The key's file could not be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file is there, but is not an Ed25519 key.
    #[error("relay.key is damaged: restore it from a backup, since every invite pins it")]
    Damaged,
    /// The file is gone, but people use this relay.
    #[error(
        "relay.key is missing, but this folder holds queues or invites of a relay: restore the key from a backup \
         (with another one every client would refuse this relay), or move the folder away to begin anew"
    )]
    Missing,
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    Randomness,
}

/// The relay's key pair and what clients know of it.
pub struct Identity {
    key: Arc<dyn SigningKey>,
    spki: Vec<u8>,
    reset: Zeroizing<[u8; 32]>,
}

impl Identity {
    /// A fresh identity that is stored nowhere.
    ///
    /// # Errors
    /// [`IdentityError::Randomness`].
    pub fn generate() -> Result<Self, IdentityError> {
        Self::from_pkcs8(&generate_pkcs8()?, *random()?)
    }

    /// Reads the identity in `folder`, or generates and stores it.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn load_or_generate(folder: &Path) -> Result<Self, IdentityError> {
        match Self::load(folder)? {
            Some(identity) => Ok(identity),
            None => {
                let pkcs8 = generate_pkcs8()?;
                files::write_new(&folder.join(RESET_FILE), &*random()?)?;
                files::write_new(&folder.join(KEY_FILE), &pkcs8)?;
                Self::load(folder)?.ok_or(IdentityError::Damaged)
            }
        }
    }

    /// Reads the identity in `folder`, if it has one.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn load(folder: &Path) -> Result<Option<Self>, IdentityError> {
        let Some(pkcs8) = files::read_if_there(&folder.join(KEY_FILE))?.map(Zeroizing::new) else {
            return Ok(None);
        };
        let stored = files::read_if_there(&folder.join(RESET_FILE))?;
        let reset = match stored.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) {
            Some(reset) => reset,
            // Losing it costs no promise: clients of the last run notice the restart by a timeout.
            None => *random()?,
        };
        Self::from_pkcs8(&pkcs8, reset).map(Some)
    }

    fn from_pkcs8(pkcs8: &[u8], reset: [u8; 32]) -> Result<Self, IdentityError> {
        let key = any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8)).map_err(|_| IdentityError::Damaged)?;
        let spki = key.public_key().ok_or(IdentityError::Damaged)?.to_vec();
        Ok(Self { key, spki, reset: Zeroizing::new(reset) })
    }

    /// What invites pin: SHA-256 of [`Identity::spki`].
    #[must_use]
    pub fn pin(&self) -> RelayKeyHash {
        RelayKeyHash::of_spki(&self.spki)
    }

    /// The public key as SubjectPublicKeyInfo, DER (RFC 7250): what the handshake shows.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The key that signs handshakes.
    #[must_use]
    pub fn signing_key(&self) -> Arc<dyn SigningKey> {
        Arc::clone(&self.key)
    }

    /// The key of stateless resets.
    #[must_use]
    pub(crate) fn reset_key(&self) -> &[u8; 32] {
        &self.reset
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { key: _, spki: _, reset: _ } = self;
        f.write_str("Identity(..)")
    }
}

/// 32 bytes from the operating system.
pub(crate) fn random() -> Result<Zeroizing<[u8; 32]>, IdentityError> {
    let mut bytes = Zeroizing::new([0; 32]);
    SysRng.try_fill_bytes(&mut *bytes).map_err(|_| IdentityError::Randomness)?;
    Ok(bytes)
}

fn generate_pkcs8() -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    let mut pkcs8 = Zeroizing::new(Vec::with_capacity(48));
    pkcs8.extend_from_slice(&PKCS8_PREFIX);
    pkcs8.extend_from_slice(&*random()?);
    Ok(pkcs8)
}
