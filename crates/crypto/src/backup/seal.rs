//! [`BackupWriter`]: a backup that is written while its content is produced.
//!
//! Spec: docs/spec/at-rest.md, "Backup". Invariant: at most two chunks of content are in memory; the first one, which holds
//! the length, is sealed and given out last, so a file that is not finished does not open.

use alloc::vec::Vec;
use core::{fmt, mem};

use rand_core::CryptoRng;
use subrosa_codec::Writer;
use zeroize::Zeroizing;

use super::{
    BACKUP_HEAD_LEN, BackupPurpose, LENGTH_LEN, Place, SALT_LEN, Stopped, TEXT_LEN, VERSION, chunk_count, key,
};
use crate::aead;
use crate::secret::Secret;
use crate::words::BackupWords;

/// A chunk's text in the making.
type Text = Zeroizing<Vec<u8>>;

/// Seals a backup chunk by chunk. Each chunk that is given out belongs at
/// `BACKUP_HEAD_LEN + index * BACKUP_CHUNK_LEN` of the file.
pub struct BackupWriter {
    key: Secret<BackupPurpose>,
    salt: [u8; SALT_LEN],
    len: u64,
    /// The chunk that is being filled.
    index: u32,
    text: Text,
    /// The first chunk, with the randomness of its nonce, while the length is not known.
    first: Option<(Text, [u8; 24])>,
}

fn empty() -> Text {
    // All of it at once: a vector that grows leaves its bytes behind.
    Zeroizing::new(Vec::with_capacity(TEXT_LEN))
}

impl BackupWriter {
    /// A new file under `words`. Takes `salt 32` from `rng`.
    pub fn new(words: &BackupWords, rng: &mut impl CryptoRng) -> Self {
        let mut salt = [0; SALT_LEN];
        rng.fill_bytes(&mut salt);
        let mut text = empty();
        text.extend_from_slice(&[0; LENGTH_LEN]);
        Self { key: key(words, &salt), salt, len: 0, index: 0, text, first: None }
    }

    /// The file's first bytes.
    #[must_use]
    pub fn head(&self) -> [u8; BACKUP_HEAD_LEN] {
        let mut head = [VERSION; BACKUP_HEAD_LEN];
        if let Some(salt) = head.last_chunk_mut() {
            *salt = self.salt;
        }
        head
    }

    /// Takes more content; full chunks go to `take` with their index. Takes 24 bytes for each from `rng`.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn put<E>(
        &mut self,
        mut content: &[u8],
        rng: &mut impl CryptoRng,
        take: &mut impl FnMut(u32, &[u8]) -> Result<(), E>,
    ) -> Result<(), Stopped<E>> {
        self.len = self.len.checked_add(content.len() as u64).ok_or(Stopped::TooLong)?;
        while !content.is_empty() {
            if self.text.len() == TEXT_LEN {
                self.next(rng, take)?;
            }
            let (now, later) = content.split_at(content.len().min(TEXT_LEN - self.text.len()));
            self.text.extend_from_slice(now);
            content = later;
        }
        Ok(())
    }

    /// The end: pads, and gives out the rest, the first chunk last.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn finish<E>(
        mut self,
        rng: &mut impl CryptoRng,
        take: &mut impl FnMut(u32, &[u8]) -> Result<(), E>,
    ) -> Result<(), Stopped<E>> {
        // AR-27.
        let count = chunk_count(self.len).ok_or(Stopped::TooLong)?;
        while self.index + 1 < count {
            self.text.resize(TEXT_LEN, 0);
            self.next(rng, take)?;
        }
        self.text.resize(TEXT_LEN, 0);
        self.give(rng, (count, self.index), take)?;
        let Some((mut text, random)) = self.first.take() else { return Ok(()) };
        let mut length = Writer::with_capacity(LENGTH_LEN);
        length.u64(self.len);
        text.iter_mut().zip(length.as_slice()).for_each(|(at, byte)| *at = *byte);
        self.seal(&text, &random, (count, 0), take)
    }

    /// Gives the full chunk out, and begins the next one.
    fn next<E>(
        &mut self,
        rng: &mut impl CryptoRng,
        take: &mut impl FnMut(u32, &[u8]) -> Result<(), E>,
    ) -> Result<(), Stopped<E>> {
        // Another one follows: not the last, whatever their number will be.
        self.give(rng, (u32::MAX, self.index), take)?;
        self.index = self.index.checked_add(1).ok_or(Stopped::TooLong)?;
        Ok(())
    }

    fn give<E>(
        &mut self,
        rng: &mut impl CryptoRng,
        place: (u32, u32),
        take: &mut impl FnMut(u32, &[u8]) -> Result<(), E>,
    ) -> Result<(), Stopped<E>> {
        let mut random = [0; 24];
        rng.fill_bytes(&mut random);
        let text = mem::replace(&mut self.text, empty());
        if self.index == 0 {
            self.first = Some((text, random));
            return Ok(());
        }
        self.seal(&text, &random, place, take)
    }

    fn seal<E>(
        &self,
        text: &[u8],
        random: &[u8; 24],
        (count, index): (u32, u32),
        take: &mut impl FnMut(u32, &[u8]) -> Result<(), E>,
    ) -> Result<(), Stopped<E>> {
        let aad = Place { salt: &self.salt, index, last: index.saturating_add(1) == count }.aad();
        take(index, &aead::seal_x_hedged(self.key.expose(), random, &aad, text)).map_err(Stopped::Taker)
    }
}

impl fmt::Debug for BackupWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key: _, salt: _, len, index, text: _, first: _ } = self;
        f.debug_struct("BackupWriter").field("len", len).field("index", index).finish_non_exhaustive()
    }
}
