//! A random life of a store, and what it has promised at each moment of it.
//!
//! Invariant: what may be there after a cut is what the model had at some point between the last commit that was
//! answered and the end of the one that was not.

use std::collections::BTreeMap;
use std::path::Path;

use subrosa_codec::{CELL_LEN, Cell, Day};
use subrosa_relay_core::{BlobOp, InviteOp, Limits, MemStore, Op, Outcome, Store, StoreRead, Value};
use subrosa_wire::{
    Admit, BlobId, CHUNK_LEN, Chunk, ClaimHash, InviteId, InviteKind, OwnerId, QueueId, ReadId, Seq,
};

/// Everything that a store holds, a line each.
pub type Facts = BTreeMap<String, String>;

pub fn limits() -> Limits {
    Limits { queue_cells: 20, cells: 60, queues: 6, invites: 5, chunks: 8, ..Limits::default() }
}

/// SplitMix64's mixer.
pub fn mix(n: u64) -> u64 {
    let mut z = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Eight bytes that a body repeats: every sector of it says whose it is.
fn pattern(number: u64) -> [u8; 8] {
    let mut bytes = (mix(number) & !0xffff_ffff).to_le_bytes();
    bytes[..4].copy_from_slice(&(number as u32).to_le_bytes());
    bytes
}

fn body(number: u64, len: usize) -> Vec<u8> {
    pattern(number).repeat(len / 8)
}

/// The number of the body that these bytes are of, if they are of one.
fn tag(bytes: &[u8]) -> Option<String> {
    let number = u64::from(u32::from_le_bytes(*bytes.first_chunk()?));
    (number != 0 && bytes.starts_with(&pattern(number))).then(|| format!("body {number}"))
}

/// The bodies of which a sector lies in a slab.
pub fn tags_in(folder: &Path) -> Vec<String> {
    let slabs = ["cells.slab", "chunks.slab"].map(|name| std::fs::read(folder.join(name)).unwrap());
    let mut tags: Vec<_> = slabs.iter().flat_map(|bytes| bytes.chunks(512).filter_map(tag)).collect();
    tags.dedup();
    tags
}

/// The bundle of each invite: the slots of the second kind, by their owners.
pub fn bundles_in(folder: &Path) -> Facts {
    const GROUP: usize = 65 * CELL_LEN;
    let slab = std::fs::read(folder.join("cells.slab")).unwrap();
    let mut bundles = Facts::new();
    for group in slab.chunks_exact(GROUP) {
        let (headers, bodies) = group.split_at(CELL_LEN);
        for (header, body) in headers.chunks_exact(64).zip(bodies.chunks_exact(CELL_LEN)) {
            if header[0] == 2 {
                let doubled = bundles.insert(format!("bundle of {}", header[12]), tag(body).expect("a body"));
                assert_eq!(doubled, None, "two bundles of one invite");
            }
        }
    }
    bundles
}

fn id(n: u8) -> [u8; 32] {
    [n; 32]
}

const QUEUES: u8 = 5;
const BLOBS: u8 = 2;

/// What `store` holds.
pub fn facts(store: &impl Store) -> Facts {
    let mut facts = Facts::new();
    let reader = store.reader();
    for queue in 1..=QUEUES {
        for (_, cell) in reader.cells(QueueId::from_bytes(id(queue)), Seq(0), 1_000).unwrap() {
            let number = tag(cell.as_bytes()).expect("a body of this life");
            let doubled = facts.insert(format!("{number} in queue {queue}"), number);
            assert_eq!(doubled, None, "delivered twice");
        }
    }
    for (blob, index) in (1..=BLOBS).flat_map(|blob| (0..3).map(move |index| (blob, index))) {
        if let Some(chunk) = reader.chunk(BlobId::from_bytes(id(blob)), index).unwrap() {
            facts.insert(format!("chunk {index} of blob {blob}"), tag(chunk.as_bytes()).expect("a body"));
        }
    }
    for table in &store.knowledge(100).tables {
        assert_eq!(table.count, table.rows.len() as u64, "{}: counted wrongly", table.name);
        for row in &table.rows {
            // Not the counts of what lies there: bodies are facts of their own.
            let counted = |n: &usize| matches!((table.name, n), ("queues", 3) | ("blobs", 2));
            let values = (0..).zip(&row.values).filter(|(n, _)| !counted(n)).map(|(_, value)| value);
            let values = values.map(|value| match value {
                Value::Bytes(bytes) => format!("{:?}", &bytes[..1]),
                other => format!("{other:?}"),
            });
            facts.insert(format!("{} {:?}", table.name, &row.key[..1]), values.collect::<Vec<_>>().join(" "));
        }
    }
    facts
}

/// What a life had promised, and when.
pub struct Life {
    /// How far the disk was when a commit was answered, and what the model went through in it.
    commits: Vec<(u64, Vec<Facts>)>,
}

impl Life {
    /// One in which nothing happens.
    pub fn settled(facts: Facts) -> Self {
        Self { commits: vec![(0, vec![facts])] }
    }

    /// All states that may be found after a cut at `acts`: the one that was answered last, and those of the commit after.
    pub fn allowed(&self, acts: u64) -> Vec<Facts> {
        let answered = self.commits.partition_point(|(at, _)| *at <= acts);
        let last =
            answered.checked_sub(1).and_then(|n| self.commits[n].1.last()).cloned().unwrap_or_default();
        let under_way = self.commits.get(answered).map(|(_, states)| states.clone()).unwrap_or_default();
        [vec![last], under_way].concat()
    }

    /// Whether a store was promised to be there.
    pub fn promised(&self, acts: u64) -> bool {
        self.commits.first().is_some_and(|(at, _)| *at <= acts)
    }
}

/// A life as it is lived.
pub struct History {
    dice: u64,
    model: MemStore,
    today: Day,
    body: u64,
    places: BTreeMap<QueueId, Vec<Seq>>,
    /// The body that each invite was given last.
    bundles: BTreeMap<u8, String>,
    commits: Vec<(u64, Vec<Facts>)>,
}

impl History {
    pub fn new(seed: u64) -> Self {
        let (model, places, bundles) = (MemStore::new(limits()), BTreeMap::new(), BTreeMap::new());
        Self { dice: seed, model, today: Day(20_000), body: 0, places, bundles, commits: Vec::new() }
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.dice = self.dice.wrapping_add(1);
        mix(self.dice) % sides
    }

    fn one_of(&mut self, most: u8) -> [u8; 32] {
        id(1 + self.roll(u64::from(most)) as u8)
    }

    pub fn commits(&mut self) -> u64 {
        20 + self.roll(30)
    }

    /// Whether the store is restarted now, and whether in order.
    pub fn restarts(&mut self) -> Option<bool> {
        let restarts = [Some(true), Some(false), None][(self.roll(40) as usize).min(2)];
        if restarts.is_some() {
            self.model = std::mem::replace(&mut self.model, MemStore::new(limits())).reopen();
        }
        restarts
    }

    /// The next commit.
    pub fn next(&mut self) -> Vec<Op> {
        (0..=self.roll(8)).map(|_| self.op()).collect()
    }

    fn op(&mut self) -> Op {
        self.body += 1;
        let cell = Cell::from_vec(body(self.body, CELL_LEN)).unwrap();
        let expires = self.today.plus(self.roll(6) as u32);
        let (queue, read) =
            (QueueId::from_bytes(self.one_of(QUEUES)), ReadId::from_bytes(self.one_of(QUEUES)));
        let owner = OwnerId::from_bytes(self.one_of(6));
        let invite = InviteId::from_bytes(self.one_of(3));
        match self.roll(40) {
            0..6 => {
                // Mostly its own right, so that most queues come to be.
                let own = ReadId::from_bytes(*queue.as_bytes());
                let read = if self.roll(4) == 0 { read } else { own };
                Op::Open { queue, read, admit: Admit::OPEN, renew: self.today.plus(384) }
            }
            6..20 => Op::Append { queue, cell, expires },
            20..26 => Op::Ack { queue, upto: self.place(queue) },
            26 => Op::Close { read },
            27 => Op::RotateRead { read, to: ReadId::from_bytes(self.one_of(QUEUES)) },
            28..32 => {
                let kind = if invite.as_bytes()[0] == 1 { InviteKind::OneTime } else { InviteKind::Address };
                // Mostly its own owner, so that renewals happen.
                let own = OwnerId::from_bytes(*invite.as_bytes());
                let owner = if self.roll(4) == 0 { owner } else { own };
                Op::Invite(InviteOp::Put {
                    id: invite,
                    owner,
                    kind,
                    expires,
                    bundle: cell,
                    admit: Admit::OPEN,
                })
            }
            32..34 => {
                let claim = ClaimHash::from_bytes([1 + self.roll(2) as u8; 16]);
                Op::Invite(InviteOp::Take { id: invite, claim })
            }
            34 => Op::Invite(InviteOp::Revoke { owner }),
            35..38 => {
                let blob = BlobId::from_bytes(self.one_of(BLOBS));
                let owner = OwnerId::from_bytes(id(10 + blob.as_bytes()[0]));
                let chunk = Chunk::from_vec(body(self.body, CHUNK_LEN)).unwrap();
                let index = self.roll(3) as u32;
                Op::Blob(BlobOp::Put { blob, owner, index, of: 3, expires, chunk, admit: Admit::OPEN })
            }
            38 => Op::Blob(BlobOp::Drop { owner: OwnerId::from_bytes(id(11 + self.roll(2) as u8)) }),
            _ => {
                self.today = self.today.plus(self.roll(3) as u32);
                Op::Sweep { today: self.today, budget: 10_000 }
            }
        }
    }

    fn place(&mut self, queue: QueueId) -> Seq {
        let given = self.places.get(&queue).map_or(0, Vec::len);
        let at = self.roll(given as u64 + 1) as usize;
        self.places.get(&queue).and_then(|given| given.get(at)).copied().unwrap_or_default()
    }

    /// The store is there, and the disk is so far.
    pub fn reached(&mut self, acts: u64) {
        self.commits.push((acts, vec![Facts::new()]));
    }

    /// `ops` were answered when the disk was so far; the model must answer the same.
    pub fn committed(&mut self, ops: &[Op], outcomes: &[Outcome], acts: u64) {
        let mut states = Vec::new();
        for (op, outcome) in ops.iter().zip(outcomes) {
            let expected = self.model.commit(std::slice::from_ref(op)).unwrap();
            assert_eq!(&expected[0], outcome, "{op:?}");
            if let (Op::Append { queue, .. }, Outcome::Appended(seq)) = (op, outcome) {
                self.places.entry(*queue).or_default().push(*seq);
            }
            if let (Op::Invite(InviteOp::Put { id, bundle, .. }), Outcome::Done) = (op, outcome) {
                self.bundles.insert(id.as_bytes()[0], tag(bundle.as_bytes()).unwrap());
            }
            let mut facts = facts(&self.model);
            for (invite, body) in &self.bundles {
                if facts.contains_key(&format!("invites [{invite}]")) {
                    facts.insert(format!("bundle of {invite}"), body.clone());
                }
            }
            states.push(facts);
        }
        self.commits.push((acts, states));
    }

    pub fn life(self) -> Life {
        Life { commits: self.commits }
    }
}
