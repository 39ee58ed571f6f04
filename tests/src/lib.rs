//! What the end-to-end tests stand on: real relays and people as processes of their own.
//!
//! Spec: CONTRIBUTING.md, rule 8. Invariant: a process ends with the value that started it, by its pid; everything
//! talks to 127.0.0.1 and lives in folders that go away.

mod person;
mod relay;
mod screen;
mod search;
mod seed;

pub use person::{Outcome, Person, Running};
pub use relay::RelayProcess;
pub use screen::Screen;
pub use search::Haystack;
pub use seed::Seed;

/// The product's binaries; an integration test fills it in by [`binaries!`], since only it knows their paths.
#[derive(Clone, Copy, Debug)]
pub struct Binaries {
    /// `subrosa`.
    pub subrosa: &'static str,
    /// `subrosa-relay`.
    pub relay: &'static str,
}

/// How long something that must happen may take, on a busy machine.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Asks `done` until it is so. What it asks takes time of its own, so there is no pause between.
///
/// # Panics
/// When it is not so within [`PATIENCE`].
pub fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !done() {
        assert!(std::time::Instant::now() < deadline, "not in time: {what}");
    }
}

/// The [`Binaries`] of this build.
#[macro_export]
macro_rules! binaries {
    () => {
        $crate::Binaries {
            subrosa: env!("CARGO_BIN_EXE_subrosa-under-test"),
            relay: env!("CARGO_BIN_EXE_subrosa-relay-under-test"),
        }
    };
}
