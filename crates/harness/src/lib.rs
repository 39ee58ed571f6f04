//! The harness: real engines and the real relay core in one thread, on virtual time, out of one seed.
//!
//! Spec: docs/ARCHITECTURE.md, "The harness". Invariant: nothing here reads a clock, a socket or the system's entropy;
//! the same list of acts gives the same trace, byte for byte, in every process.

pub mod cli;
pub mod mine;
pub mod seed;
pub mod trace;

pub use seed::Seed;
pub use trace::Trace;
