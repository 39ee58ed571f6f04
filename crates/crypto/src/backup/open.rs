//! [`BackupReader`]: a backup that is read chunk by chunk.
//!
//! Spec: docs/spec/at-rest.md, "Backup". Invariant: what it gives out is authentic and in its place; that the content is
//! whole is known only after the last chunk.

use alloc::vec::Vec;
use core::fmt;

use subrosa_codec::Reader;
use zeroize::Zeroizing;

use super::{
    BACKUP_CHUNK_LEN, BACKUP_HEAD_LEN, BackupError, BackupPurpose, LENGTH_LEN, Place, SALT_LEN, VERSION,
    chunk_count, key,
};
use crate::aead;
use crate::secret::Secret;
use crate::words::BackupWords;

/// Opens a backup chunk by chunk, from the first to the last.
pub struct BackupReader {
    key: Secret<BackupPurpose>,
    salt: [u8; SALT_LEN],
    count: u32,
    index: u32,
    /// Content that is still to come, in bytes.
    left: u64,
}

impl BackupReader {
    /// The file that begins with `head` and goes on with `len` bytes of chunks.
    ///
    /// # Errors
    /// [`BackupError::NotABackup`], [`BackupError::NewerVersion`], [`BackupError::TooLong`].
    pub fn new(words: &BackupWords, head: &[u8; BACKUP_HEAD_LEN], len: u64) -> Result<Self, BackupError> {
        // AR-25.
        let mut r = Reader::new(head);
        let version = r.u8().map_err(|_| BackupError::NotABackup)?;
        let salt: [u8; SALT_LEN] = r.array().map_err(|_| BackupError::NotABackup)?;
        if version > VERSION {
            return Err(BackupError::NewerVersion);
        }
        let chunk = BACKUP_CHUNK_LEN as u64;
        if version != VERSION || len == 0 || !len.is_multiple_of(chunk) {
            return Err(BackupError::NotABackup);
        }
        let count = u32::try_from(len / chunk).map_err(|_| BackupError::TooLong)?;
        Ok(Self { key: key(words, &salt), salt, count, index: 0, left: 0 })
    }

    /// How many chunks there are.
    #[must_use]
    pub const fn chunks(&self) -> u32 {
        self.count
    }

    /// The content in the next chunk; empty in one that only pads.
    ///
    /// # Errors
    /// [`BackupError::WrongWords`] for the first chunk, [`BackupError::Damaged`].
    pub fn open(&mut self, chunk: &[u8; BACKUP_CHUNK_LEN]) -> Result<Zeroizing<Vec<u8>>, BackupError> {
        // AR-24.
        if self.index >= self.count {
            return Err(BackupError::Damaged);
        }
        let last = self.index + 1 == self.count;
        let mut text = match self.try_open(chunk, last) {
            Some(text) => text,
            None if self.index > 0 => return Err(BackupError::Damaged),
            // The words are right, but it was not the only chunk, or not one of several.
            None if self.try_open(chunk, !last).is_some() => return Err(BackupError::Damaged),
            None => return Err(BackupError::WrongWords),
        };
        if self.index == 0 {
            self.left = Reader::new(&text).u64().map_err(|_| BackupError::Damaged)?;
            if chunk_count(self.left) != Some(self.count) {
                return Err(BackupError::Damaged);
            }
            text.drain(..LENGTH_LEN);
        }
        let here = usize::try_from(self.left).map_or(text.len(), |left| left.min(text.len()));
        if text.iter().skip(here).any(|byte| *byte != 0) {
            return Err(BackupError::Damaged);
        }
        text.truncate(here);
        self.left -= here as u64;
        self.index += 1;
        Ok(text)
    }

    fn try_open(&self, chunk: &[u8], last: bool) -> Option<Zeroizing<Vec<u8>>> {
        let aad = Place { salt: &self.salt, index: self.index, last }.aad();
        aead::open_x(self.key.expose(), &aad, chunk).ok()
    }
}

impl fmt::Debug for BackupReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key: _, salt: _, count, index, left } = self;
        let mut out = f.debug_struct("BackupReader");
        out.field("count", count).field("index", index).field("left", left).finish_non_exhaustive()
    }
}
