//! Decapsulation keys exist as 64-byte seeds: no source names an expanded one, so none can be imported (A2).
//!
//! Spec: docs/spec/README.md, "ML-KEM". Invariant: the library's private key appears in one file, as what a seed is expanded
//! into there, and is erased at the end of the function or with its seed.

use std::path::{Path, PathBuf};

/// What an expanded key would be read, kept or handed over by.
const EXPANDED: &[&str] =
    &["PrivateKey", "private_key", "KeyPair", "unpacked", "from_parts", "mlkem512", "mlkem1024"];

/// The uses that there are: in kem.rs, where each is erased before its function returns or kept beside its seed, for no one else,
/// and erased with it; and in two tests: one compares the expansion with published ones, one searches memory for it.
const KNOWN: &[&str] = &[
    "let (private, _) = mlkem768::generate_key_pair(*seed).into_parts();",
    "let (private, _) = mlkem768::generate_key_pair(seed).into_parts();",
    "struct Expanded(Box<mlkem768::MlKem768PrivateKey>);",
    "let (mut private, public) = mlkem768::generate_key_pair(*self.seed.expose()).into_parts();",
    "let all = 0..mlkem768::MlKem768PrivateKey::len();",
    "let ss = Zeroizing::new(mlkem768::decapsulate(&self.0, &ct.into()));",
    "fn erase(private: &mut mlkem768::MlKem768PrivateKey) {",
    "private[0..mlkem768::MlKem768PrivateKey::len()].zeroize();",
];

fn sources(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            sources(&entry, found);
        } else if entry.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&entry).expect("a text");
            found.push((entry, text));
        }
    }
}

#[test]
fn a2_no_source_names_an_expanded_decapsulation_key() {
    // GEN-11.
    let mut found = Vec::new();
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    for member in std::fs::read_dir(crates).expect("the crates").map(|entry| entry.expect("an entry").path())
    {
        sources(&member.join("src"), &mut found);
    }
    let lines = found.iter().flat_map(|(path, text)| text.lines().map(move |line| (path, line.trim())));
    let code = lines.filter(|(_, line)| !line.starts_with("//"));
    let kem: Vec<_> = code
        .filter(|(_, line)| line.contains("mlkem") || line.contains("MlKem"))
        .filter(|(path, _)| found_by_library(path, &found))
        .collect();
    assert!(kem.len() >= 8, "the library's uses were not found: {kem:?}");
    let expanded =
        |line: &str| EXPANDED.iter().any(|name| line.contains(name)) || line.contains("decapsulate(&");
    let made = |line: &str| line.contains("generate_key_pair") && !line.contains("public_key()");
    for (path, line) in kem {
        let fine = !expanded(line) && !made(line);
        let place = path.ends_with("kem.rs") || path.ends_with("erasure/needles.rs");
        let known = place && KNOWN.contains(&line);
        assert!(fine || known, "{}: {line}", path.display());
    }
}

/// Whether the file names the library at all: other files may speak of ML-KEM in their own words.
fn found_by_library(path: &Path, found: &[(PathBuf, String)]) -> bool {
    found.iter().any(|(other, text)| other == path && text.contains("libcrux_ml_kem"))
}
