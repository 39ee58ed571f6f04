//! Searching a seized folder, byte for byte.

use std::path::{Path, PathBuf};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            files(&entry, found);
        } else {
            found.push(entry);
        }
    }
}

/// Every file below `folder` that holds `needle` anywhere.
///
/// # Panics
/// When a file can't be read, or the needle is so short that it would be found by chance.
#[must_use]
pub fn files_with(folder: &Path, needle: &[u8]) -> Vec<PathBuf> {
    assert!(needle.len() >= 4, "found by chance");
    let mut all = Vec::new();
    files(folder, &mut all);
    all.retain(|file| {
        let bytes = std::fs::read(file).expect("a readable file");
        bytes.windows(needle.len()).any(|window| window == needle)
    });
    all
}

/// Every file below `folder` with its bytes, to be looked at.
///
/// # Panics
/// When a file can't be read.
#[must_use]
pub fn files_without_zeros(folder: &Path) -> Vec<(PathBuf, usize)> {
    let mut all = Vec::new();
    files(folder, &mut all);
    let used = |file: &PathBuf| {
        std::fs::read(file).expect("a readable file").iter().filter(|byte| **byte != 0).count()
    };
    all.into_iter()
        .map(|file| {
            let used = used(&file);
            (file, used)
        })
        .collect()
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
        assert_eq!(files_with(folder.path(), b"needle"), [folder.path().join("below/a")]);
    }
}
