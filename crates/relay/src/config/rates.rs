//! [`Rates`]: what each network prefix may do.
//!
//! Spec: docs/guide/relay.md, "Limits". Invariant: this machine's own addresses are no prefix unless the operator says so.

/// What a prefix may do: /24 of IPv4, /48 of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Connections at once (D2).
    pub connections: u32,
    /// New connections in a minute (D1).
    pub knocks: u32,
    /// Queues opened and invites put in a minute, over all connections (D3, D8).
    pub makes: u32,
    /// Whether this machine's own addresses are counted too.
    pub loopback: bool,
}

impl Default for Rates {
    fn default() -> Self {
        Self { connections: 1_024, knocks: 600, makes: 12_000, loopback: false }
    }
}
