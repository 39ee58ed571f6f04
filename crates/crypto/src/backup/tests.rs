//! Backups as files: whole, streamed, cut, spliced, and of other lengths than any writer makes.

use alloc::vec;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;
use crate::aead;

const FILE_HEAD: usize = BACKUP_HEAD_LEN;
const CHUNK_LEN: usize = BACKUP_CHUNK_LEN;

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
    // AR-25.
    let file = sealed(b"history");
    let other = BackupWords::from_bytes(&[3; 32]);
    assert_eq!(open_backup(&other, &file).err(), Some(BackupError::WrongWords));
}

#[test]
fn a16_a_cut_reordered_or_spliced_file_does_not_open() {
    // AR-23.
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
    // AR-24.
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

/// Writes `content` in pieces of `step` bytes to where each chunk says.
fn streamed(content: &[u8], step: usize) -> Vec<u8> {
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let mut writer = BackupWriter::new(&BackupWords::from_bytes(&[2; 32]), &mut rng);
    let mut file = writer.head().to_vec();
    let mut take = |index: u32, chunk: &[u8]| {
        let at = FILE_HEAD + index as usize * CHUNK_LEN;
        if file.len() < at + CHUNK_LEN {
            file.resize(at + CHUNK_LEN, 0);
        }
        file[at..at + CHUNK_LEN].copy_from_slice(chunk);
        Ok::<(), Infallible>(())
    };
    for piece in content.chunks(step) {
        writer.put(piece, &mut rng, &mut take).unwrap();
    }
    writer.finish(&mut rng, &mut take).unwrap();
    file
}

#[test]
fn a_backup_that_is_written_in_pieces_is_the_same_file() {
    // AR-27.
    for len in [0, 1, 65_487, 65_488, 65_489, 4 * 65_496, 6 * 65_496 + 1] {
        let content: Vec<u8> = (0..len).map(|i| i as u8).collect();
        let whole = sealed(&content);
        for step in [7_001, 65_496, 300_000] {
            assert!(streamed(&content, step) == whole, "{len} bytes in pieces of {step}");
        }
        assert_eq!(open(&whole).unwrap(), content);
    }
}

#[test]
fn a_file_of_which_only_the_first_chunk_is_left_is_cut_and_not_under_other_words() {
    // AR-25.
    let file = sealed(&vec![9; 3 * TEXT_LEN - 8]);
    assert_eq!(open(&file[..FILE_HEAD + CHUNK_LEN]), Err(BackupError::Damaged));
}

#[test]
fn a_file_that_was_not_finished_does_not_open() {
    // AR-27.
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let mut writer = BackupWriter::new(&BackupWords::from_bytes(&[2; 32]), &mut rng);
    let mut given = Vec::new();
    let mut take = |index: u32, _: &[u8]| {
        given.push(index);
        Ok::<(), Infallible>(())
    };
    writer.put(&vec![1; 5 * TEXT_LEN], &mut rng, &mut take).unwrap();
    assert_eq!(given, [1, 2, 3, 4], "the first one comes with the end");
}
