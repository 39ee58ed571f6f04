//! [`BackupWords`]: 24 words on paper, which are 32 random bytes.
//!
//! Spec: docs/spec/at-rest.md, "The 24 words"; BIP 39, English list. Invariant: words without the file are worth
//! nothing; a single wrong word is known as such before the file is tried.

use alloc::string::String;

use bip39::Language;
use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use crate::kdf;
use crate::secret::Secret;

/// How many words there are.
pub const WORD_COUNT: usize = 24;
/// Bits that a word stands for.
const WORD_BITS: usize = 11;

/// The purpose of the words.
#[derive(Debug)]
enum WordsPurpose {}

/// The key of a backup, as a person keeps it.
#[derive(Debug)]
pub struct BackupWords(Secret<WordsPurpose>);

/// Why a text is not the 24 words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WordsError {
    /// Not 24.
    #[error("there are {count} words and should be 24; check that none is missing")]
    Count {
        /// How many there are.
        count: usize,
    },
    /// A word that is not in the list.
    #[error("word {position} is not one of the list; check its spelling")]
    Unknown {
        /// The first such word, counted from 1.
        position: usize,
    },
    /// All words exist, and do not belong together.
    #[error("these words do not belong together: two are swapped, or one is another word of the list")]
    Checksum,
}

impl BackupWords {
    /// Fresh words. Takes 32 bytes from `rng`.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self(Secret::generate(rng))
    }

    /// The words of these bytes; the caller erases its own copy.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Secret::copied(bytes))
    }

    /// W, the 32 bytes.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// Reads 24 words, in any case, between any white space.
    ///
    /// # Errors
    /// [`WordsError`].
    pub fn parse(text: &str) -> Result<Self, WordsError> {
        // AR-15.
        let count = text.split_whitespace().count();
        if count != WORD_COUNT {
            return Err(WordsError::Count { count });
        }
        let mut bits = Bits::default();
        for (i, word) in text.split_whitespace().enumerate() {
            // A word of the list has at most 8 letters; a longer one is not copied.
            let mut lower = Zeroizing::new(String::with_capacity(9 * 4));
            lower.extend(word.chars().take(9).map(|sign| sign.to_ascii_lowercase()));
            let index = Language::English.find_word(&lower).ok_or(WordsError::Unknown { position: i + 1 })?;
            bits.push(index);
        }
        let (bytes, checksum) = bits.bytes.split_last_chunk::<1>().ok_or(WordsError::Checksum)?;
        if !kdf::sha256(&[bytes]).starts_with(checksum) {
            return Err(WordsError::Checksum);
        }
        Ok(Self(Secret::filled(|own| own.copy_from_slice(bytes))))
    }

    /// Every word that there is, in the order of BIP 39.
    #[must_use]
    pub fn list() -> &'static [&'static str] {
        Language::English.word_list()
    }

    /// The words, in order.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        // AR-14.
        let list = Language::English.word_list();
        let [checksum, ..] = kdf::sha256(&[self.expose()]);
        (0..WORD_COUNT).filter_map(move |i| {
            let bit = |at: usize| {
                let byte = self.expose().get(at / 8).copied().unwrap_or(checksum);
                usize::from(byte >> (7 - at % 8) & 1)
            };
            let index = (i * WORD_BITS..(i + 1) * WORD_BITS).fold(0, |index, at| index << 1 | bit(at));
            list.get(index).copied()
        })
    }
}

/// 33 bytes, filled 11 bits at a time, the most significant first.
struct Bits {
    bytes: [u8; 33],
    used: usize,
}

impl Default for Bits {
    fn default() -> Self {
        Self { bytes: [0; 33], used: 0 }
    }
}

impl Bits {
    fn push(&mut self, index: u16) {
        for bit in (0..WORD_BITS).rev() {
            if let Some(byte) = self.bytes.get_mut(self.used / 8) {
                *byte |= ((index >> bit & 1) as u8) << (7 - self.used % 8);
            }
            self.used += 1;
        }
    }
}

impl Drop for Bits {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn the_words_are_those_of_bip_39() {
        // AR-14.
        for (byte, first, last) in [(0, "abandon", "art"), (0xff, "zoo", "vote"), (0x7f, "legal", "title")] {
            let words: Vec<_> = BackupWords::from_bytes(&[byte; 32]).words().collect();
            assert_eq!((words[0], words[23]), (first, last));
            assert_eq!(words.len(), WORD_COUNT);
        }
    }

    #[test]
    fn words_are_read_back_in_any_case_and_layout() {
        // AR-15.
        let bytes: [u8; 32] = core::array::from_fn(|i| i as u8 * 7);
        let words: Vec<_> = BackupWords::from_bytes(&bytes).words().collect();
        assert_eq!(BackupWords::parse(&words.join("\n ").to_uppercase()).unwrap().expose(), &bytes);
    }

    #[test]
    fn a_wrong_word_is_named_and_a_swapped_one_is_noticed() {
        // AR-15.
        let mut words: Vec<_> = BackupWords::from_bytes(&[3; 32]).words().collect();
        let parse = |words: &[&str]| BackupWords::parse(&words.join(" ")).err();
        assert_eq!(parse(&words[1..]), Some(WordsError::Count { count: 23 }));
        words.swap(4, 5);
        assert_eq!(parse(&words), Some(WordsError::Checksum));
        words[7] = "abandonn";
        assert_eq!(parse(&words), Some(WordsError::Unknown { position: 8 }));
        words[7] = "extraordinary";
        assert_eq!(parse(&words), Some(WordsError::Unknown { position: 8 }));
    }
}
