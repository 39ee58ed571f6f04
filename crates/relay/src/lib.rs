//! The subrosa relay: keeps fixed-size ciphertext and hashes, serves them over QUIC, and can print all it knows.
//!
//! Spec: docs/spec/relay.md; for operators: docs/guide/relay.md. Invariant: what this crate acknowledges is on disk,
//! and no log line holds an address of a peer, an id or a capability.
//!
//! [`Relay::start`] runs one inside another program; [`main`] is the binary's.

mod admin;
mod announced;
mod calendar;
mod cli;
mod clock;
mod commands;
pub mod config;
mod desk;
mod disclose;
mod doctor;
mod exit;
mod files;
mod http;
pub mod identity;
mod log;
mod manage;
mod net;
pub mod qr;
pub mod reach;
mod relay;
mod remote;
mod run;
mod served;
pub mod slab;
mod status;
pub mod store;
mod supervisor;
mod tally;
mod tls;
mod tokens;
mod upgrade;
mod upkeep;
mod watch;

pub use clock::ClockJumped;
pub use commands::main;
pub use config::{Config, LogFormat, LogLevel};
pub use reach::Reach;
pub use relay::{Relay, StartError};
pub use subrosa_relay_core::{Access, Knowledge, Limits};
pub use subrosa_wire::RelayAddress;
pub use tls::provider;
