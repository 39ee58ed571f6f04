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
pub use search::{files_with, files_without_zeros};
pub use seed::Seed;

/// The product's binaries; an integration test fills it in by [`binaries!`], since only it knows their paths.
#[derive(Clone, Copy, Debug)]
pub struct Binaries {
    /// `subrosa`.
    pub subrosa: &'static str,
    /// `subrosa-relay`.
    pub relay: &'static str,
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
