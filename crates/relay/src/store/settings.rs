//! [`StoreSettings`]: what the operator may set about the store.
//!
//! Spec: docs/guide/relay.md, "Configuration". Invariant: nothing but values here; the fuzzer builds this file and
//! `config.rs` without the rest of the relay.

/// What the operator may set about the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    /// Bytes that a slab grows by when it is full.
    pub grow: u64,
    /// Bytes that must stay free on the disk: below that, new things are refused.
    pub reserve: u64,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { grow: 64 << 20, reserve: 256 << 20 }
    }
}
