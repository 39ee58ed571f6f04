//! The threads of an open profile: the keeper of the vault, the reader for queries, the network.
//!
//! Spec: docs/ARCHITECTURE.md, "One message". Invariant: only the keeper writes, one batch at a time; effects leave it after
//! the commit.

pub(crate) mod activity;
pub(crate) mod board;
pub(crate) mod keeper;
mod leap;
pub(crate) mod reader;
pub(crate) mod work;

pub(crate) use leap::Leap;

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;

/// The system's randomness, asked at each use. A system without any can't go on: that is a panic.
pub(crate) const fn os_rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}
