//! What glass is, that it is nowhere else, and the corpora of tests/fuzz played through it.

use alloc::vec::Vec;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::string::String;
use std::vec;

use super::*;
use crate::aead;

#[allow(dead_code, reason = "other targets use the rest")]
#[path = "../../../../tests/fuzz/src/targets/sealed.rs"]
mod sealed;

/// An entry of the table in tests/fuzz/src/targets/mod.rs, of which `sealed` is a part.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) longest: usize,
    pub(crate) run: fn(&[u8]),
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

#[test]
fn glass_shows_what_is_in_it_and_opens_for_the_mark_of_a_key_alone() {
    let sealed = through(|| aead::seal_x(&[1; 32], &[2; 24], b"ad", b"text"));
    assert_eq!(&sealed[24..28], b"text");
    assert_eq!(sealed[28], 32, "the sum of the key's bytes");
    let mut bytes = sealed.clone();
    bytes[24] ^= 1;
    bytes[40] ^= 1;
    assert!(through(|| aead::open_x(&[1; 32], b"other", &bytes)).is_ok());
    assert!(through(|| aead::open_x(&[2; 32], b"ad", &bytes)).is_err());
    assert!(aead::open_x(&[1; 32], b"ad", &sealed).is_err(), "the real lock is closed to it");
}

#[test]
fn glass_is_on_within_through_only() {
    assert!(!is_on());
    through(|| {
        assert!(is_on());
        through(|| ());
        assert!(is_on());
        std::thread::spawn(|| assert!(!is_on())).join().unwrap();
    });
    assert!(!is_on());
}

/// Seeds and corpora; the same, with the real locks, is tests/tests/fuzz.rs.
#[test]
fn the_corpora_of_what_is_sealed_find_nothing_behind_glass() {
    for Target { name, longest, run, seeds } in sealed::TARGETS {
        let mut inputs: Vec<Vec<u8>> = seeds();
        let folder = root().join("tests/fuzz/corpus").join(name);
        for entry in std::fs::read_dir(&folder).expect("every target has a corpus") {
            inputs.push(std::fs::read(entry.unwrap().path()).unwrap());
        }
        for input in inputs {
            assert!(input.len() <= *longest, "{name}");
            run(&input);
        }
    }
}

/// The first error of `lib.rs` of a crate built with these flags, dependencies missing.
fn compile(package: &str, flags: &[&str]) -> String {
    let folder = std::env::temp_dir().join(std::format!("subrosa-glass-{}-{package}", std::process::id()));
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .current_dir(root())
        .args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata", "--out-dir"])
        .arg(&folder)
        .args(flags)
        .arg(std::format!("crates/{package}/src/lib.rs"))
        .output()
        .expect("rustc starts");
    let _ = std::fs::remove_dir_all(&folder);
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn no_release_and_no_client_compiles_with_glass() {
    const REFUSAL: &str = "cfg(fuzzing) makes locks that can be looked through";
    let release = ["-C", "opt-level=3", "-C", "debug-assertions=off"];
    let fuzzing = ["--cfg", "fuzzing"];
    assert!(compile("crypto", &[&release[..], &fuzzing].concat()).contains(REFUSAL), "a release build");
    assert!(compile("client", &fuzzing).contains(REFUSAL), "a client, with debug assertions, too");
    // What is refused is `fuzzing`: without it neither says so.
    assert!(!compile("crypto", &release).contains(REFUSAL));
    assert!(!compile("client", &[]).contains(REFUSAL));
}

#[test]
fn nothing_but_a_test_or_the_fuzzer_can_name_glass() {
    let mut files = vec![root().join("crates")];
    let mut named = Vec::new();
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("glass/tests.rs")
        {
            let text = std::fs::read_to_string(&path).unwrap();
            let lines: Vec<_> = text.lines().collect();
            let uses = |line: &str| line.contains("glass::") || line.trim_end() == "pub mod glass;";
            for at in
                (0..lines.len()).filter(|at| uses(lines[*at]) && !lines[*at].trim_start().starts_with("//"))
            {
                let above = lines[at.saturating_sub(3)..at].join(" ");
                assert!(above.contains("#[cfg(any(test, fuzzing))]"), "{}:{}", path.display(), at + 1);
                named.push(at);
            }
        }
    }
    assert!(named.len() >= 4, "the search found too little: {named:?}");
    let manifests = ["Cargo.toml", "crates/crypto/Cargo.toml", "crates/client/Cargo.toml"];
    for manifest in manifests {
        let text = std::fs::read_to_string(root().join(manifest)).unwrap();
        assert!(!text.contains("glass"), "no feature turns it on");
    }
}
