//! The one table of fuzz targets: each a `fn(&[u8])` that panics when it has found something.
//!
//! Spec: docs/spec/README.md, "Errors". Invariant: no input panics, hangs or allocates beyond a limit; what a decoder
//! accepts it writes back the same; what fails changes nothing.
//!
//! Three programs walk this table: the fuzzer in tests/fuzz, the replay of the corpora in tests/tests/fuzz.rs, and, with
//! locks of glass, the replay of [`sealed`] in crates/crypto/src/glass/tests.rs.

#![allow(dead_code, reason = "the fuzzer uses the seeds, the replays do not")]

mod acts;
mod config;
mod content;
mod engine;
mod plain;
mod relay;
mod rows;
mod sealed;
mod wire;

#[cfg(fuzzing)]
use subrosa_crypto::glass::through;

/// Without glass, what is sealed is refused: the replay by `cargo test` runs the real locks.
#[cfg(not(fuzzing))]
fn through<T>(body: impl FnOnce() -> T) -> T {
    body()
}

/// One entry.
pub(crate) struct Target {
    /// Its name, and that of its folder in tests/fuzz/corpus.
    pub(crate) name: &'static str,
    /// Longest input that is worth trying, in bytes.
    pub(crate) longest: usize,
    pub(crate) run: fn(&[u8]),
    /// Honest inputs to start from.
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
}

/// Every target.
pub(crate) fn all() -> impl Iterator<Item = &'static Target> {
    let tables = [
        plain::TARGETS,
        sealed::TARGETS,
        wire::TARGETS,
        content::TARGETS,
        rows::TARGETS,
        engine::TARGETS,
        relay::TARGETS,
        acts::TARGETS,
        config::TARGETS,
    ];
    tables.into_iter().flatten()
}
