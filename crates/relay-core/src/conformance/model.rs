//! Random histories: whatever is done to a store, its answers are the model's.
//!
//! Invariant: places differ between stores, so they are compared by the order in which they were given.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use subrosa_codec::Day;
use subrosa_wire::{Admit, InviteKind, QueueId, Seq};

use super::desk::{
    Desk, TODAY, blob, cell, check, chunk, claim, close, drop_blob, invite, owner, queue, read, revoke,
    rotate,
};
use super::{Bench, Rule, SMALL};
use crate::{BlobOp, InviteOp, Limits, MemStore, Op, Outcome, Store};

pub(super) fn rules<B: Bench>() -> Vec<Rule<B>> {
    alloc::vec![("random histories with restarts have the model's answers", histories)]
}

/// Commits in a history.
const COMMITS: u32 = 60;

fn histories<B: Bench>(bench: &mut B) {
    for seed in 0..bench.histories() {
        History::new(bench, seed).run(bench);
    }
}

/// Weyl sequence and mixer of SplitMix64: a seed gives the same history everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % u64::from(sides)) as u32
    }

    /// A small number, from 1.
    fn id(&mut self, most: u32) -> u8 {
        1 + self.roll(most) as u8
    }
}

struct History<S> {
    seed: u64,
    dice: Dice,
    limits: Limits,
    today: Day,
    model: Desk<MemStore>,
    store: Desk<S>,
    /// Places that both gave for the same append, in order.
    places: BTreeMap<QueueId, Vec<(Seq, Seq)>>,
    /// Number of the next cell.
    next: u32,
}

impl<S: Store> History<S> {
    fn new<B: Bench<Store = S>>(bench: &mut B, seed: u64) -> Self {
        let limits = if bench.keeps_blobs() { SMALL } else { Limits { chunks: 0, ..SMALL } };
        Self {
            seed,
            dice: Dice(seed),
            limits,
            today: TODAY,
            model: Desk(MemStore::new(limits)),
            store: Desk(bench.fresh(&limits)),
            places: BTreeMap::new(),
            next: 0,
        }
    }

    fn run<B: Bench<Store = S>>(mut self, bench: &mut B) {
        for step in 0..COMMITS {
            if self.dice.roll(20) == 0 {
                self.model = Desk(self.model.0.reopen());
                self.store = Desk(bench.reopen(self.store.0, &self.limits));
            }
            let mut model = Vec::new();
            let mut store = Vec::new();
            for _ in 0..=self.dice.roll(6) {
                let (a, b) = self.op();
                model.push(a);
                store.push(b);
            }
            let expected = self.model.commit(&model);
            let outcomes = self.store.commit(&store);
            for ((op, expected), outcome) in model.iter().zip(&expected).zip(&outcomes) {
                self.same(step, op, (expected, outcome));
            }
            self.same_state(step);
        }
    }

    /// The next operation, for the model and for the store: they differ in places only.
    fn op(&mut self) -> (Op, Op) {
        if self.dice.roll(5) == 0 {
            let queue = queue(self.dice.id(4));
            let (a, b) = self.place(queue);
            return (Op::Ack { queue, upto: a }, Op::Ack { queue, upto: b });
        }
        // Made twice from the same dice.
        let (dice, next, today) = (self.dice.0, self.next, self.today);
        let a = self.plain();
        (self.dice.0, self.next, self.today) = (dice, next, today);
        (a, self.plain())
    }

    fn plain(&mut self) -> Op {
        self.next += 1;
        let number = self.next;
        let dice = &mut self.dice;
        let expires = self.today.plus(dice.roll(4));
        let kind = if dice.roll(2) == 0 { InviteKind::OneTime } else { InviteKind::Address };
        match dice.roll(40) {
            0..9 => Op::Open {
                queue: queue(dice.id(4)),
                read: read(dice.id(5)),
                admit: Admit::OPEN,
                renew: self.today.plus(32 * dice.roll(2)),
            },
            9..23 => Op::Append { queue: queue(dice.id(4)), cell: cell(number), expires },
            23 => close(dice.id(5)),
            24..26 => rotate(dice.id(5), dice.id(5)),
            26..29 => {
                let (id, owner) = (invite(dice.id(3)), owner(dice.id(4)));
                Op::Invite(InviteOp::Put {
                    id,
                    owner,
                    kind,
                    expires,
                    bundle: cell(number),
                    admit: Admit::OPEN,
                })
            }
            29..32 => Op::Invite(InviteOp::Take { id: invite(dice.id(3)), claim: claim(dice.id(2)) }),
            32 => check(dice.id(4)),
            33 => revoke(dice.id(4)),
            34..37 => {
                let (blob, owner, of) = (blob(dice.id(2)), owner(dice.id(4)), 1 + dice.roll(3));
                let (index, chunk) = (dice.roll(of), chunk(number));
                Op::Blob(BlobOp::Put { blob, owner, index, of, expires, chunk, admit: Admit::OPEN })
            }
            37 => drop_blob(dice.id(4)),
            _ => {
                let days = if dice.roll(4) == 0 { 32 } else { dice.roll(3) };
                self.today = self.today.plus(days);
                // All at once: which part of it a smaller budget erases is each store's own choice.
                Op::Sweep { today: self.today, budget: 10_000 }
            }
        }
    }

    /// A place that both stores gave, or the one before all.
    fn place(&mut self, queue: QueueId) -> (Seq, Seq) {
        let given = self.places.get(&queue).map_or(&[][..], Vec::as_slice);
        let at = self.dice.roll(given.len() as u32 + 1) as usize;
        given.get(at).copied().unwrap_or_default()
    }

    /// The outcomes of one operation agree.
    fn same(&mut self, step: u32, op: &Op, (expected, outcome): (&Outcome, &Outcome)) {
        let seed = self.seed;
        match (op, expected, outcome) {
            (Op::Append { queue, .. }, Outcome::Appended(a), Outcome::Appended(b)) => {
                self.places.entry(*queue).or_default().push((*a, *b));
            }
            (Op::Open { queue, .. }, Outcome::Opened { last: a }, Outcome::Opened { last: b }) => {
                let place = |pick: fn(&(Seq, Seq)) -> Seq, last: &Option<Seq>| {
                    let given = self.places.get(queue)?;
                    given.iter().rposition(|pair| Some(pick(pair)) == *last)
                };
                let (a, b) = (place(|pair| pair.0, a), place(|pair| pair.1, b));
                assert_eq!(a, b, "seed {seed}, commit {step}: the last cell of a queue");
            }
            _ => assert_eq!(expected, outcome, "seed {seed}, commit {step}: {op:?}"),
        }
    }

    /// The stores hold the same cells and chunks, and say so.
    fn same_state(&self, step: u32) {
        let seed = self.seed;
        for q in 1..=4 {
            assert!(
                self.model.cells(q) == self.store.cells(q),
                "seed {seed}, commit {step}: cells of queue {q}"
            );
        }
        for (b, index) in (1..=2).flat_map(|b| (0..3).map(move |index| (b, index))) {
            let same = self.model.chunk(b, index) == self.store.chunk(b, index);
            assert!(same, "seed {seed}, commit {step}: chunk {index} of blob {b}");
        }
        let (model, store) = (self.model.0.knowledge(0), self.store.0.knowledge(0));
        assert_eq!(model.cell_count, store.cell_count, "seed {seed}, commit {step}: cells");
        assert_eq!(model.chunk_count, store.chunk_count, "seed {seed}, commit {step}: chunks");
        for name in ["queues", "invites", "blobs"] {
            let count = |knowledge: &crate::Knowledge| {
                knowledge.tables.iter().find(|table| table.name == name).map(|table| table.count)
            };
            assert_eq!(count(&model), count(&store), "seed {seed}, commit {step}: {name}");
        }
    }
}
