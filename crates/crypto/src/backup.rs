//! The backup file: everything worth keeping, under the 24 words.
//!
//! Spec: docs/spec/at-rest.md, "Backup". Layout: `version 1 | salt 32 | chunks of 65,536`. Invariant: chunks open in their
//! place only, and a cut file does not open (A16); the size says little about the content (A23).

mod open;
mod seal;

use alloc::vec::Vec;
use core::convert::Infallible;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

pub use open::BackupReader;
pub use seal::BackupWriter;

use crate::aead::X_OVERHEAD;
use crate::secret::Secret;
use crate::words::BackupWords;
use crate::{kdf, labels, pad};

const VERSION: u8 = 1;
const SALT_LEN: usize = 32;
/// Length of what stands before the first chunk, in bytes: `version 1 | salt 32`.
pub const BACKUP_HEAD_LEN: usize = 1 + SALT_LEN;
/// Length of a sealed chunk, in bytes.
pub const BACKUP_CHUNK_LEN: usize = 65_536;
const TEXT_LEN: usize = BACKUP_CHUNK_LEN - X_OVERHEAD;
/// Length of the length in front of the content, in bytes.
const LENGTH_LEN: usize = 8;

/// The purpose of a backup's key.
#[derive(Debug)]
enum BackupPurpose {}

/// Why a file is not restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// Not a backup, or cut.
    #[error("this is not a complete backup file; check that it was copied whole")]
    NotABackup,
    /// The first chunk does not open.
    #[error(
        "these words do not open this backup: they belong to another one, or the beginning of the file is damaged"
    )]
    WrongWords,
    /// A later chunk does not open, or a chunk is missing.
    #[error("this backup file is damaged or cut; try another copy")]
    Damaged,
    /// Made by a newer version.
    #[error("this backup was made by a newer version of subrosa; update, then try again")]
    NewerVersion,
    /// More chunks than can be counted.
    #[error("this is too much for one backup")]
    TooLong,
}

/// Which chunk this is.
#[derive(Clone, Copy)]
struct Place<'a> {
    salt: &'a [u8],
    index: u32,
    last: bool,
}

impl Place<'_> {
    /// `L(backup/key) | salt | u32 index | u8 final`.
    fn aad(self) -> Vec<u8> {
        // AR-23.
        labels::BACKUP_KEY.followed_by(&[self.salt, &self.index.to_le_bytes(), &[u8::from(self.last)]])
    }
}

fn key(words: &BackupWords, salt: &[u8]) -> Secret<BackupPurpose> {
    // AR-22.
    kdf::expand(kdf::extract(salt, &[words.expose()]).expose(), labels::BACKUP_KEY, b"")
}

/// How many chunks hold `len` bytes of content.
fn chunk_count(len: u64) -> Option<u32> {
    let chunks = len.checked_add(LENGTH_LEN as u64)?.div_ceil(TEXT_LEN as u64);
    u32::try_from(pad::round_chunks(chunks)?).ok()
}

/// Seals `content` as a backup file. Takes `salt 32` and a nonce of 24 bytes for each chunk from `rng`.
///
/// # Errors
/// [`BackupError::TooLong`].
pub fn seal_backup(
    words: &BackupWords,
    content: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, BackupError> {
    let mut writer = BackupWriter::new(words, rng);
    let mut chunks: Vec<(u32, Vec<u8>)> = Vec::new();
    let mut keep = |index, chunk: &[u8]| {
        chunks.push((index, chunk.to_vec()));
        Ok::<(), Infallible>(())
    };
    let file = writer.head().to_vec();
    let put = writer.put(content, rng, &mut keep);
    put.and_then(|()| writer.finish(rng, &mut keep)).map_err(BackupError::from)?;
    // The first one comes last.
    chunks.sort_by_key(|(index, _)| *index);
    Ok(chunks.into_iter().fold(file, |mut file, (_, chunk)| {
        file.extend_from_slice(&chunk);
        file
    }))
}

/// The content of a backup file.
///
/// # Errors
/// [`BackupError`].
pub fn open_backup(words: &BackupWords, file: &[u8]) -> Result<Zeroizing<Vec<u8>>, BackupError> {
    let (head, chunks) = file.split_first_chunk().ok_or(BackupError::NotABackup)?;
    let mut reader = BackupReader::new(words, head, chunks.len() as u64)?;
    let mut content = Zeroizing::new(Vec::with_capacity(chunks.len()));
    for chunk in chunks.as_chunks().0 {
        content.extend_from_slice(&reader.open(chunk)?);
    }
    Ok(content)
}

/// Why [`BackupWriter`] stopped: too much content, or whoever takes the chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped<E> {
    /// More chunks than can be counted.
    TooLong,
    /// The taker's own error.
    Taker(E),
}

impl From<Stopped<Infallible>> for BackupError {
    fn from(stopped: Stopped<Infallible>) -> Self {
        match stopped {
            Stopped::TooLong => Self::TooLong,
            Stopped::Taker(never) => match never {},
        }
    }
}

#[cfg(test)]
mod tests;
