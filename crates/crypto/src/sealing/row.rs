//! [`RowKey`]: seals the rows of one table, or of one chat in it.
//!
//! Spec: docs/spec/at-rest.md, "Rows". Invariant: nonces are hedged; a copied or moved row does not open.

use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;
use subrosa_codec::Writer;
use zeroize::Zeroizing;

use crate::secret::Secret;
use crate::{aead, labels, pad};

/// The purpose of a row's key.
#[derive(Debug)]
pub(crate) enum RowPurpose {}

/// The key of one table, or a random key of some of its rows (the bodies of one chat): erasing the latter erases the rows.
pub struct RowKey {
    store_id: [u8; 16],
    table: u8,
    key_epoch: u32,
    key: Secret<RowPurpose>,
}

/// Where a row stands.
#[derive(Clone, Copy, Debug)]
pub struct RowRef<'a> {
    /// Its id in the table.
    pub row: i64,
    /// The version of the plaintext's layout.
    pub schema: u16,
    /// Every column that lies in clear, as bytes of fixed lengths in the order of the schema.
    pub clear: &'a [u8],
}

/// Why a row can't be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// Wrong key, wrong place, or altered bytes.
    #[error("a stored row is damaged or was moved; restore from a backup if this repeats")]
    Damaged,
    /// More than 16 MiB.
    #[error("this is longer than 16 MiB and does not fit into one row")]
    TooLong,
}

impl RowKey {
    pub(crate) const fn of(store_id: [u8; 16], table: u8, key_epoch: u32, key: Secret<RowPurpose>) -> Self {
        Self { store_id, table, key_epoch, key }
    }

    /// A random key for some rows of this key's table. Takes 32 bytes from `rng`.
    pub fn generate_within(&self, rng: &mut impl CryptoRng) -> Self {
        Self::of(self.store_id, self.table, self.key_epoch, Secret::generate(rng))
    }

    /// The key of these 32 bytes, for some rows of this key's table.
    #[must_use]
    pub fn from_bytes_within(&self, bytes: &[u8; 32]) -> Self {
        Self::of(self.store_id, self.table, self.key_epoch, Secret::copied(bytes))
    }

    /// The 32 bytes of a random key, to be stored in a sealed row.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        self.key.expose()
    }

    /// `nonce 24 | X`, the text padded to 128 · 2^n. Takes 24 bytes from `rng`.
    ///
    /// # Errors
    /// [`RowError::TooLong`].
    pub fn seal(&self, at: &RowRef<'_>, text: &[u8], rng: &mut impl CryptoRng) -> Result<Vec<u8>, RowError> {
        let padded = pad::pad(text).map_err(|_| RowError::TooLong)?;
        let mut random = [0; 24];
        rng.fill_bytes(&mut random);
        Ok(aead::seal_x_hedged(self.key.expose(), &random, &self.aad(at), &padded))
    }

    /// The text that was sealed here.
    ///
    /// # Errors
    /// [`RowError::Damaged`].
    pub fn open(&self, at: &RowRef<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, RowError> {
        // AR-11.
        let padded = aead::open_x(self.key.expose(), &self.aad(at), sealed).map_err(|_| RowError::Damaged)?;
        pad::unpad(&padded).map_err(|_| RowError::Damaged)
    }

    /// `L(store/row) | store id 16 | table 1 | row 8 | key epoch 4 | schema 2 | clear columns`.
    fn aad(&self, at: &RowRef<'_>) -> Vec<u8> {
        // AR-10.
        let RowRef { row, schema, clear } = *at;
        let mut w = Writer::with_capacity(64 + clear.len());
        w.put(labels::STORE_ROW.as_bytes()).put(&self.store_id).u8(self.table);
        w.put(&row.to_le_bytes()).u32(self.key_epoch).u16(schema).put(clear);
        w.into_vec()
    }
}

impl fmt::Debug for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store_id: _, table, key_epoch, key: _ } = self;
        f.debug_struct("RowKey").field("table", table).field("key_epoch", key_epoch).finish_non_exhaustive()
    }
}
