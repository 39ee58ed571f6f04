//! A file system in memory that loses power: what real processes wrote and did not sync may be gone after a cut, in
//! whole, in part, or out of order.
//!
//! Spec: docs/adr/0002-slabs-and-sled.md, "Proofs". Invariant: what was synced before a cut is there after it, and
//! everything else is there, not there or torn, as the seed says and as nothing else does.
//!
//! [`Volume`] is the disk as a value: contents, directories, and what of both is only in the cache. [`LossyFs`] mounts one
//! over `/dev/fuse`, counts its acts, records them on demand, cuts the power at the Nth and makes acts fail.
//!
//! What it promises is what POSIX does and no more: `fsync` and `fdatasync` of a file make its bytes and its length
//! durable, `fsync` of a directory makes its names durable, and nothing else makes anything durable. A rename is
//! atomic. Data is torn at sectors of 512 bytes; a sector is never torn inside.

mod content;
mod fault;
mod fuse;
mod mount;
mod names;
mod survivors;
mod volume;

pub use fault::{Fault, On};
pub use mount::{LossyFs, inside_namespace};
pub use survivors::Weather;
pub use volume::{Act, Node, NodeId, Volume};
