//! The subrosa relay.

mod files;
pub mod identity;
pub mod qr;
pub mod reach;
pub mod slab;
mod store;
pub use store::*;
mod tls;
