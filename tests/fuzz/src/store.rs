//! What the relay's configuration knows of its store: the one type that it names.
//!
//! Spec: docs/guide/relay.md, "Configuration". Invariant: the same fields as in crates/relay/src/store/open.rs, or
//! `config.rs` does not build.

/// How the relay keeps things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    /// Bytes of records in memory.
    pub cache: u64,
    /// Bytes that a slab grows by.
    pub grow: u64,
    /// Bytes that must stay free on the disk.
    pub reserve: u64,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { cache: 64 << 20, grow: 64 << 20, reserve: 256 << 20 }
    }
}
