//! The layouts of the records: one thing each, 128 bytes, inside one sector of the disk.
//!
//! Spec: docs/adr/0011-records-in-a-slab.md. Invariant: every encoding is ours; a record is read back whole or is
//! [`BadRow`], and what is not in it is not kept.
//!
//! ```text
//! record 128 = kind 1 | version 1 | fields 110 | check 16       all zero = free     check = SHA-256(record[0..112])[..16]
//! queue  1   = 0 6 | period u16 | 0 6 | write id 32 | read id 32 | 0 32
//! invite 2   = opened 1 | kind 1 | 0 4 | expires u16 | slot u32 | 0 2 | invite id 32 | owner id 32 | claim hash 16 | 0 16
//! blob   3   = 0 6 | expires u16 | chunks u32 | 0 2 | blob id 32 | owner id 32 | 0 32
//! token  4   = 0 6 | expires u16 | number u32 | 0 2 | admit id 32 | queues u32 | used u32 | bytes u64 | used u64 | period u16 | 0 38
//! store  77  = clean 1 | 0 1 | boot u32 | day u32 | records u32 | store id 16 | cell groups u32 | chunk groups u32 | 0 72
//! ```

use sha2::{Digest, Sha256};
use subrosa_codec::{Day, Malformed, Reader, Writer};
use subrosa_relay_core::{LEASE_PERIOD, StoreFault};
use subrosa_wire::{AdmitId, BlobId, ClaimHash, InviteId, InviteKind, OwnerId, QueueId, ReadId};

/// Length of a record.
pub(crate) const RECORD_LEN: usize = 128;
/// Length of what the check covers.
const COVERED_LEN: usize = 112;

/// The version byte of every record.
const VERSION: u8 = 1;

const QUEUE: u8 = 1;
const INVITE: u8 = 2;
const BLOB: u8 = 3;
const TOKEN: u8 = 4;
const STORE: u8 = 77;

/// The read id of a queue whose reader is not known any more; no capability has it.
pub(crate) const NOBODY: [u8; 32] = [0; 32];

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
        Self::Damaged("a record is not whole")
    }
}

/// A queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueRow {
    pub(crate) read: ReadId,
    /// The [`LEASE_PERIOD`] in which its lease ends.
    pub(crate) period: u16,
}

/// An invite.
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

/// A blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlobRow {
    pub(crate) owner: OwnerId,
    pub(crate) chunks: u32,
    pub(crate) expires: u16,
}

/// An admission token, and what was made under it in one [`LEASE_PERIOD`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TokenRow {
    /// What the operator calls it.
    pub(crate) number: u32,
    /// Its last day.
    pub(crate) expires: u16,
    /// Queues that it may make in a period.
    pub(crate) queues: u32,
    /// Bytes of invites and blobs that it may put in a period.
    pub(crate) bytes: u64,
    /// The period of its last use, and what it made in it.
    pub(crate) period: u16,
    pub(crate) used_queues: u32,
    pub(crate) used_bytes: u64,
}

/// One thing of somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    Queue(QueueId, QueueRow),
    Invite(InviteId, InviteRow),
    Blob(BlobId, BlobRow),
    Token(AdmitId, TokenRow),
}

/// What a record is found by: its own name, and that of the right to it. No two kinds share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Name {
    Queue(QueueId),
    Read(ReadId),
    Invite(InviteId),
    Blob(BlobId),
    Owner(OwnerId),
    Token(AdmitId),
    /// A token's number.
    Number(u32),
    /// Of a queue that nobody can read until it is opened.
    Unread(QueueId),
}

impl Row {
    /// Both names, its own first.
    pub(crate) fn names(&self) -> [Name; 2] {
        match self {
            Self::Queue(id, row) if *row.read.as_bytes() == NOBODY => [Name::Queue(*id), Name::Unread(*id)],
            Self::Queue(id, row) => [Name::Queue(*id), Name::Read(row.read)],
            Self::Invite(id, row) => [Name::Invite(*id), Name::Owner(row.owner)],
            Self::Blob(id, row) => [Name::Blob(*id), Name::Owner(row.owner)],
            Self::Token(id, row) => [Name::Token(*id), Name::Number(row.number)],
        }
    }

    /// The last day on which it is there.
    pub(crate) fn last_day(&self) -> u16 {
        match self {
            Self::Queue(_, row) => {
                let day = (u32::from(row.period) + 1) * LEASE_PERIOD - 1;
                u16::try_from(day).unwrap_or(u16::MAX - 1)
            }
            Self::Invite(_, row) => row.expires,
            Self::Blob(_, row) => row.expires,
            Self::Token(_, row) => row.expires,
        }
    }

    /// Reads a record; `None` is a free one.
    pub(crate) fn parse(record: &[u8; RECORD_LEN]) -> Result<Option<Self>, BadRow> {
        let Some((kind, mut r)) = open(record)? else { return Ok(None) };
        let row = match kind {
            QUEUE => {
                r.zeros(6)?;
                let period = r.u16()?;
                r.zeros(6)?;
                let (id, read) = (QueueId::from_bytes(r.array()?), ReadId::from_bytes(r.array()?));
                r.zeros(32)?;
                Self::Queue(id, QueueRow { read, period })
            }
            INVITE => parse_invite(&mut r)?,
            BLOB => {
                r.zeros(6)?;
                let (expires, chunks) = (r.u16()?, r.u32()?);
                r.zeros(2)?;
                let (id, owner) = (BlobId::from_bytes(r.array()?), OwnerId::from_bytes(r.array()?));
                r.zeros(32)?;
                Self::Blob(id, BlobRow { owner, chunks, expires })
            }
            TOKEN => parse_token(&mut r)?,
            _ => return Err(BadRow),
        };
        r.finish()?;
        Ok(Some(row))
    }

    /// The mirror of [`Row::parse`].
    pub(crate) fn write(&self) -> [u8; RECORD_LEN] {
        let mut w = Writer::with_capacity(RECORD_LEN);
        match self {
            Self::Queue(id, row) => {
                w.u8(QUEUE).u8(VERSION).zeros(6).u16(row.period).zeros(6);
                w.put(id.as_bytes()).put(row.read.as_bytes()).zeros(32);
            }
            Self::Invite(id, row) => {
                w.u8(INVITE).u8(VERSION).u8(u8::from(row.opened)).u8(row.kind as u8).zeros(4);
                w.u16(row.expires).u32(row.slot).zeros(2).put(id.as_bytes()).put(row.owner.as_bytes());
                w.put(row.claim.as_bytes()).zeros(16);
            }
            Self::Blob(id, row) => {
                w.u8(BLOB).u8(VERSION).zeros(6).u16(row.expires).u32(row.chunks).zeros(2);
                w.put(id.as_bytes()).put(row.owner.as_bytes()).zeros(32);
            }
            Self::Token(id, row) => {
                w.u8(TOKEN).u8(VERSION).zeros(6).u16(row.expires).u32(row.number).zeros(2);
                w.put(id.as_bytes()).u32(row.queues).u32(row.used_queues);
                w.u64(row.bytes).u64(row.used_bytes).u16(row.period).zeros(38);
            }
        }
        seal(w)
    }
}

fn parse_invite(r: &mut Reader<'_>) -> Result<Row, BadRow> {
    let opened = match r.u8()? {
        0 => false,
        1 => true,
        _ => return Err(BadRow),
    };
    let kind = InviteKind::parse(r.u8()?)?;
    r.zeros(4)?;
    let (expires, slot) = (r.u16()?, r.u32()?);
    r.zeros(2)?;
    let (id, owner) = (InviteId::from_bytes(r.array()?), OwnerId::from_bytes(r.array()?));
    let claim = ClaimHash::from_bytes(r.array()?);
    r.zeros(16)?;
    Ok(Row::Invite(id, InviteRow { slot, owner, kind, opened, claim, expires }))
}

fn parse_token(r: &mut Reader<'_>) -> Result<Row, BadRow> {
    r.zeros(6)?;
    let (expires, number) = (r.u16()?, r.u32()?);
    r.zeros(2)?;
    let id = AdmitId::from_bytes(r.array()?);
    let (queues, used_queues, bytes, used_bytes) = (r.u32()?, r.u32()?, r.u64()?, r.u64()?);
    let period = r.u16()?;
    r.zeros(38)?;
    Ok(Row::Token(id, TokenRow { number, expires, queues, bytes, period, used_queues, used_bytes }))
}

/// What the store keeps of itself: the first record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoreRow {
    pub(crate) store_id: [u8; 16],
    /// How many times it was opened.
    pub(crate) boot: u32,
    /// The last day that it was told.
    pub(crate) day: Day,
    /// Whether it was closed in order.
    pub(crate) clean: bool,
    /// How long the files are at least: a shorter one has lost something.
    pub(crate) records: u32,
    pub(crate) cell_groups: u32,
    pub(crate) chunk_groups: u32,
}

impl StoreRow {
    /// A fresh store's.
    pub(crate) const fn fresh(store_id: [u8; 16]) -> Self {
        let (boot, day, clean) = (0, Day(0), false);
        Self { store_id, boot, day, clean, records: 0, cell_groups: 0, chunk_groups: 0 }
    }

    /// Reads the first record; `None` is a free one.
    pub(crate) fn parse(record: &[u8; RECORD_LEN]) -> Result<Option<Self>, BadRow> {
        let Some((kind, mut r)) = open(record)? else { return Ok(None) };
        if kind != STORE {
            return Err(BadRow);
        }
        let clean = r.u8()? == 1;
        r.zeros(1)?;
        let (boot, day, records) = (r.u32()?, Day(r.u32()?), r.u32()?);
        let (store_id, cell_groups, chunk_groups) = (r.array()?, r.u32()?, r.u32()?);
        r.zeros(72)?;
        r.finish()?;
        Ok(Some(Self { store_id, boot, day, clean, records, cell_groups, chunk_groups }))
    }

    /// The mirror of [`StoreRow::parse`].
    pub(crate) fn write(&self) -> [u8; RECORD_LEN] {
        let mut w = Writer::with_capacity(RECORD_LEN);
        w.u8(STORE).u8(VERSION).u8(u8::from(self.clean)).zeros(1);
        w.u32(self.boot).u32(self.day.0).u32(self.records);
        w.put(&self.store_id).u32(self.cell_groups).u32(self.chunk_groups).zeros(72);
        seal(w)
    }
}

/// Kind and fields of a whole record; `None` for a free one.
fn open(record: &[u8; RECORD_LEN]) -> Result<Option<(u8, Reader<'_>)>, BadRow> {
    if *record == [0; RECORD_LEN] {
        return Ok(None);
    }
    let (covered, proof) = record.split_at(COVERED_LEN);
    if check(covered) != proof {
        return Err(BadRow);
    }
    let mut r = Reader::new(covered);
    let kind = r.u8()?;
    if r.u8()? == VERSION { Ok(Some((kind, r))) } else { Err(BadRow) }
}

fn seal(mut w: Writer) -> [u8; RECORD_LEN] {
    let mut record = [0; RECORD_LEN];
    let check = check(w.as_slice());
    w.put(&check);
    record.copy_from_slice(w.as_slice());
    record
}

fn check(covered: &[u8]) -> [u8; 16] {
    let mut check = [0; 16];
    check.copy_from_slice(&Sha256::digest(covered)[..16]);
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> [Row; 4] {
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
        let token = TokenRow {
            number: 3,
            expires: 20_002,
            queues: 10,
            bytes: 1 << 40,
            period: 625,
            used_queues: 2,
            used_bytes: 1 << 33,
        };
        let ids = [5, 6, 7].map(|n| [n; 32]);
        [
            Row::Invite(InviteId::from_bytes(ids[0]), invite),
            Row::Queue(QueueId::from_bytes(ids[1]), queue),
            Row::Blob(BlobId::from_bytes(ids[2]), blob),
            Row::Token(AdmitId::from_bytes([8; 32]), token),
        ]
    }

    #[test]
    fn each_record_is_read_back_and_one_with_any_byte_changed_is_not() {
        let store =
            StoreRow { boot: 3, day: Day(20_000), clean: true, records: 9, ..StoreRow::fresh([8; 16]) };
        assert_eq!(StoreRow::parse(&store.write()), Ok(Some(store)));
        for row in rows() {
            let record = row.write();
            assert_eq!(Row::parse(&record), Ok(Some(row)));
            assert_eq!(StoreRow::parse(&record), Err(BadRow));
            for at in 0..RECORD_LEN {
                let mut other = record;
                other[at] ^= 0x10;
                assert_eq!(Row::parse(&other), Err(BadRow), "byte {at}");
            }
        }
        assert_eq!(Row::parse(&[0; RECORD_LEN]), Ok(None));
    }

    #[test]
    fn the_last_day_of_a_lease_is_that_of_its_period() {
        let [_, queue, ..] = rows();
        assert_eq!(queue.last_day(), 626 * 32 - 1);
    }
}
