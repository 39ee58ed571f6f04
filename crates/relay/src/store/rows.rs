//! The layouts of the records in sled: a prefix byte and a key, a version byte and fixed fields.
//!
//! Spec: docs/adr/0002-slabs-and-sled.md, "Records". Invariant: every encoding is ours; integers in keys are
//! big-endian, so that ranges run in the order of days, everything else is little-endian.
//!
//! ```text
//! m|name                schema, store id, boot, last day, clean
//! q|write id 32         -> ver 1 | read id 32 | lease period u16
//! r|read id 32          -> write id 32
//! l|period u16|write id -> ()
//! i|invite id 32        -> ver 1 | slot u32 | owner id 32 | kind 1 | state 1 | claim hash 16 | expires u16
//! o|owner id 32         -> invite or blob id 32
//! b|blob id 32          -> ver 1 | owner id 32 | chunks u32 | expires u16
//! x|day u16|kind 1|id 32 -> ()
//! ```

use subrosa_codec::{Malformed, Reader, Writer};
use subrosa_relay_core::StoreFault;
use subrosa_wire::{BlobId, ClaimHash, InviteId, InviteKind, OwnerId, QueueId, ReadId};

/// The version byte of every row.
const VERSION: u8 = 1;

/// A record is not what was written: the store is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadRow;

impl From<Malformed> for BadRow {
    fn from(_: Malformed) -> Self {
        Self
    }
}

impl From<BadRow> for StoreFault {
    fn from(_: BadRow) -> Self {
        Self::Damaged("a record has no layout of this version")
    }
}

/// What stands under `x|day|kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiring {
    /// An invite.
    Invite = 1,
    /// A blob.
    Blob = 2,
}

impl Expiring {
    pub(crate) const fn parse(kind: u8) -> Result<Self, BadRow> {
        match kind {
            1 => Ok(Self::Invite),
            2 => Ok(Self::Blob),
            _ => Err(BadRow),
        }
    }
}

/// A key of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key<'a> {
    Meta(&'a str),
    Queue(QueueId),
    Read(ReadId),
    Lease(u16, QueueId),
    Invite(InviteId),
    Owner(OwnerId),
    Blob(BlobId),
    Expiry(u16, Expiring, [u8; 32]),
}

impl Key<'_> {
    /// The bytes of the key.
    pub(crate) fn write(self) -> Vec<u8> {
        let mut w = Writer::with_capacity(36);
        match self {
            Self::Meta(name) => w.u8(b'm').put(name.as_bytes()),
            Self::Queue(id) => w.u8(b'q').put(id.as_bytes()),
            Self::Read(id) => w.u8(b'r').put(id.as_bytes()),
            Self::Lease(period, id) => w.u8(b'l').put(&period.to_be_bytes()).put(id.as_bytes()),
            Self::Invite(id) => w.u8(b'i').put(id.as_bytes()),
            Self::Owner(id) => w.u8(b'o').put(id.as_bytes()),
            Self::Blob(id) => w.u8(b'b').put(id.as_bytes()),
            Self::Expiry(day, kind, id) => w.u8(b'x').put(&day.to_be_bytes()).u8(kind as u8).put(&id),
        };
        w.into_vec()
    }
}

/// Reads the key `l|period|write id`.
pub(crate) fn parse_lease(key: &[u8]) -> Result<(u16, QueueId), BadRow> {
    let mut r = Reader::new(key);
    r.u8()?;
    let period = u16::from_be_bytes(r.array()?);
    let id = QueueId::from_bytes(r.array()?);
    r.finish()?;
    Ok((period, id))
}

/// Reads the key `x|day|kind|id`.
pub(crate) fn parse_expiry(key: &[u8]) -> Result<(u16, Expiring, [u8; 32]), BadRow> {
    let mut r = Reader::new(key);
    r.u8()?;
    let day = u16::from_be_bytes(r.array()?);
    let kind = Expiring::parse(r.u8()?)?;
    let id = r.array()?;
    r.finish()?;
    Ok((day, kind, id))
}

/// Reads the 32 bytes after the prefix of a key.
pub(crate) fn parse_id(key: &[u8]) -> Result<[u8; 32], BadRow> {
    let mut r = Reader::new(key);
    r.u8()?;
    let id = r.array()?;
    r.finish()?;
    Ok(id)
}

/// `q|write id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueRow {
    pub(crate) read: ReadId,
    /// Day / 32 of the last renewal.
    pub(crate) period: u16,
}

impl QueueRow {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, BadRow> {
        let mut r = versioned(bytes)?;
        let row = Self { read: ReadId::from_bytes(r.array()?), period: r.u16()? };
        r.finish()?;
        Ok(row)
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(35);
        w.u8(VERSION).put(self.read.as_bytes()).u16(self.period);
        w.into_vec()
    }
}

/// `i|invite id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InviteRow {
    pub(crate) slot: u32,
    pub(crate) owner: OwnerId,
    pub(crate) kind: InviteKind,
    pub(crate) opened: bool,
    /// Of the claim that took it; zero while nobody did, and for an address.
    pub(crate) claim: ClaimHash,
    pub(crate) expires: u16,
}

impl InviteRow {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, BadRow> {
        let mut r = versioned(bytes)?;
        let row = Self {
            slot: r.u32()?,
            owner: OwnerId::from_bytes(r.array()?),
            kind: InviteKind::parse(r.u8()?)?,
            opened: match r.u8()? {
                0 => false,
                1 => true,
                _ => return Err(BadRow),
            },
            claim: ClaimHash::from_bytes(r.array()?),
            expires: r.u16()?,
        };
        r.finish()?;
        Ok(row)
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(57);
        w.u8(VERSION).u32(self.slot).put(self.owner.as_bytes()).u8(self.kind as u8);
        w.u8(u8::from(self.opened)).put(self.claim.as_bytes()).u16(self.expires);
        w.into_vec()
    }
}

/// `b|blob id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlobRow {
    pub(crate) owner: OwnerId,
    pub(crate) chunks: u32,
    pub(crate) expires: u16,
}

impl BlobRow {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, BadRow> {
        let mut r = versioned(bytes)?;
        let row = Self { owner: OwnerId::from_bytes(r.array()?), chunks: r.u32()?, expires: r.u16()? };
        r.finish()?;
        Ok(row)
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(39);
        w.u8(VERSION).put(self.owner.as_bytes()).u32(self.chunks).u16(self.expires);
        w.into_vec()
    }
}

fn versioned(bytes: &[u8]) -> Result<Reader<'_>, BadRow> {
    let mut r = Reader::new(bytes);
    if r.u8()? == VERSION { Ok(r) } else { Err(BadRow) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_read_back_and_no_shorter_or_longer_one_is() {
        let invite = InviteRow {
            slot: 7,
            owner: OwnerId::from_bytes([1; 32]),
            kind: InviteKind::Address,
            opened: true,
            claim: ClaimHash::from_bytes([2; 16]),
            expires: 20_000,
        };
        let queue = QueueRow { read: ReadId::from_bytes([3; 32]), period: 625 };
        let blob = BlobRow { owner: OwnerId::from_bytes([4; 32]), chunks: 9, expires: 20_001 };
        assert_eq!(InviteRow::parse(&invite.write()), Ok(invite));
        assert_eq!(QueueRow::parse(&queue.write()), Ok(queue));
        assert_eq!(BlobRow::parse(&blob.write()), Ok(blob));
        let mut long = invite.write();
        long.push(0);
        assert_eq!(InviteRow::parse(&long), Err(BadRow));
        assert_eq!(QueueRow::parse(&queue.write()[..34]), Err(BadRow));
        assert_eq!(BlobRow::parse(&[]), Err(BadRow));
    }

    #[test]
    fn keys_of_days_sort_as_days_do() {
        let id = QueueId::from_bytes([0xff; 32]);
        assert!(Key::Lease(255, id).write() < Key::Lease(256, QueueId::from_bytes([0; 32])).write());
        assert_eq!(parse_lease(&Key::Lease(300, id).write()), Ok((300, id)));
        let expiry = Key::Expiry(256, Expiring::Blob, [5; 32]).write();
        assert_eq!(parse_expiry(&expiry), Ok((256, Expiring::Blob, [5; 32])));
    }
}
