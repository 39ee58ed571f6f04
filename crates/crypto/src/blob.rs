//! Attachments: chunks that open in their place only.
//!
//! Spec: docs/spec/at-rest.md, "Attachments". Invariant: a key seals one file, every chunk under a key of its own that
//! knows its index and whether it is the last (A16); the message carries exact length and hash of the plaintext.

use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use subrosa_codec::Reader;
use zeroize::Zeroizing;

use crate::aead::{self, X_OVERHEAD};
use crate::secret::Secret;
use crate::{kdf, labels, pad};

/// Length of a sealed chunk, in bytes.
pub const BLOB_CHUNK_LEN: usize = 65_536;
/// How many bytes of a file a chunk holds.
pub const BLOB_TEXT_LEN: usize = BLOB_CHUNK_LEN - X_OVERHEAD;

/// The purpose of an attachment's key: it is extracted, nothing else.
#[derive(Debug)]
enum BlobPurpose {}
/// The purpose of a chunk's key.
#[derive(Debug)]
enum ChunkPurpose {}

/// The random key of one attachment; it travels in the message.
#[derive(Debug)]
pub struct BlobKey(Secret<BlobPurpose>);

/// How a file of a certain length is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobShape {
    len: u64,
    count: u32,
}

/// SHA-256 of a file's plaintext, piece by piece.
#[derive(Clone, Default)]
pub struct BlobHash(Sha256);

/// Why a chunk can't be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// Longer than 2^32 chunks, or a chunk count that does not fit the length.
    #[error("the size of this attachment is invalid")]
    Shape,
    /// The index or the length of the piece is not that of the shape.
    #[error("this piece does not belong to the attachment")]
    Piece,
    /// The chunk does not open.
    #[error("this attachment is damaged; ask for it to be sent again")]
    Damaged,
}

impl BlobShape {
    /// How a file of `len` bytes is cut.
    ///
    /// # Errors
    /// [`BlobError::Shape`] past 2^32 chunks.
    pub fn of(len: u64) -> Result<Self, BlobError> {
        let chunks = len.div_ceil(BLOB_TEXT_LEN as u64).max(1);
        let count = pad::round_chunks(chunks).and_then(|count| u32::try_from(count).ok());
        count.map(|count| Self { len, count }).ok_or(BlobError::Shape)
    }

    /// What a message says about its attachment.
    ///
    /// # Errors
    /// [`BlobError::Shape`] when `count` is not the one that follows from `len`.
    pub fn parse(len: u64, count: u32) -> Result<Self, BlobError> {
        // AR-19.
        Self::of(len).ok().filter(|shape| shape.count == count).ok_or(BlobError::Shape)
    }

    /// Exact length of the file, in bytes.
    #[must_use]
    pub const fn len(self) -> u64 {
        self.len
    }

    /// Whether the file is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// How many chunks there are, padding included.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.count
    }

    /// How many bytes of the file stand in chunk `index`: the rest of the chunk is zero.
    #[must_use]
    pub fn piece(self, index: u32) -> usize {
        let start = u64::from(index) * BLOB_TEXT_LEN as u64;
        usize::try_from(self.len.saturating_sub(start)).unwrap_or(usize::MAX).min(BLOB_TEXT_LEN)
    }

    const fn is_last(self, index: u32) -> bool {
        index.saturating_add(1) == self.count
    }
}

impl BlobKey {
    /// A fresh key. Takes 32 bytes from `rng`.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self(Secret::generate(rng))
    }

    /// The key of these bytes; the caller erases its own copy.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Secret::copied(bytes))
    }

    /// The bytes, to be sent inside the ratchet or stored sealed.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// `Exp(Ext(0^32, key), blob/chunk, u32 index | u8 final, 32)`.
    fn chunk_key(&self, index: u32, last: bool) -> Secret<ChunkPurpose> {
        // AR-16.
        let [a, b, c, d] = index.to_le_bytes();
        let prk = kdf::extract(&[0; 32], &[self.expose()]);
        kdf::expand(prk.expose(), labels::BLOB_CHUNK, &[a, b, c, d, u8::from(last)])
    }

    /// Chunk `index`, [`BLOB_CHUNK_LEN`] bytes; `piece` is exactly [`BlobShape::piece`] bytes of the file. Takes 24
    /// bytes from `rng`.
    ///
    /// # Errors
    /// [`BlobError::Piece`] on another length or an index that does not exist.
    pub fn seal_chunk(
        &self,
        shape: BlobShape,
        index: u32,
        piece: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, BlobError> {
        if index >= shape.count || piece.len() != shape.piece(index) {
            return Err(BlobError::Piece);
        }
        let mut text = Zeroizing::new(Vec::with_capacity(BLOB_TEXT_LEN));
        text.extend_from_slice(piece);
        // AR-17.
        text.resize(BLOB_TEXT_LEN, 0);
        let mut random = [0; 24];
        rng.fill_bytes(&mut random);
        let key = self.chunk_key(index, shape.is_last(index));
        // AR-21.
        Ok(aead::seal_x_hedged(key.expose(), &random, b"", &text))
    }

    /// The bytes of the file in chunk `index`.
    ///
    /// # Errors
    /// [`BlobError::Piece`] for an index that does not exist, [`BlobError::Damaged`] for any other chunk than the one that
    /// was sealed there.
    pub fn open_chunk(
        &self,
        shape: BlobShape,
        index: u32,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, BlobError> {
        // AR-18.
        if index >= shape.count {
            return Err(BlobError::Piece);
        }
        if sealed.len() != BLOB_CHUNK_LEN {
            return Err(BlobError::Damaged);
        }
        let key = self.chunk_key(index, shape.is_last(index));
        let mut text = aead::open_x(key.expose(), b"", sealed).map_err(|_| BlobError::Damaged)?;
        let len = shape.piece(index);
        let mut r = Reader::new(&text);
        r.take(len).and_then(|_| r.zeros(r.remaining())).map_err(|_| BlobError::Damaged)?;
        text.truncate(len);
        Ok(text)
    }
}

impl BlobHash {
    /// Takes the next piece of the file.
    pub fn update(&mut self, piece: &[u8]) {
        // AR-20.
        self.0.update(piece);
    }

    /// The hash of all pieces.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

impl fmt::Debug for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlobHash(..)")
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;

    fn chunks(key: &BlobKey, file: &[u8]) -> (BlobShape, Vec<Vec<u8>>) {
        let shape = BlobShape::of(file.len() as u64).unwrap();
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let sealed = (0..shape.count()).map(|index| {
            let start = (index as usize * BLOB_TEXT_LEN).min(file.len());
            key.seal_chunk(shape, index, &file[start..start + shape.piece(index)], &mut rng).unwrap()
        });
        (shape, sealed.collect())
    }

    #[test]
    fn a_file_is_read_back_and_its_chunk_count_is_one_of_a_few() {
        // AR-17.
        let key = BlobKey::from_bytes(&[5; 32]);
        for (len, count) in [(0, 1), (1, 1), (65_496, 1), (65_497, 2), (4 * 65_496 + 1, 6)] {
            let file: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let (shape, sealed) = chunks(&key, &file);
            assert_eq!((shape.count(), sealed.len()), (count, count as usize), "{len}");
            let mut read = Vec::new();
            for (index, chunk) in (0..).zip(&sealed) {
                assert_eq!(chunk.len(), BLOB_CHUNK_LEN);
                read.extend_from_slice(&key.open_chunk(shape, index, chunk).unwrap());
            }
            assert_eq!(read, file);
        }
    }

    #[test]
    fn a16_a_flipped_moved_cut_or_foreign_chunk_is_refused() {
        // AR-18.
        let (key, other) = (BlobKey::from_bytes(&[5; 32]), BlobKey::from_bytes(&[6; 32]));
        let file = vec![7; 3 * BLOB_TEXT_LEN];
        let (shape, sealed) = chunks(&key, &file);
        let damaged = |index, chunk: &[u8]| key.open_chunk(shape, index, chunk) == Err(BlobError::Damaged);
        assert!(damaged(0, &sealed[1]) && damaged(1, &sealed[0]) && damaged(2, &sealed[1]));
        assert!(damaged(0, &sealed[0][1..]) && damaged(0, &[]));
        assert!(damaged(0, &chunks(&other, &file).1[0]));
        for at in [0, 23, 24, 40_000, BLOB_CHUNK_LEN - 1] {
            let mut bad = sealed[0].clone();
            bad[at] ^= 1;
            assert!(damaged(0, &bad), "{at}");
        }
        assert_eq!(key.open_chunk(shape, 3, &sealed[2]), Err(BlobError::Piece));
        // The sender says two chunks where there were three: the second is not the last.
        let cut = BlobShape::of(2 * BLOB_TEXT_LEN as u64).unwrap();
        assert_eq!(key.open_chunk(cut, 1, &sealed[1]), Err(BlobError::Damaged));
    }

    #[test]
    fn a_length_that_does_not_fit_the_chunks_is_refused() {
        // AR-19.
        assert!(BlobShape::parse(65_497, 2).is_ok());
        for (len, count) in [(65_497, 1), (65_497, 3), (0, 0), (u64::MAX, u32::MAX)] {
            assert_eq!(BlobShape::parse(len, count), Err(BlobError::Shape));
        }
        // A shorter length than was sealed: the rest is not zero.
        let key = BlobKey::from_bytes(&[5; 32]);
        let (_, sealed) = chunks(&key, &[7; 100]);
        let short = BlobShape::of(99).unwrap();
        assert_eq!(key.open_chunk(short, 0, &sealed[0]), Err(BlobError::Damaged));
    }

    #[test]
    fn a_changed_file_under_the_same_key_and_randomness_repeats_no_nonce() {
        // AR-21.
        let key = BlobKey::from_bytes(&[5; 32]);
        let (a, b) = (chunks(&key, &[1; 100]).1, chunks(&key, &[2; 100]).1);
        assert_ne!(a[0][..24], b[0][..24]);
    }

    #[test]
    fn the_hash_is_sha_256_of_all_pieces() {
        // AR-20.
        let mut hash = BlobHash::default();
        hash.update(b"ab");
        hash.update(b"c");
        let want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex::encode(hash.finish()), want);
    }
}
