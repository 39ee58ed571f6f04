//! [`Haystack`]: a seized folder, searched byte for byte.
//!
//! Invariant: every byte of every file is looked at; only long runs of zeros are shortened.

use std::path::{Path, PathBuf};

/// Zeros of a file are shortened by whole blocks of this length.
const BLOCK: usize = 4096;
/// How many zeros are left of a run: more than any needle has.
const KEPT: usize = 64;

/// All files below a folder, as they were when it was taken.
#[derive(Debug)]
pub struct Haystack(Vec<(PathBuf, Vec<u8>)>);

impl Haystack {
    /// Every file below `folder`.
    ///
    /// # Panics
    /// When one can't be read.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        let mut all = Vec::new();
        files(folder, &mut all);
        Self(
            all.into_iter()
                .map(|file| (file.clone(), dense(&std::fs::read(file).expect("readable"))))
                .collect(),
        )
    }

    /// The files that hold `needle` anywhere.
    ///
    /// # Panics
    /// When the needle is so short that it would be found by chance.
    #[must_use]
    pub fn with(&self, needle: &[u8]) -> Vec<&Path> {
        assert!(needle.len() >= 4 && needle.len() < BLOCK, "found by chance, or shortened");
        let holds = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        self.0.iter().filter(|(_, bytes)| holds(bytes)).map(|(file, _)| file.as_path()).collect()
    }
}

/// `bytes` without the blocks that are zero, of which a few zeros stay.
fn dense(bytes: &[u8]) -> Vec<u8> {
    let mut dense = Vec::new();
    for block in bytes.chunks(BLOCK) {
        let all_zero = block == &[0; BLOCK][..block.len()];
        dense.extend_from_slice(if all_zero { &block[..KEPT.min(block.len())] } else { block });
    }
    dense
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            files(&entry, found);
        } else if entry.is_file() {
            found.push(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_needle_is_found_where_it_is_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("below")).unwrap();
        std::fs::write(folder.path().join("below/a"), b"..needle..").unwrap();
        std::fs::write(folder.path().join("b"), b"nothing").unwrap();
        // Across a border of blocks, behind a long run of zeros.
        let far = [vec![0; 3 * BLOCK - 3], b"needle".to_vec(), vec![0; 2 * BLOCK]].concat();
        std::fs::write(folder.path().join("c"), far).unwrap();
        let mut found = Haystack::of(folder.path())
            .with(b"needle")
            .iter()
            .map(|file| file.to_path_buf())
            .collect::<Vec<_>>();
        found.sort();
        assert_eq!(found, [folder.path().join("below/a"), folder.path().join("c")]);
    }
}
