//! The subrosa relay.

pub mod slab;
