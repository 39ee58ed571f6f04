//! The whole engine, fed with cells that a peer or a relay made.
//!
//! Spec: docs/spec/content.md; docs/ARCHITECTURE.md, "Crashes". Invariant: whatever arrives, no event finds a damaged row,
//! and everything on the screen can be asked for afterwards.

use std::rc::Rc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use subrosa_codec::{CELL_LEN, Cell, Millis};
use subrosa_engine::api::{Answer, Query};
use subrosa_engine::{Event, InboundId, MemVault, Table};

use super::{Target, through};

#[path = "../../../../crates/engine/tests/world/mod.rs"]
mod world;

use world::World;

pub(super) const TARGETS: &[Target] =
    &[Target { name: "engine", longest: 3 * (1 + CELL_LEN), run: cells, seeds: cell_seeds }];

/// Ann, who has met Bob and has an invite out; and Bob.
struct Met {
    ann: MemVault,
    now: Millis,
    /// Ann's queues.
    queues: Vec<InboundId>,
    /// Cells that Bob and Cid sealed, under glass, and Ann has not seen.
    waiting: Vec<(InboundId, Cell)>,
}

std::thread_local! {
    static MET: Rc<Met> = Rc::new(met());
}

fn met() -> Met {
    let mut world = World::new(3, 1);
    for joiner in [1, 2] {
        let link = world.invite(0, joiner == 2);
        world.drain();
        world.join(joiner, &link);
        if joiner == 1 {
            world.live(Millis::HOUR.times(2));
            world.accept(0);
            world.live(Millis::HOUR.times(2));
            for (from, to, len) in [(0, 1, 5), (1, 0, 5), (1, 0, 2_000)] {
                world.send(from, to, len);
                world.drain();
            }
        }
    }
    let ann = world.people[0].vault.snapshot();
    let queues = ann.rows().filter(|(key, _)| key.table == Table::Inbound).map(|(key, _)| InboundId(key.id));
    let queues = queues.collect();
    // From here on Ann sees nothing; what the others say lies open.
    through(|| {
        world.send(1, 0, 3);
        world.send(1, 0, 1_900);
        for who in [1, 2] {
            while world.work(who) {}
        }
    });
    let mut waiting = Vec::new();
    while let Some((queue, cell)) = world.intercept(0) {
        waiting.push((queue, cell));
    }
    Met { ann, now: world.now, queues, waiting }
}

/// Every row of Ann's vault, with the number of its table.
pub(super) fn rows() -> Vec<(u8, Vec<u8>)> {
    let met = MET.with(Rc::clone);
    met.ann.rows().map(|(key, bytes)| (key.table.number(), bytes.to_vec())).collect()
}

/// Up to three times: which queue, then a cell.
fn cells(input: &[u8]) {
    let met = MET.with(Rc::clone);
    let mut vault = met.ann.snapshot();
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for (seq, piece) in input.chunks(1 + CELL_LEN).take(3).enumerate() {
        let Some((which, bytes)) = piece.split_first() else { return };
        let mut cell = Cell::zeroed();
        cell.as_mut_bytes().iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        let queue = met.queues[usize::from(*which) % met.queues.len()];
        // The relay delivers it twice, as it may.
        for _ in 0..2 {
            let event = Event::Cell { queue, seq: 100 + seq as u64, cell: cell.clone() };
            through(|| vault.run([event], met.now, &mut rng)).expect("no row is damaged");
        }
    }
    let disk = vault.snapshot();
    disk.resume(met.now).expect("it starts again");
    for query in [Query::Me, Query::Chats, Query::Invites] {
        let answer = disk.query(&query, met.now).expect("no row is damaged");
        let Answer::Chats(chats) = answer else { continue };
        for chat in chats {
            let query = Query::Messages { chat: chat.id, before: None, limit: 100 };
            disk.query(&query, met.now).expect("no row is damaged");
        }
    }
}

fn cell_seeds() -> Vec<Vec<u8>> {
    let met = MET.with(Rc::clone);
    let number = |queue: &InboundId| met.queues.iter().position(|known| known == queue).unwrap_or(0) as u8;
    let one = |(queue, cell): &(InboundId, Cell)| [&[number(queue)][..], cell.as_bytes()].concat();
    met.waiting.iter().map(one).collect()
}
