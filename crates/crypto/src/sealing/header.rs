//! [`StoreHeader`] and [`Dek`]: the one row that a passphrase or a keyring opens.
//!
//! Spec: docs/spec/at-rest.md, "Header". Layout: `version 1 | method 1 | store id 16 | memory 4 | passes 4 | lanes 4 |
//! salt 16 | nonce 24 | sealed data key 32 + 16`. Invariant: everything before the nonce is authenticated.

use alloc::vec::Vec;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use rand_core::CryptoRng;
use subrosa_codec::{Malformed, Reader, Writer};
use zeroize::Zeroizing;

use super::params::KdfParams;
use super::row::RowKey;
use crate::aead::{self, X_OVERHEAD};
use crate::secret::Secret;
use crate::{kdf, labels, stack};

const VERSION: u8 = 1;
const PASSPHRASE: u8 = 1;
const KEYRING: u8 = 2;
const SALT_LEN: usize = 16;
const HEAD_LEN: usize = 1 + 1 + 16 + 4 + 4 + 4 + SALT_LEN;
const SEALED_LEN: usize = 32 + X_OVERHEAD;

/// The purpose of a key-encryption key: it is expanded, nothing else.
#[derive(Debug)]
pub(crate) enum KekPurpose {}
/// The purpose of the key that seals the data key.
#[derive(Debug)]
enum WrapPurpose {}
/// The purpose of the data key: it is expanded, nothing else.
#[derive(Debug)]
enum DekPurpose {}

/// What the person unlocks with.
#[derive(Clone, Copy)]
pub enum Unlock<'a> {
    /// UTF-8 as typed; costs what [`KdfParams`] say.
    Passphrase(&'a str),
    /// 32 random bytes from the operating system's keyring, or from a file that only the person can read.
    Keyring(&'a [u8; 32]),
}

/// The header row of a store; it may lie in clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreHeader {
    method: u8,
    store_id: [u8; 16],
    params: Option<KdfParams>,
    salt: [u8; SALT_LEN],
    sealed: [u8; SEALED_LEN],
}

/// The data key of an open store. Every table's key follows from it.
#[derive(Debug)]
pub struct Dek {
    store_id: [u8; 16],
    key: Secret<DekPurpose>,
}

/// Why a store does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnlockError {
    /// The key does not fit, or the header was altered; nobody can tell which.
    #[error("wrong passphrase or key; nothing was changed, try again")]
    WrongKey,
    /// A passphrase was given for a store that a keyring opens, or the other way round.
    #[error("this profile is opened in another way: by a passphrase where you gave a key, or by a key")]
    WrongMethod,
    /// Not enough memory for Argon2id.
    #[error("not enough free memory to check the passphrase; close other programs and try again")]
    OutOfMemory,
}

impl StoreHeader {
    /// Length, in bytes.
    pub const LEN: usize = HEAD_LEN + SEALED_LEN;

    /// A new store with a new data key. `params` count for a passphrase only.
    ///
    /// Takes `store id 16 | data key 32 | salt 16 | nonce 24` from `rng`.
    ///
    /// # Errors
    /// [`UnlockError::OutOfMemory`].
    pub fn create(
        unlock: &Unlock<'_>,
        params: KdfParams,
        rng: &mut impl CryptoRng,
    ) -> Result<(Self, Dek), UnlockError> {
        let mut store_id = [0; 16];
        rng.fill_bytes(&mut store_id);
        let dek = Dek { store_id, key: Secret::generate(rng) };
        Ok((Self::wrap(&dek, unlock, params, rng)?, dek))
    }

    /// The same data key under another passphrase or key. The old header must be erased from the medium.
    ///
    /// Takes `salt 16 | nonce 24` from `rng`.
    ///
    /// # Errors
    /// [`UnlockError::OutOfMemory`].
    pub fn wrap(
        dek: &Dek,
        unlock: &Unlock<'_>,
        params: KdfParams,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, UnlockError> {
        let (mut salt, mut random) = ([0; SALT_LEN], [0; 24]);
        rng.fill_bytes(&mut salt);
        rng.fill_bytes(&mut random);
        let (method, params, salt) = match unlock {
            Unlock::Passphrase(_) => (PASSPHRASE, Some(params), salt),
            Unlock::Keyring(_) => (KEYRING, None, [0; SALT_LEN]),
        };
        let mut header = Self { method, store_id: dek.store_id, params, salt, sealed: [0; SEALED_LEN] };
        let key = header.wrapping_key(unlock)?;
        let sealed = aead::seal_x_hedged(key.expose(), &random, &header.head(), dek.key.expose());
        header.sealed = sealed.try_into().map_err(|_| UnlockError::WrongKey)?;
        Ok(header)
    }

    /// The data key.
    ///
    /// # Errors
    /// [`UnlockError`].
    pub fn open(&self, unlock: &Unlock<'_>) -> Result<Dek, UnlockError> {
        let key = self.wrapping_key(unlock)?;
        let opened =
            // AR-07.
            aead::open_x(key.expose(), &self.head(), &self.sealed).map_err(|_| UnlockError::WrongKey)?;
        let bytes = opened.first_chunk::<32>().ok_or(UnlockError::WrongKey)?;
        Ok(Dek { store_id: self.store_id, key: Secret::copied(bytes) })
    }

    /// Whether a passphrase opens it; otherwise a keyring does.
    #[must_use]
    pub const fn asks_passphrase(&self) -> bool {
        self.method == PASSPHRASE
    }

    /// Names the store in every row.
    #[must_use]
    pub const fn store_id(&self) -> &[u8; 16] {
        &self.store_id
    }

    /// Reads exactly [`Self::LEN`] bytes.
    ///
    /// # Errors
    /// [`Malformed`] on another length, version or method, or parameters outside floor and cap.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        let (version, method, store_id) = (r.u8()?, r.u8()?, r.array()?);
        let params = match (version, method) {
            (VERSION, PASSPHRASE) => {
                Some(KdfParams::new(r.u32()?, r.u32()?, r.u32()?).map_err(|_| Malformed)?)
            }
            (VERSION, KEYRING) => r.zeros(12).map(|()| None)?,
            _ => return Err(Malformed),
        };
        let (salt, sealed) = (r.array()?, r.array()?);
        r.finish()?;
        // AR-05.
        if params.is_none() && salt != [0; SALT_LEN] {
            return Err(Malformed);
        }
        Ok(Self { method, store_id, params, salt, sealed })
    }

    /// The [`Self::LEN`] bytes.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = self.head();
        bytes.extend_from_slice(&self.sealed);
        bytes
    }

    /// Everything before the nonce.
    fn head(&self) -> Vec<u8> {
        // AR-04.
        let mut w = Writer::with_capacity(Self::LEN);
        w.u8(VERSION).u8(self.method).put(&self.store_id);
        let costs = self.params.map_or((0, 0, 0), |p| (p.memory_kib(), p.passes(), p.lanes()));
        w.u32(costs.0).u32(costs.1).u32(costs.2).put(&self.salt);
        w.into_vec()
    }

    /// `Exp(KEK, store/kek, "", 32)`.
    fn wrapping_key(&self, unlock: &Unlock<'_>) -> Result<Secret<WrapPurpose>, UnlockError> {
        // AR-06.
        let kek: Secret<KekPurpose> = match (unlock, self.params) {
            (Unlock::Passphrase(text), Some(params)) => stretch(text.as_bytes(), &self.salt, params)?,
            (Unlock::Keyring(key), None) => Secret::copied(key),
            _ => return Err(UnlockError::WrongMethod),
        };
        Ok(kdf::expand(kek.expose(), labels::STORE_KEK, b""))
    }
}

/// Argon2id with costs within our limits.
pub(crate) fn stretch(text: &[u8], salt: &[u8], costs: KdfParams) -> Result<Secret<KekPurpose>, UnlockError> {
    let params = Params::new(costs.memory_kib(), costs.passes(), costs.lanes(), Some(32));
    // Within our limits the only failure left is memory.
    argon2id(text, salt, params.map_err(|_| UnlockError::OutOfMemory)?)
}

/// Argon2id, version 1.3, 32 bytes.
pub(crate) fn argon2id(text: &[u8], salt: &[u8], params: Params) -> Result<Secret<KekPurpose>, UnlockError> {
    // Our own memory, so that it is erased: the key follows from its last blocks.
    let mut memory = Zeroizing::new(Vec::new());
    memory.try_reserve_exact(params.block_count()).map_err(|_| UnlockError::OutOfMemory)?;
    memory.resize(params.block_count(), Block::new());
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut done = Ok(());
    let key = stack::cleared::<{ stack::ARGON2 }, _>(|| {
        Secret::filled(|out| done = argon2.hash_password_into_with_memory(text, salt, out, &mut memory[..]))
    });
    done.map(|()| key).map_err(|_| UnlockError::OutOfMemory)
}

impl Dek {
    /// The key of a table: `Exp(DEK, store/table, table | key epoch, 32)`.
    #[must_use]
    pub fn row_key(&self, table: u8, key_epoch: u32) -> RowKey {
        let [a, b, c, d] = key_epoch.to_le_bytes();
        let key = kdf::expand(self.key.expose(), labels::STORE_TABLE, &[table, a, b, c, d]);
        RowKey::of(self.store_id, table, key_epoch, key)
    }

    /// Names the store in every row.
    #[must_use]
    pub const fn store_id(&self) -> &[u8; 16] {
        &self.store_id
    }
}

impl core::fmt::Debug for Unlock<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Passphrase(_) => "Passphrase(..)",
            Self::Keyring(_) => "Keyring(..)",
        })
    }
}
