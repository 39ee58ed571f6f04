//! Bytes, clocks and cells: what every part of subrosa shares, and nothing else.
//!
//! Spec: docs/spec/README.md, "Notation". Invariant: a [`Reader`] never panics, never allocates, and
//! never hands out bytes beyond its input.
#![no_std]

extern crate alloc;

mod bytes;
mod cell;
mod time;

pub use bytes::{Malformed, Reader, Writer};
pub use cell::{CELL_LEN, Cell};
pub use time::{Day, Millis};
