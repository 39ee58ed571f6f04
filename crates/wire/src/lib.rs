//! What a client and a relay say to each other: capabilities, addresses, frames, refusals, limits.
//!
//! Spec: docs/spec/relay.md. Invariant: nothing here opens a socket or reads a clock, and no bytes of a peer
//! can make it panic or allocate more than one frame.
#![no_std]
#![deny(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

extern crate alloc;

mod address;
mod capability;
mod decoder;
mod frame;
mod id;
mod label;
mod limits;
mod refusal;
mod request;
mod response;
mod self_test;
mod value;

pub use address::{AddressError, RelayAddress, RelayKeyHash};
pub use capability::{BlobCap, ClaimToken, FetchCap, OwnerCap, ReadCap, WriteCap};
pub use decoder::Decoder;
pub use frame::{Frame, FrameError, HEADER_LEN, Message, Rid, SKIPPABLE_FROM};
pub use id::{AdmitId, BlobId, ClaimHash, InviteId, OwnerId, QueueId, ReadId};
pub use label::LABELS;
pub use limits::{
    ALPN, BLOB_STREAMS, CREDIT, DEFAULT_PORT, FEATURES, HOST_LEN, IDLE, KEEP_ALIVE, LONGEST_FRAME, MINOR,
    SERVER_NAME, UNANSWERED, UNANSWERED_CHUNKS, WINDOW,
};
pub use refusal::Refusal;
pub use request::{Admit, BlobPut, Hello, InvitePut, Open, Request};
pub use response::{GoAway, Response, Terms, Welcome};
pub use self_test::{SelfTestError, self_test};
pub use value::{CHUNK_LEN, Chunk, Features, Handle, InviteKind, InviteState, Seq};
