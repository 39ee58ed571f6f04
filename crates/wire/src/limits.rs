//! The numbers that both sides must agree on, and the bits that they may.
//!
//! Spec: docs/spec/relay.md, "Limits". Invariant: no limit here is a matter of configuration; those are in
//! [`Terms`](crate::Terms), which the relay announces.

use core::time::Duration;

use crate::{CHUNK_LEN, Features};

/// The protocol's name and major version in the TLS handshake.
pub const ALPN: &[u8] = b"subrosa/1";

/// The minor version that this crate speaks: it only ever adds frames, features and reserved bytes.
pub const MINOR: u16 = 0;

/// The server name in every TLS handshake: one for all relays, since the key is pinned and no name is proved.
/// `.invalid` never resolves (RFC 2606).
pub const SERVER_NAME: &str = "subrosa.invalid";

/// The UDP port of a relay that was told no other: `ROSA` on a telephone's keys.
pub const DEFAULT_PORT: u16 = 7672;

/// Longest host of a relay, in bytes: the length of the field in a queue descriptor.
pub const HOST_LEN: usize = 102;

/// Longest frame, in bytes, header and all: a chunk of 65,536 and what stands before it.
pub const LONGEST_FRAME: usize = CHUNK_LEN + 128;

/// Requests on one stream that may wait for their answer. More close the connection.
pub const UNANSWERED: u16 = 32;

/// Of these, requests that move a chunk (`BLOB_PUT`, `BLOB_GET`): each pins 64 KiB.
pub const UNANSWERED_CHUNKS: u16 = 4;

/// Cells that one connection may hold unacknowledged, over all its queues.
pub const WINDOW: u16 = 64;

/// Cells of one queue that a client asks for at once when it has no reason for another number.
pub const CREDIT: u16 = 16;

/// Streams beside the command stream, for chunks only.
pub const BLOB_STREAMS: u16 = 4;

/// How often a client makes itself heard on a connection that it keeps.
pub const KEEP_ALIVE: Duration = Duration::from_secs(25);

/// After how much silence either side gives a connection up.
pub const IDLE: Duration = Duration::from_secs(90);

/// The features that this crate knows.
pub const FEATURES: Features = Features::BLOBS;
