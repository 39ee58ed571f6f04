//! `subrosa`, the messenger in a terminal: a screen, a command line, and (feature `host`) an embedded relay.
//!
//! Spec: docs/guide/chat.md, docs/ARCHITECTURE.md, "The screen". Invariant: no key and no socket is named here; everything
//! goes through the client's handle as plain data.

// Written by the lead (19:50), for the builder of the screen: cli/ (arguments, profiles, passphrases, exit codes, --json; all
// verbs of the command line), hosting.rs (the profile's embedded relay), signals.rs (SIGINT, SIGTERM, SIGHUP). Leave them alone;
// they stay switched off by cfg(any()) until subrosa_relay's Config and Relay have landed. When you wire up `main`, remove the
// cfg lines, let `main` be `cli::main()`, and provide in this file what cli/mod.rs calls:
//   fn screen(place: &cli::Place, key: &cli::Key) -> Result<cli::Exit, cli::Fail>   first run or the screen; `cli::start(place, unlock)` opens
//   fn demo() -> Result<cli::Exit, cli::Fail>;  fn print_keys();  fn picture(out: Option<&Path>) -> Result<cli::Exit, cli::Fail>
// docs/guide/chat.md must hold the exit table of cli/exit.rs as `| code | meaning |` rows (a test compares).
#[cfg(any())]
mod cli;
mod clock;
mod commands;
#[cfg(any())]
mod hosting;
mod input;
mod keys;
mod layout;
mod look;
mod model;
mod msg;
mod scene;
#[cfg(any())]
mod signals;
mod svg;
mod text;
mod transcript;
mod update;
mod view;
mod words;

/// Runs `subrosa` with this process's arguments and terminal.
#[must_use]
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
