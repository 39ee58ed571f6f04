//! The store against its model, its promises about bytes, and its ways to refuse.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use subrosa_codec::{CELL_LEN, Cell, Day};
use subrosa_relay_core::{
    BlobOp, InviteOp, Limits, MemStore, Op, Outcome, Store, StoreFault, StoreRead, conformance,
};
use subrosa_wire::{
    Admit, BlobId, CHUNK_LEN, Chunk, ClaimHash, InviteId, InviteKind, OwnerId, QueueId, ReadId, Refusal, Seq,
};
use tempfile::TempDir;

use super::open::Disks;
use super::*;
use crate::slab::MemDisk;

const SMALL: StoreSettings = StoreSettings { grow: 1, reserve: 0 };

fn limits() -> Limits {
    Limits { queue_cells: 6, cells: 14, queues: 3, invites: 2, chunks: 5, ..Limits::default() }
}

fn open(folder: &Path) -> SlabStore {
    SlabStore::open(folder, SMALL, limits()).expect("opens")
}

fn cell(byte: u8) -> Cell {
    Cell::from_vec(vec![byte; CELL_LEN]).expect("is a cell")
}

fn queue(n: u8) -> QueueId {
    QueueId::from_bytes([n; 32])
}

fn read(n: u8) -> ReadId {
    ReadId::from_bytes([n; 32])
}

fn create(n: u8) -> Op {
    Op::Open { queue: queue(n), read: read(n), admit: Admit::OPEN, renew: Day(384) }
}

fn append(n: u8, byte: u8) -> Op {
    Op::Append { queue: queue(n), cell: cell(byte), expires: Day(30) }
}

fn put_invite(n: u8, byte: u8) -> Op {
    Op::Invite(InviteOp::Put {
        id: InviteId::from_bytes([n; 32]),
        owner: OwnerId::from_bytes([n; 32]),
        kind: InviteKind::OneTime,
        expires: Day(30),
        bundle: cell(byte),
        admit: Admit::OPEN,
    })
}

fn take_invite(n: u8, claim: u8) -> Op {
    Op::Invite(InviteOp::Take {
        id: InviteId::from_bytes([n; 32]),
        claim: ClaimHash::from_bytes([claim; 16]),
    })
}

fn put_chunk(n: u8, byte: u8) -> Op {
    Op::Blob(BlobOp::Put {
        blob: BlobId::from_bytes([n; 32]),
        owner: OwnerId::from_bytes([n; 32]),
        index: 0,
        of: 2,
        expires: Day(30),
        chunk: Chunk::from_vec(vec![byte; CHUNK_LEN]).expect("is a chunk"),
        admit: Admit::OPEN,
    })
}

struct Slabs(Vec<TempDir>);

impl Slabs {
    fn folder(&self) -> PathBuf {
        self.0.last().expect("has a folder").path().join("data")
    }
}

impl conformance::Bench for Slabs {
    type Store = SlabStore;

    fn fresh(&mut self, limits: &Limits) -> SlabStore {
        self.0.push(tempfile::tempdir().expect("makes a folder"));
        fs::create_dir(self.folder()).expect("makes a folder");
        SlabStore::open(&self.folder(), SMALL, *limits).expect("opens")
    }

    fn reopen(&mut self, store: SlabStore, limits: &Limits) -> SlabStore {
        store.close().expect("closes");
        SlabStore::open(&self.folder(), SMALL, *limits).expect("opens")
    }
}

#[test]
fn the_store_does_what_every_store_must() {
    conformance::run(&mut Slabs(Vec::new()));
}

#[test]
fn everything_acknowledged_is_there_after_a_crash_and_after_an_orderly_end() {
    // REL-28.
    let folder = tempfile::tempdir().expect("makes a folder");
    let mut store = open(folder.path());
    let ops = [create(1), append(1, 7), append(1, 8), put_invite(1, 9), take_invite(1, 3), put_chunk(2, 4)];
    let outcomes = store.commit(&ops).expect("commits");
    assert_eq!(outcomes[1], Outcome::Appended(Seq((1 << 32) + 1)));
    assert_eq!(outcomes[4], Outcome::Bundle(cell(9)));
    for orderly in [false, true] {
        if orderly {
            store.close().expect("closes");
        } else {
            drop(store);
        }
        store = open(folder.path());
        let cells = store.reader().cells(queue(1), Seq(0), 9).expect("reads");
        assert_eq!(cells.iter().map(|(_, cell)| cell.clone()).collect::<Vec<_>>(), [cell(7), cell(8)]);
        let again = store.commit(&[take_invite(1, 3), take_invite(1, 4)]).expect("commits");
        assert_eq!(again, [Outcome::Bundle(cell(9)), Outcome::Refused(Refusal::Used)]);
        assert!(store.reader().chunk(BlobId::from_bytes([2; 32]), 0).expect("reads").is_some());
    }
    let later = store.commit(&[append(1, 5)]).expect("commits");
    assert_eq!(later, [Outcome::Appended(Seq((3 << 32) + 1))], "places go on above the boot counter");
}

/// Every byte of every file in `folder`.
fn bytes_of(folder: &Path) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("lists") {
        let entry = entry.expect("lists");
        match entry.file_type().expect("is something").is_dir() {
            true => all.extend(bytes_of(&entry.path())),
            false => all.push(fs::read(entry.path()).expect("reads")),
        }
    }
    all
}

fn stands_in(folder: &Path, byte: u8) -> bool {
    bytes_of(folder).iter().any(|file| file.chunks(64).any(|chunk| chunk == [byte; 64]))
}

#[test]
fn deleted_bytes_are_gone_from_every_file_when_the_commit_returns() {
    // REL-31.
    let folder = tempfile::tempdir().expect("makes a folder");
    let mut store = open(folder.path());
    let ops = [create(1), create(2), append(1, 0xa1), append(1, 0xa2), append(2, 0xa3), put_invite(1, 0xa4)];
    store.commit(&ops).expect("commits");
    store.commit(&[put_invite(2, 0xa6), put_chunk(4, 0xa7)]).expect("commits");
    assert!((0xa1..=0xa7).filter(|byte| *byte != 0xa5).all(|byte| stands_in(folder.path(), byte)));
    let owner = |n| OwnerId::from_bytes([n; 32]);
    let gone = [
        Op::Ack { queue: queue(1), upto: Seq((1 << 32) + 1) },
        Op::Close { read: read(2) },
        Op::Invite(InviteOp::Revoke { owner: owner(1) }),
        put_invite(2, 0xa5),
        Op::Blob(BlobOp::Drop { owner: owner(4) }),
    ];
    let outcomes = store.commit(&gone).expect("commits");
    assert!(outcomes.iter().all(|outcome| !matches!(outcome, Outcome::Refused(_))), "{outcomes:?}");
    for byte in [0xa1, 0xa3, 0xa4, 0xa6, 0xa7] {
        assert!(!stands_in(folder.path(), byte), "{byte:x} is still there");
    }
    assert!(stands_in(folder.path(), 0xa2) && stands_in(folder.path(), 0xa5), "and the others are not");
    store.commit(&[Op::Sweep { today: Day(31), budget: 100 }]).expect("commits");
    assert!(!stands_in(folder.path(), 0xa2) && !stands_in(folder.path(), 0xa5), "expired is gone too");
    // Names as well: of the closed queue and the expired invite, and of the dropped blob.
    for id in [2, 4] {
        let named = |file: &Vec<u8>| file.windows(32).any(|window| window == [id; 32]);
        assert!(!bytes_of(folder.path()).iter().any(named), "the id {id} is still there");
    }
}

#[test]
fn a_second_process_on_the_same_store_is_refused() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let store = open(folder.path());
    let second = SlabStore::open(folder.path(), SMALL, limits());
    assert!(matches!(second, Err(OpenError::InUse)));
    assert!(matches!(inspect(folder.path(), 1), Err(OpenError::InUse)));
    store.close().expect("closes");
    assert!(SlabStore::open(folder.path(), SMALL, limits()).is_ok());
}

#[test]
fn a_store_that_lost_a_file_or_a_part_of_one_is_not_served_as_an_empty_one() {
    for file in ["MANIFEST", "records.slab", "cells.slab", "chunks.slab"] {
        let folder = tempfile::tempdir().expect("makes a folder");
        let mut store = open(folder.path());
        store.commit(&[create(1), append(1, 1), put_chunk(2, 2)]).expect("commits");
        store.close().expect("closes");
        let path = folder.path().join(file);
        let whole = fs::read(&path).expect("reads");
        let lost = |what: &str| match SlabStore::open(folder.path(), SMALL, limits()) {
            Err(OpenError::Lost { file: named }) => assert_eq!(named, file, "{what}"),
            Err(OpenError::Damaged(_)) if what != "missing" => {}
            other => panic!("{file} {what}: {other:?}"),
        };
        fs::remove_file(&path).expect("removes");
        lost("missing");
        assert!(!path.exists(), "nothing was created in its place");
        fs::write(&path, []).expect("writes");
        lost("empty");
        fs::write(&path, &whole[..whole.len() / 2]).expect("writes");
        lost("cut in half");
        fs::write(&path, &whole).expect("writes");
        assert!(SlabStore::open(folder.path(), SMALL, limits()).is_ok(), "{file}");
    }
}

#[test]
fn a_store_with_the_records_of_another_is_refused() {
    let (folder, other) = (tempfile::tempdir().expect("makes"), tempfile::tempdir().expect("makes"));
    open(folder.path()).close().expect("closes");
    open(other.path()).close().expect("closes");
    fs::copy(other.path().join("records.slab"), folder.path().join("records.slab")).expect("copies");
    let opened = SlabStore::open(folder.path(), SMALL, limits());
    assert!(matches!(opened, Err(OpenError::Lost { file: "records.slab" })));
}

#[test]
fn a_store_of_a_newer_version_is_refused_and_says_so() {
    let folder = tempfile::tempdir().expect("makes a folder");
    open(folder.path()).close().expect("closes");
    let path = folder.path().join("MANIFEST");
    let newer = fs::read_to_string(&path).expect("reads").replace("format 2", "format 3");
    fs::write(&path, newer).expect("writes");
    let error = SlabStore::open(folder.path(), SMALL, limits()).expect_err("is newer");
    assert!(matches!(error, OpenError::Newer { format: 3 }));
    assert!(error.to_string().contains("newer version"));
}

fn on_disks(folder: &Path, records: &MemDisk, cells: &MemDisk, chunks: &MemDisk) -> SlabStore {
    let disks = |_| {
        let [records, cells, chunks] = [records, cells, chunks].map(|disk| Arc::new(disk.clone()));
        Ok(Disks { records, cells, chunks })
    };
    SlabStore::open_on(folder, SMALL, Limits::default(), disks).expect("opens")
}

#[test]
fn a_full_disk_refuses_new_things_and_still_takes_acknowledgements() {
    // REL-58.
    let folder = tempfile::tempdir().expect("makes a folder");
    let (records, cells, chunks) = (MemDisk::new(), MemDisk::new(), MemDisk::new());
    let mut store = on_disks(folder.path(), &records, &cells, &chunks);
    cells.fill_up(Some(Slab::<CELL_LEN>::GROUP_LEN));
    store.commit(&[create(1)]).expect("commits");
    let many: Vec<_> = (0..64).map(|byte| append(1, byte)).collect();
    let outcomes = store.commit(&many).expect("commits");
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Appended(_))));
    let full = Outcome::Refused(Refusal::Storage);
    let refused = store.commit(&[append(1, 1), put_invite(1, 1)]).expect("commits");
    assert_eq!(refused, [full.clone(), full]);
    let upto = Seq((1 << 32) + 1);
    let ack = [Op::Ack { queue: queue(1), upto }];
    assert_eq!(store.commit(&ack).expect("commits"), [Outcome::Done]);
    assert!(matches!(store.commit(&[append(1, 1)]).expect("commits")[..], [Outcome::Appended(_)]));
}

#[test]
fn a_disk_below_its_reserve_opens_no_queue_and_keeps_serving_the_others() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let mut store = open(folder.path());
    store.commit(&[create(1), append(1, 1)]).expect("commits");
    store.close().expect("closes");
    let settings = StoreSettings { reserve: u64::MAX, ..SMALL };
    let mut store = SlabStore::open(folder.path(), settings, limits()).expect("opens");
    let full = Outcome::Refused(Refusal::Storage);
    let ops = [create(2), create(1), put_invite(1, 1), append(1, 2)];
    let outcomes = store.commit(&ops).expect("commits");
    assert_eq!(outcomes[0], full);
    assert!(matches!(outcomes[1], Outcome::Opened { last: Some(_) }));
    assert_eq!(outcomes[2], full);
    assert!(matches!(outcomes[3], Outcome::Appended(_)), "into a slot that is already there");
}

#[test]
fn a_failed_sync_answers_nothing() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let (records, cells, chunks) = (MemDisk::new(), MemDisk::new(), MemDisk::new());
    let mut store = on_disks(folder.path(), &records, &cells, &chunks);
    store.commit(&[create(1)]).expect("commits");
    cells.fail_syncs();
    assert_eq!(store.commit(&[append(1, 1)]), Err(StoreFault::Io));
}

#[test]
fn a_power_cut_keeps_what_was_acknowledged_and_leaves_no_slot_without_owner() {
    // REL-28.
    for seed in 0..24 {
        let folder = tempfile::tempdir().expect("makes a folder");
        let (records, cells, chunks) = (MemDisk::new(), MemDisk::new(), MemDisk::new());
        let mut store = on_disks(folder.path(), &records, &cells, &chunks);
        store.commit(&[create(1), append(1, 1), append(1, 2), put_invite(1, 3)]).expect("commits");
        let upto = Seq((1 << 32) + 1);
        store.commit(&[Op::Ack { queue: queue(1), upto }, append(1, 4)]).expect("commits");
        // The power fails inside a commit: written, not synced, not answered.
        cells.fail_syncs();
        let ops = [append(1, 5), create(2), append(2, 6), put_invite(2, 7), Op::Close { read: read(9) }];
        assert!(store.commit(&ops).is_err());
        drop(store);
        records.cut_at_sectors(seed);
        cells.cut(seed);
        chunks.cut(seed);
        let (records, cells, chunks) = (records.repaired(), cells.repaired(), chunks.repaired());
        let mut store = on_disks(folder.path(), &records, &cells, &chunks);
        let found = store.reader().cells(queue(1), Seq(0), 9).expect("reads");
        let bytes: Vec<_> = found.iter().map(|(_, cell)| cell.as_bytes()[0]).collect();
        assert!(bytes == [2, 4] || bytes == [2, 4, 5], "seed {seed}: {bytes:?}");
        let outcomes = store.commit(&[take_invite(1, 1), take_invite(2, 1), append(2, 8)]).expect("commits");
        let missing = Outcome::Refused(Refusal::Missing);
        // No record had even been written when the bodies' sync failed.
        assert_eq!(outcomes, [Outcome::Bundle(cell(3)), missing.clone(), missing], "seed {seed}");
        for byte in [1, 6, 7] {
            assert!(!cells.has_sector(&[byte; 64]), "seed {seed}: bytes {byte} are left");
        }
    }
}

/// An operation on a small world, as data.
fn any_op() -> impl Strategy<Value = Op> {
    let n = || 1u8..4;
    let day = || (0u32..100).prop_map(Day);
    let owner = |n| OwnerId::from_bytes([n; 32]);
    prop_oneof![
        4 => (n(), n(), day()).prop_map(|(q, r, renew)| {
            Op::Open { queue: queue(q), read: read(r), admit: Admit::OPEN, renew }
        }),
        8 => (n(), any::<u8>(), day()).prop_map(|(q, byte, expires)| {
            Op::Append { queue: queue(q), cell: cell(byte), expires }
        }),
        4 => (n(), 1u64..4, 0u64..8).prop_map(|(q, boot, seq)| {
            Op::Ack { queue: queue(q), upto: Seq((boot << 32) + seq) }
        }),
        1 => (n(), n()).prop_map(|(a, b)| Op::RotateRead { read: read(a), to: read(b) }),
        1 => n().prop_map(|r| Op::Close { read: read(r) }),
        4 => (n(), n(), any::<bool>(), day(), any::<u8>()).prop_map(move |(i, o, once, expires, byte)| {
            let kind = if once { InviteKind::OneTime } else { InviteKind::Address };
            let (id, bundle) = (InviteId::from_bytes([i; 32]), cell(byte));
            Op::Invite(InviteOp::Put { id, owner: owner(o), kind, expires, bundle, admit: Admit::OPEN })
        }),
        3 => (n(), n()).prop_map(|(i, claim)| take_invite(i, claim)),
        1 => n().prop_map(move |o| Op::Invite(InviteOp::Check { owner: owner(o) })),
        1 => n().prop_map(move |o| Op::Invite(InviteOp::Revoke { owner: owner(o) })),
        3 => (n(), n(), 0u32..3, day(), any::<u8>()).prop_map(move |(b, o, index, expires, byte)| {
            let chunk = Chunk::from_vec(vec![byte; CHUNK_LEN]).expect("is a chunk");
            let blob = BlobId::from_bytes([b; 32]);
            Op::Blob(BlobOp::Put { blob, owner: owner(o), index, of: 3, expires, chunk, admit: Admit::OPEN })
        }),
        1 => n().prop_map(move |o| Op::Blob(BlobOp::Drop { owner: owner(o) })),
        2 => (0u32..70).prop_map(|today| Op::Sweep { today: Day(today), budget: 1_000 }),
    ]
}

/// All that a reader sees.
fn seen(reader: &impl StoreRead) -> Vec<(u8, Seq, Cell)> {
    let cells = |n| {
        let cells = reader.cells(queue(n), Seq(0), 100).expect("reads");
        cells.into_iter().map(move |(seq, cell)| (n, seq, cell))
    };
    (1..4).flat_map(cells).collect()
}

fn chunks_seen(reader: &impl StoreRead) -> Vec<Option<Chunk>> {
    let blobs = (1..4).flat_map(|n| (0..3).map(move |index| (BlobId::from_bytes([n; 32]), index)));
    blobs.map(|(blob, index)| reader.chunk(blob, index).expect("reads")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_life_of_the_store_is_that_of_its_model(
        commits in prop::collection::vec((prop::collection::vec(any_op(), 1..12), 0u8..8), 1..10),
    ) {
        let folder = tempfile::tempdir().expect("makes a folder");
        let mut store = open(folder.path());
        let mut model = MemStore::new(limits());
        for (ops, end) in commits {
            prop_assert_eq!(store.commit(&ops).expect("commits"), model.commit(&ops).expect("commits"));
            if end < 2 {
                if end == 0 { store.close().expect("closes") } else { drop(store) }
                store = open(folder.path());
                model = model.reopen();
            }
            prop_assert_eq!(seen(&store.reader()), seen(&model.reader()));
            prop_assert_eq!(chunks_seen(&store.reader()), chunks_seen(&model.reader()));
            // What is expired may be erased early, and then is no longer known: compare after a sweep.
            let sweep = [Op::Sweep { today: Day(0), budget: 1_000 }];
            prop_assert_eq!(store.commit(&sweep).expect("commits"), model.commit(&sweep).expect("commits"));
            let (known, modelled) = (store.knowledge(100), model.knowledge(100));
            prop_assert_eq!(&known.tables, &modelled.tables);
            prop_assert_eq!((known.cell_count, known.cells), (modelled.cell_count, modelled.cells));
        }
    }
}
