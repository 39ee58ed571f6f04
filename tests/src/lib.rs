//! What the end-to-end tests stand on: real relays and people as processes of their own.
//!
//! Spec: CONTRIBUTING.md, rule 8. Invariant: a process ends with the value that started it, by its pid; everything
//! talks to 127.0.0.1 and lives in folders that go away.

mod person;
mod relay;
mod screen;
mod search;
mod seed;
mod typed;

pub use person::{Outcome, Person, Running};
pub use relay::RelayProcess;
pub use screen::Screen;
pub use search::Haystack;
pub use seed::Seed;
pub use typed::Typed;

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

/// The bytes of base64, of either alphabet, with or without padding.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn bytes_of_base64(text: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'-' | b'+' => 62,
        b'_' | b'/' => 63,
        _ => panic!("not base64"),
    };
    let mut bytes = Vec::new();
    let (mut held, mut bits) = (0_u32, 0);
    for c in text.trim_end_matches('=').bytes() {
        held = held << 6 | u32::from(digit(c));
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    bytes
}
