//! The backup file: everything worth keeping, under the 24 words.
//!
//! Spec: docs/spec/at-rest.md, "Backup". Layout: `version 1 | salt 32 | chunks of 65,536`. Invariant: chunks open in their
//! place only, and a cut file does not open (A16); the size says little about the content (A23).

use alloc::vec::Vec;

use rand_core::CryptoRng;
use subrosa_codec::{Reader, Writer};
use zeroize::Zeroizing;

use crate::aead::{self, X_OVERHEAD};
use crate::secret::Secret;
use crate::words::BackupWords;
use crate::{kdf, labels, pad};

const VERSION: u8 = 1;
const SALT_LEN: usize = 32;
const CHUNK_LEN: usize = 65_536;
const TEXT_LEN: usize = CHUNK_LEN - X_OVERHEAD;
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
    #[error("these words do not open this backup; check that they belong together")]
    WrongWords,
    /// A later chunk does not open.
    #[error("this backup file is damaged; try another copy")]
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
        labels::BACKUP_KEY.followed_by(&[self.salt, &self.index.to_le_bytes(), &[u8::from(self.last)]])
    }
}

fn key(words: &BackupWords, salt: &[u8]) -> Secret<BackupPurpose> {
    kdf::expand(kdf::extract(salt, &[words.expose()]).expose(), labels::BACKUP_KEY, b"")
}

/// How many chunks hold `len` bytes of content.
fn chunk_count(len: usize) -> Option<u32> {
    let chunks = len.checked_add(LENGTH_LEN)?.div_ceil(TEXT_LEN);
    u32::try_from(pad::round_chunks(chunks as u64)?).ok()
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
    let count = chunk_count(content.len()).ok_or(BackupError::TooLong)?;
    let mut salt = [0; SALT_LEN];
    rng.fill_bytes(&mut salt);
    let key = key(words, &salt);
    let mut file = Writer::with_capacity(1 + SALT_LEN + count as usize * CHUNK_LEN);
    file.u8(VERSION).put(&salt);
    let mut rest = content;
    for index in 0..count {
        let mut text = Writer::with_capacity(TEXT_LEN);
        if index == 0 {
            text.u64(content.len() as u64);
        }
        let (now, later) = rest.split_at(rest.len().min(TEXT_LEN - text.len()));
        rest = later;
        text.put(now);
        text.zeros(TEXT_LEN - text.len());
        let mut random = [0; 24];
        rng.fill_bytes(&mut random);
        let aad = Place { salt: &salt, index, last: index + 1 == count }.aad();
        let text = Zeroizing::new(text.into_vec());
        file.put(&aead::seal_x_hedged(key.expose(), &random, &aad, &text));
    }
    Ok(file.into_vec())
}

/// The content of a backup file.
///
/// # Errors
/// [`BackupError`].
pub fn open_backup(words: &BackupWords, file: &[u8]) -> Result<Zeroizing<Vec<u8>>, BackupError> {
    let mut r = Reader::new(file);
    let version = r.u8().map_err(|_| BackupError::NotABackup)?;
    if version > VERSION {
        return Err(BackupError::NewerVersion);
    }
    let salt = r.take(SALT_LEN).map_err(|_| BackupError::NotABackup)?;
    let chunks = r.rest();
    let count = u32::try_from(chunks.len() / CHUNK_LEN).map_err(|_| BackupError::TooLong)?;
    if version != VERSION || count == 0 || !chunks.len().is_multiple_of(CHUNK_LEN) {
        return Err(BackupError::NotABackup);
    }
    let key = key(words, salt);
    let mut text = Zeroizing::new(Vec::with_capacity(count as usize * TEXT_LEN));
    for (index, chunk) in (0..count).zip(chunks.chunks_exact(CHUNK_LEN)) {
        let aad = Place { salt, index, last: index + 1 == count }.aad();
        let error = if index == 0 { BackupError::WrongWords } else { BackupError::Damaged };
        text.extend_from_slice(&aead::open_x(key.expose(), &aad, chunk).map_err(|_| error)?);
    }
    unframe(&text, count).ok_or(BackupError::Damaged)
}

/// The content behind its length; the rest is zero, and the count is the rounded one.
fn unframe(text: &[u8], count: u32) -> Option<Zeroizing<Vec<u8>>> {
    let mut r = Reader::new(text);
    let len = usize::try_from(r.u64().ok()?).ok()?;
    let content = r.take(len).ok()?;
    r.zeros(r.remaining()).ok()?;
    (chunk_count(len)? == count).then(|| Zeroizing::new(content.to_vec()))
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;

    const FILE_HEAD: usize = 1 + SALT_LEN;

    fn sealed(content: &[u8]) -> Vec<u8> {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        seal_backup(&BackupWords::from_bytes(&[2; 32]), content, &mut rng).unwrap()
    }

    fn open(file: &[u8]) -> Result<Vec<u8>, BackupError> {
        open_backup(&BackupWords::from_bytes(&[2; 32]), file).map(|content| content.to_vec())
    }

    #[test]
    fn a_backup_is_read_back_and_its_size_is_one_of_a_few() {
        for (len, chunks) in [(0, 1), (65_488, 1), (65_489, 2), (5 * 65_496, 6), (6 * 65_496, 8)] {
            let content = vec![9; len];
            let file = sealed(&content);
            assert_eq!(file.len(), FILE_HEAD + chunks * CHUNK_LEN, "{len}");
            assert_eq!(open(&file), Ok(content));
        }
    }

    #[test]
    fn other_words_do_not_open_it() {
        let file = sealed(b"history");
        let other = BackupWords::from_bytes(&[3; 32]);
        assert_eq!(open_backup(&other, &file).err(), Some(BackupError::WrongWords));
    }

    #[test]
    fn a16_a_cut_reordered_or_spliced_file_does_not_open() {
        let file = sealed(&vec![9; 3 * TEXT_LEN - 8]);
        let (head, chunks) = file.split_at(FILE_HEAD);
        let chunk = |i: usize| &chunks[i * CHUNK_LEN..(i + 1) * CHUNK_LEN];
        assert!(open(&file).is_ok());
        assert_eq!(open(&[head, chunk(0), chunk(1)].concat()), Err(BackupError::Damaged));
        assert_eq!(open(&[head, chunk(0), chunk(2), chunk(1)].concat()), Err(BackupError::Damaged));
        assert_eq!(open(&[head, chunk(1), chunk(1), chunk(2)].concat()), Err(BackupError::WrongWords));
        let other = sealed(&vec![8; 3 * TEXT_LEN - 8]);
        assert_eq!(other[1..FILE_HEAD], file[1..FILE_HEAD], "same salt: only the seal tells the files apart");
        assert_eq!(open(&file[..file.len() - 1]), Err(BackupError::NotABackup));
        for bad in [&[][..], &[1], head] {
            assert_eq!(open(bad), Err(BackupError::NotABackup));
        }
        let mut newer = file.clone();
        newer[0] = 2;
        assert_eq!(open(&newer), Err(BackupError::NewerVersion));
    }

    /// A file of these texts, sealed under the right words.
    fn file_of(texts: &[Vec<u8>]) -> Vec<u8> {
        let salt = [5; SALT_LEN];
        let key = key(&BackupWords::from_bytes(&[2; 32]), &salt);
        let mut file = [&[VERSION][..], &salt].concat();
        for (index, text) in (0..).zip(texts) {
            let aad = Place { salt: &salt, index, last: index as usize + 1 == texts.len() }.aad();
            file.extend_from_slice(&aead::seal_x_hedged(key.expose(), &[6; 24], &aad, text));
        }
        file
    }

    #[test]
    fn lengths_padding_and_counts_that_no_writer_makes_are_refused() {
        let chunk = |len: u64, last: u8| {
            let mut text = vec![0; TEXT_LEN];
            text[..8].copy_from_slice(&len.to_le_bytes());
            text[TEXT_LEN - 1] = last;
            text
        };
        let zeros = || vec![0; TEXT_LEN];
        assert_eq!(open(&file_of(&[chunk(3, 0)])), Ok(vec![0; 3]));
        assert_eq!(open(&file_of(&[chunk(3, 1)])), Err(BackupError::Damaged), "padding");
        assert_eq!(open(&file_of(&[chunk(3, 0), zeros()])), Err(BackupError::Damaged), "a chunk too many");
        for len in [TEXT_LEN as u64 - 7, u64::MAX] {
            assert_eq!(open(&file_of(&[chunk(len, 0)])), Err(BackupError::Damaged), "{len} bytes");
        }
    }

    #[test]
    fn the_same_randomness_for_two_contents_repeats_no_nonce() {
        let (a, b) = (sealed(b"a"), sealed(b"b"));
        assert_ne!(a[FILE_HEAD..FILE_HEAD + 24], b[FILE_HEAD..FILE_HEAD + 24]);
    }
}
