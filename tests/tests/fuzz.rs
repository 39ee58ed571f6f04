//! The table of fuzz targets, played over its corpora: what the fuzzer once reached stays reached.
//!
//! Spec: docs/spec/README.md, "Errors". Invariant: no committed input of tests/fuzz/corpus panics, with the real locks;
//! behind locks of glass the same is asked by `tests/fuzz/run` and by crates/crypto/src/glass/tests.rs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

#[path = "../fuzz/src/targets/mod.rs"]
mod targets;

use targets::{Target, all};

/// The corpora are committed: all of them together.
const MOST_BYTES: usize = 700_000;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

/// The names in a folder, in order.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a plain name")).collect()
}

/// Plays one corpus; what fails is named by its file.
fn replay(target: &Target) -> usize {
    let folder = corpus().join(target.name);
    let files = names(&folder);
    assert!(!files.is_empty(), "{} has no corpus", target.name);
    let mut bytes = 0;
    for file in files {
        let input = std::fs::read(folder.join(&file)).expect("an input is read");
        assert!(input.len() <= target.longest, "{}/{file} is longer than the fuzzer would try", target.name);
        bytes += input.len();
        // The harness shows this when the target panics.
        println!("{}/{file}", target.name);
        (target.run)(&input);
    }
    bytes
}

#[test]
fn every_input_that_the_fuzzer_kept_is_played_without_a_panic() {
    let bytes: usize = all().map(replay).sum();
    assert!(bytes < MOST_BYTES, "{bytes} bytes of corpora: minimise them with tests/fuzz/run --minimise");
}

#[test]
fn every_target_has_its_corpus_and_every_corpus_its_target() {
    let table: BTreeSet<String> = all().map(|target| target.name.to_owned()).collect();
    assert_eq!(table.len(), all().count(), "a name twice");
    assert_eq!(table, names(&corpus()));
}

#[test]
fn the_honest_inputs_that_fuzzing_starts_from_are_fine() {
    for target in all() {
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty(), "{} starts from nothing", target.name);
        for seed in seeds {
            assert!(seed.len() <= target.longest, "a seed of {} is too long", target.name);
            (target.run)(&seed);
        }
    }
}
