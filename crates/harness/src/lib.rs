//! The harness: real engines and the real relay core in one thread, on virtual time, out of one seed.
//!
//! Spec: docs/ARCHITECTURE.md, "The harness". Invariant: nothing that a run does reads a clock, a socket or the system's
//! entropy; the same list of acts gives the same trace, byte for byte, in every process.

pub mod act;
pub mod cli;
mod client;
mod desk;
mod ledger;
pub mod mine;
mod oracle;
pub mod plan;
pub mod plant;
pub mod relay;
pub mod run;
pub mod scenario;
pub mod seed;
pub mod trace;
pub mod world;

pub use act::{Act, Evil, Point, Step};
pub use plan::{Fault, Wish, plan};
pub use plant::Plant;
pub use relay::{CoreRelay, Relay, Said};
pub use run::{Report, run, run_in, shrink};
pub use scenario::Scenario;
pub use seed::Seed;
pub use trace::Trace;
pub use world::{Setting, Tally, Violation, World};
