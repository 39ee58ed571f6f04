//! No file outgrows a reader: 600 lines, tests and flat tables excepted. (Functions: clippy's `too_many_lines`, 60.)
//!
//! Spec: CONTRIBUTING.md, rule 7. Invariant: the walk sees at least the files that are known to exist.

use std::path::{Path, PathBuf};

/// Longest source file, in lines, its unit tests at the end not counted.
const LONGEST: usize = 600;

/// A file that opens with this comment is one flat table.
const TABLE: &str = "// size: one flat table";

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        let name = entry.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if entry.is_dir() {
            if name != "tests" && name != "target" {
                rust_files(&entry, found);
            }
        } else if entry.extension().is_some_and(|extension| extension == "rs") && name != "tests.rs" {
            found.push(entry);
        }
    }
}

fn lines_of_code(text: &str) -> usize {
    let end = text.find("\n#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    text[..end].lines().count()
}

#[test]
fn no_file_is_longer_than_600_lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    rust_files(&root.join("crates"), &mut files);
    rust_files(&root.join("tests/src"), &mut files);
    assert!(files.len() > 50, "the walk found {} files only", files.len());
    let mut long = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a source file");
        if lines_of_code(&text) > LONGEST && !text.contains(TABLE) {
            long.push(format!("{}: {}", file.display(), lines_of_code(&text)));
        }
        assert!(
            text.starts_with("//!") || text.starts_with("#!") || text.starts_with(TABLE),
            "{} does not open with what it is",
            file.display()
        );
    }
    assert!(long.is_empty(), "over {LONGEST} lines, find the second noun: {long:#?}");
}
