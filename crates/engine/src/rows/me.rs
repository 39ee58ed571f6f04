//! [`Me`]: who I am; [`Counter`]: the next id.
//!
//! Spec: docs/spec/identity.md, docs/spec/at-rest.md. Invariant: exactly one of each per vault, written by
//! [`crate::found`].

use alloc::string::String;

use minicbor::{Decode, Encode};

use super::{Hidden, Key, Table, row};

/// Who I am here.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Me {
    /// The seed of my identity, 32 bytes.
    #[n(0)]
    pub seed: Hidden,
    /// My name, as invites carry it.
    #[n(1)]
    pub name: String,
    /// My relay's address, as [`subrosa_wire::RelayAddress`] prints it.
    #[n(2)]
    pub relay: Option<String>,
    /// Whether receipts are sent.
    #[n(3)]
    pub receipts: bool,
    /// The 24 words of my backups, as their 32 bytes; none before the first backup.
    #[n(4)]
    pub words: Option<Hidden>,
}

impl Me {
    /// Its key.
    pub const KEY: Key = Key::new(Table::Meta, 0, 1);
}

row!(Me, Meta);

/// The last id that was given out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Counter {
    /// Contacts, sessions, queues, invites, handshakes and waiting contents are counted together.
    #[n(0)]
    pub last: i64,
}

impl Counter {
    /// Its key.
    pub const KEY: Key = Key::new(Table::Meta, 0, 2);
}

row!(Counter, Meta);

/// The last day on which a relay's clock and mine agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Clock {
    /// Days since the Unix epoch.
    #[n(0)]
    pub agreed: u32,
}

impl Clock {
    /// Its key.
    pub const KEY: Key = Key::new(Table::Meta, 0, 3);
}

row!(Clock, Meta);
