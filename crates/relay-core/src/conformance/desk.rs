//! Short words for the rules: ids by number, one operation at a time, and what lies in a queue.
//!
//! Invariant: a store that fails, or gives another number of outcomes than operations, breaks every rule.

use alloc::vec;
use alloc::vec::Vec;

use subrosa_codec::{CELL_LEN, Cell, Day};
use subrosa_wire::{
    Admit, BlobId, CHUNK_LEN, Chunk, ClaimHash, InviteId, InviteKind, InviteState, OwnerId, QueueId, ReadId,
    Refusal, Seq,
};

use crate::{BlobOp, InviteOp, Op, Outcome, Store, StoreFault, StoreRead};

/// A day on which nothing of these tests has expired; the first of a lease period.
pub(super) const TODAY: Day = Day(32 * 600);

pub(super) fn queue(n: u8) -> QueueId {
    QueueId::from_bytes([n; 32])
}

pub(super) fn read(n: u8) -> ReadId {
    ReadId::from_bytes([n; 32])
}

pub(super) fn invite(n: u8) -> InviteId {
    InviteId::from_bytes([n; 32])
}

pub(super) fn owner(n: u8) -> OwnerId {
    OwnerId::from_bytes([n; 32])
}

pub(super) fn blob(n: u8) -> BlobId {
    BlobId::from_bytes([n; 32])
}

pub(super) fn claim(n: u8) -> ClaimHash {
    ClaimHash::from_bytes([n; 16])
}

/// A cell that no other number has, and in which no part is like another.
pub(super) fn cell(n: u32) -> Cell {
    let mut cell = Cell::zeroed();
    fill(cell.as_mut_bytes(), n);
    cell
}

pub(super) fn chunk(n: u32) -> Chunk {
    let mut bytes = vec![0; CHUNK_LEN];
    fill(&mut bytes, n);
    Chunk::from_vec(bytes).unwrap_or_else(|_| broken("a chunk has its length"))
}

fn fill(bytes: &mut [u8], n: u32) {
    for (at, part) in (0_u32..).zip(bytes.chunks_mut(8)) {
        let word =
            u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(u64::from(at) << 40 | u64::from(n));
        for (to, from) in part.iter_mut().zip(word.to_le_bytes()) {
            *to = from;
        }
    }
}

pub(super) fn open(q: u8, r: u8) -> Op {
    Op::Open { queue: queue(q), read: read(r), admit: Admit::OPEN, renew: TODAY.plus(384) }
}

pub(super) fn append(q: u8, n: u32) -> Op {
    Op::Append { queue: queue(q), cell: cell(n), expires: TODAY.plus(30) }
}

pub(super) fn ack(q: u8, upto: Seq) -> Op {
    Op::Ack { queue: queue(q), upto }
}

pub(super) fn close(r: u8) -> Op {
    Op::Close { read: read(r) }
}

pub(super) fn rotate(from: u8, to: u8) -> Op {
    Op::RotateRead { read: read(from), to: read(to) }
}

/// Invite `i` of owner `o`, with the cell `n` as its bundle.
pub(super) fn put(i: u8, o: u8, kind: InviteKind, n: u32) -> Op {
    let expires = TODAY.plus(14);
    Op::Invite(InviteOp::Put {
        id: invite(i),
        owner: owner(o),
        kind,
        expires,
        bundle: cell(n),
        admit: Admit::OPEN,
    })
}

pub(super) fn take(i: u8, c: u8) -> Op {
    Op::Invite(InviteOp::Take { id: invite(i), claim: claim(c) })
}

pub(super) fn check(o: u8) -> Op {
    Op::Invite(InviteOp::Check { owner: owner(o) })
}

pub(super) fn revoke(o: u8) -> Op {
    Op::Invite(InviteOp::Revoke { owner: owner(o) })
}

/// Chunk `index` of `of` of blob `b` of owner `o`, with the chunk `n` as its bytes.
pub(super) fn put_chunk(b: u8, o: u8, (index, of): (u32, u32), n: u32) -> Op {
    let expires = TODAY.plus(30);
    Op::Blob(BlobOp::Put {
        blob: blob(b),
        owner: owner(o),
        index,
        of,
        expires,
        chunk: chunk(n),
        admit: Admit::OPEN,
    })
}

pub(super) fn drop_blob(o: u8) -> Op {
    Op::Blob(BlobOp::Drop { owner: owner(o) })
}

pub(super) fn sweep(today: Day, budget: u32) -> Op {
    Op::Sweep { today, budget }
}

pub(super) const MISSING: Outcome = Outcome::Refused(Refusal::Missing);
pub(super) const USED: Outcome = Outcome::Refused(Refusal::Used);
pub(super) const FULL: Outcome = Outcome::Refused(Refusal::Full);
pub(super) const QUOTA: Outcome = Outcome::Refused(Refusal::QuotaExceeded);
pub(super) const UNOPENED: Outcome = Outcome::Invite(InviteState::Unopened);
pub(super) const OPENED: Outcome = Outcome::Invite(InviteState::Opened);
pub(super) const GONE: Outcome = Outcome::Invite(InviteState::Gone);
pub(super) const EMPTY: Outcome = Outcome::Opened { last: None };

/// Ends the suite.
#[expect(clippy::panic, reason = "a suite reports by panicking; nothing of a peer reaches this")]
#[track_caller]
pub(super) fn broken(what: &str) -> ! {
    panic!("{what}")
}

/// A store, asked in short words.
pub(super) struct Desk<S>(pub(super) S);

impl<S: Store> Desk<S> {
    /// One commit.
    #[track_caller]
    pub(super) fn commit(&mut self, ops: &[Op]) -> Vec<Outcome> {
        let outcomes = self.0.commit(ops).unwrap_or_else(|fault| failed(fault));
        assert_eq!(outcomes.len(), ops.len(), "a commit has one outcome for each operation");
        outcomes
    }

    /// A commit of one operation.
    #[track_caller]
    pub(super) fn one(&mut self, op: Op) -> Outcome {
        self.commit(&[op]).pop().unwrap_or_else(|| broken("a commit has one outcome for each operation"))
    }

    /// A commit of one operation that must come out so.
    #[track_caller]
    pub(super) fn is(&mut self, op: Op, expected: &Outcome) {
        assert_eq!(self.one(op), *expected);
    }

    /// Appends cell `n`; its place.
    #[track_caller]
    pub(super) fn appended(&mut self, q: u8, n: u32) -> Seq {
        match self.one(append(q, n)) {
            Outcome::Appended(seq) => seq,
            _ => broken("an append to a queue with room is appended"),
        }
    }

    /// Up to `max` cells of queue `q` after `after`.
    #[track_caller]
    pub(super) fn cells_after(&self, q: u8, after: Seq, max: u32) -> Vec<(Seq, Cell)> {
        self.0.reader().cells(queue(q), after, max).unwrap_or_else(|fault| failed(fault))
    }

    /// All cells of queue `q`.
    #[track_caller]
    pub(super) fn cells(&self, q: u8) -> Vec<Cell> {
        self.cells_after(q, Seq(0), u32::MAX).into_iter().map(|(_, cell)| cell).collect()
    }

    /// Queue `q` holds the cells with these numbers, in order.
    #[track_caller]
    pub(super) fn holds(&self, q: u8, numbers: &[u32]) {
        let expected: Vec<_> = numbers.iter().map(|n| cell(*n)).collect();
        assert!(self.cells(q) == expected, "the queue holds the cells {numbers:?}, in order, byte for byte");
    }

    #[track_caller]
    pub(super) fn chunk(&self, b: u8, index: u32) -> Option<Chunk> {
        self.0.reader().chunk(blob(b), index).unwrap_or_else(|fault| failed(fault))
    }
}

#[expect(clippy::panic, reason = "a suite reports by panicking; nothing of a peer reaches this")]
#[track_caller]
fn failed(fault: StoreFault) -> ! {
    panic!("the store failed: {fault}")
}

/// A cell is not, by chance, a part of another: the numbers are told apart in the first block already.
const _: () = assert!(CELL_LEN.is_multiple_of(8) && CHUNK_LEN.is_multiple_of(8));
