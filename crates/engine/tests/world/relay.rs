//! A relay in memory: the queue and invite primitives of docs/spec/relay.md, and what a faulty relay does besides.

use std::collections::{BTreeMap, VecDeque};

use subrosa_codec::{Cell, Day};
use subrosa_engine::{Job, RelayAnswer};
use subrosa_wire::{ClaimHash, InviteId, InviteKind, OwnerId, QueueId, ReadId, Refusal};

/// Who is connected, counted; a connection is a person here.
pub(crate) type Who = usize;

struct Queue {
    read: ReadId,
    cells: VecDeque<(u64, Cell)>,
    next: u64,
    /// Who reads it now, and up to where it was delivered to them.
    reader: Option<(Who, u64)>,
    /// Everything that ever came, for replays.
    log: Vec<Cell>,
}

struct Invite {
    owner: OwnerId,
    kind: InviteKind,
    bundle: Cell,
    claim: Option<ClaimHash>,
}

/// Queues and invites of one relay.
#[derive(Default)]
pub(crate) struct Relay {
    queues: BTreeMap<QueueId, Queue>,
    invites: BTreeMap<InviteId, Invite>,
    /// Appends that are still to be refused, whoever makes them.
    pub(crate) refuse: u32,
}

/// What a job comes back with.
pub(crate) enum Done {
    /// The queue is open.
    Opened(QueueId, Day),
    /// An answer.
    Answer(RelayAnswer),
    /// Nothing is answered to this.
    Silent,
}

const OK: Done = Done::Answer(RelayAnswer::Ok(0));

fn refused(refusal: Refusal) -> Done {
    Done::Answer(RelayAnswer::Refused(refusal))
}

impl Relay {
    /// Does what a client asks.
    pub(crate) fn perform(&mut self, who: Who, job: Job, today: Day) -> Done {
        match job {
            Job::Open { write, read, .. } => self.open(who, write, read.id(), today),
            Job::Append { write, cell, .. } => self.append(write.id(), cell),
            Job::Ack { write, upto, .. } => {
                if let Some(queue) =
                    self.queues.get_mut(&write).filter(|q| q.reader.is_some_and(|r| r.0 == who))
                {
                    queue.cells.retain(|(seq, _)| *seq > upto);
                }
                Done::Silent
            }
            Job::PutInvite { id, owner, kind, bundle, .. } => {
                match self.invites.get_mut(&id) {
                    Some(old) if old.claim.is_some() => return refused(Refusal::Used),
                    Some(old) => old.bundle = bundle,
                    None => drop(self.invites.insert(id, Invite { owner, kind, bundle, claim: None })),
                }
                OK
            }
            Job::TakeInvite { fetch, claim, .. } => self.take(fetch.id(), claim.hash()),
            Job::RevokeInvite { owner, .. } => {
                self.invites.retain(|_, invite| invite.owner != owner.id());
                OK
            }
            Job::CloseQueue { read, .. } => {
                self.queues.retain(|_, queue| queue.read != read.id());
                OK
            }
            Job::RotateRead { read, to, .. } => {
                match self.queues.values_mut().find(|queue| queue.read == read.id()) {
                    Some(queue) => queue.read = to,
                    None => return refused(Refusal::Missing),
                }
                OK
            }
            other => panic!("no relay does {other:?}"),
        }
    }

    fn open(&mut self, who: Who, id: QueueId, read: ReadId, today: Day) -> Done {
        let queue = self.queues.entry(id).or_insert_with(|| Queue {
            read,
            cells: VecDeque::new(),
            next: 1,
            reader: None,
            log: Vec::new(),
        });
        if queue.read != read {
            return refused(Refusal::Missing);
        }
        queue.reader = Some((who, 0));
        Done::Opened(id, today)
    }

    fn append(&mut self, id: QueueId, cell: Cell) -> Done {
        if self.refuse > 0 {
            self.refuse -= 1;
            return refused(Refusal::Full);
        }
        let Some(queue) = self.queues.get_mut(&id) else { return refused(Refusal::Missing) };
        queue.log.push(cell.clone());
        queue.cells.push_back((queue.next, cell));
        queue.next += 1;
        OK
    }

    fn take(&mut self, id: InviteId, claim: ClaimHash) -> Done {
        let Some(invite) = self.invites.get_mut(&id) else { return refused(Refusal::Missing) };
        if invite.kind == InviteKind::OneTime {
            if invite.claim.is_some_and(|first| first != claim) {
                return refused(Refusal::Used);
            }
            invite.claim = Some(claim);
        }
        Done::Answer(RelayAnswer::Bundle(invite.bundle.clone()))
    }

    /// The connection of `who` is gone.
    pub(crate) fn disconnect(&mut self, who: Who) {
        for queue in
            self.queues.values_mut().filter(|queue| queue.reader.is_some_and(|reader| reader.0 == who))
        {
            queue.reader = None;
        }
    }

    /// The next cell for `who`, if one waits.
    pub(crate) fn deliver(&mut self, who: Who) -> Option<(QueueId, u64, Cell)> {
        self.queues.iter_mut().find_map(|(id, queue)| {
            let (_, delivered) = queue.reader.filter(|reader| reader.0 == who)?;
            let (seq, cell) = queue.cells.iter().find(|(seq, _)| *seq > delivered)?;
            queue.reader = Some((who, *seq));
            Some((*id, *seq, cell.clone()))
        })
    }

    /// A faulty relay loses the `n`th cell that lies here.
    pub(crate) fn lose(&mut self, n: usize) {
        let lying: Vec<_> =
            self.queues.iter().flat_map(|(id, q)| q.cells.iter().map(|cell| (*id, cell.0))).collect();
        if let Some((id, lost)) = lying.get(n % lying.len().max(1)) {
            self.queues.get_mut(id).expect("it lies there").cells.retain(|(seq, _)| seq != lost);
        }
    }

    /// A faulty relay swaps two neighbours in every queue that holds some.
    pub(crate) fn swap(&mut self, n: usize) {
        for queue in self.queues.values_mut().filter(|queue| queue.cells.len() >= 2) {
            let first = n % (queue.cells.len() - 1);
            let other = queue.cells[first + 1].1.clone();
            let one = std::mem::replace(&mut queue.cells[first].1, other);
            queue.cells[first + 1].1 = one;
        }
    }

    /// A faulty relay puts the `n`th cell that ever came into its queue again.
    pub(crate) fn replay(&mut self, n: usize) {
        let known: Vec<_> =
            self.queues.iter().flat_map(|(id, q)| (0..q.log.len()).map(|at| (*id, at))).collect();
        if let Some((id, at)) = known.get(n % known.len().max(1)) {
            let queue = self.queues.get_mut(id).expect("it is known");
            queue.cells.push_back((queue.next, queue.log[*at].clone()));
            queue.next += 1;
        }
    }

    /// How many cells lie here.
    pub(crate) fn lying(&self) -> usize {
        self.queues.values().map(|queue| queue.cells.len()).sum()
    }
}

/// What a malicious relay does besides.
impl Relay {
    /// How many cells were ever appended.
    pub(crate) fn appended(&self) -> usize {
        self.queues.values().map(|queue| queue.log.len()).sum()
    }

    /// Every cell that was ever appended.
    pub(crate) fn log(&self) -> Vec<Cell> {
        self.queues.values().flat_map(|queue| queue.log.iter().cloned()).collect()
    }

    /// How many queues there are.
    pub(crate) fn queues(&self) -> usize {
        self.queues.len()
    }

    /// Keeps back every cell that lies here, until [`release`](Self::release).
    pub(crate) fn withhold(&mut self) -> Vec<(QueueId, Cell)> {
        let queues = self.queues.iter_mut();
        queues.flat_map(|(id, queue)| queue.cells.drain(..).map(|(_, cell)| (*id, cell))).collect()
    }

    /// Delivers what was kept back, behind everything that came meanwhile.
    pub(crate) fn release(&mut self, held: Vec<(QueueId, Cell)>) {
        for (id, cell) in held {
            let Some(queue) = self.queues.get_mut(&id) else { continue };
            queue.cells.push_back((queue.next, cell));
            queue.next += 1;
        }
    }

    /// Forgets everything that lies here, as if its retention had passed.
    pub(crate) fn forget(&mut self) {
        self.queues.values_mut().for_each(|queue| queue.cells.clear());
    }

    /// Forgets the queues themselves.
    pub(crate) fn forget_queues(&mut self) {
        self.queues.clear();
    }

    /// Hands a one-time invite out again.
    pub(crate) fn forget_claims(&mut self) {
        self.invites.values_mut().for_each(|invite| invite.claim = None);
    }

    /// Flips one bit of every cell that lies here, at byte `at`.
    pub(crate) fn flip(&mut self, at: usize) {
        for (_, cell) in self.queues.values_mut().flat_map(|queue| queue.cells.iter_mut()) {
            cell.as_mut_bytes()[at % 4_096] ^= 1;
        }
    }

    /// Copies every cell that lies here into every other queue.
    pub(crate) fn spread(&mut self) {
        let all: Vec<_> =
            self.queues.iter().flat_map(|(id, q)| q.cells.iter().map(|cell| (*id, cell.1.clone()))).collect();
        for (id, queue) in &mut self.queues {
            for (from, cell) in all.iter().filter(|(from, _)| from != id) {
                let _ = from;
                queue.cells.push_back((queue.next, cell.clone()));
                queue.next += 1;
            }
        }
    }

    /// Turns the order of every queue round.
    pub(crate) fn reverse(&mut self) {
        for queue in self.queues.values_mut() {
            let cells: Vec<Cell> = queue.cells.iter().rev().map(|(_, cell)| cell.clone()).collect();
            queue.cells.iter_mut().zip(cells).for_each(|(slot, cell)| slot.1 = cell);
        }
    }
}
