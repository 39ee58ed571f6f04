//! Checking, repairing, copying and restoring a store: by the library, and by the binary's commands.
//!
//! Spec: docs/guide/relay.md, "Backup, check and repair". Invariant: what is whole is never lost by any of them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]
#![allow(unreachable_pub, dead_code, reason = "modules of tests")]

mod history;

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use history::{Facts, History, bundles_in, facts, limits};
use subrosa_codec::{CELL_LEN, Cell, Day};
use subrosa_relay::store::{self, Backup, Fault, OpenError, SlabStore, StoreSettings};
use subrosa_relay_core::{InviteOp, Op, Outcome, Store, StoreRead};
use subrosa_wire::{Admit, InviteId, InviteKind, OwnerId, QueueId, ReadId, Refusal, Seq};

const SMALL: StoreSettings = StoreSettings { grow: 1, reserve: 0 };
const FILES: [&str; 4] = ["MANIFEST", "records.slab", "cells.slab", "chunks.slab"];

fn open(folder: &Path) -> SlabStore {
    SlabStore::open(folder, SMALL, limits()).unwrap()
}

fn cell(byte: u8) -> Cell {
    Cell::from_vec(vec![byte; CELL_LEN]).unwrap()
}

fn open_queue(queue: u8, read: u8) -> Op {
    let (queue, read) = (QueueId::from_bytes([queue; 32]), ReadId::from_bytes([read; 32]));
    Op::Open { queue, read, admit: Admit::OPEN, renew: Day(21_000) }
}

fn append(queue: u8, byte: u8) -> Op {
    Op::Append { queue: QueueId::from_bytes([queue; 32]), cell: cell(byte), expires: Day(30_000) }
}

/// A store with two queues, three cells and an invite, closed in order.
fn filled(folder: &Path) {
    let mut store = open(folder);
    let (id, owner) = (InviteId::from_bytes([9; 32]), OwnerId::from_bytes([8; 32]));
    let put = InviteOp::Put {
        id,
        owner,
        kind: InviteKind::Address,
        expires: Day(30_000),
        bundle: cell(5),
        admit: Admit::OPEN,
    };
    let ops = [open_queue(1, 1), open_queue(2, 2), append(1, 1), append(1, 2), append(2, 3), Op::Invite(put)];
    let outcomes = store.commit(&ops).unwrap();
    assert!(outcomes.iter().all(|outcome| !matches!(outcome, Outcome::Refused(_))), "{outcomes:?}");
    store.close().unwrap();
}

/// Changes one byte.
fn flip(path: &Path, at: u64) {
    let file = fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x55], at).unwrap();
}

/// Where the first record or slot lies whose bytes contain 16 times `byte`.
fn find(path: &Path, byte: u8) -> u64 {
    let bytes = fs::read(path).unwrap();
    bytes.windows(16).position(|window| window == [byte; 16]).unwrap() as u64
}

fn cells_of(store: &SlabStore, queue: u8) -> Vec<u8> {
    let cells = store.reader().cells(QueueId::from_bytes([queue; 32]), Seq(0), 100).unwrap();
    cells.iter().map(|(_, cell)| cell.as_bytes()[0]).collect()
}

#[test]
fn a_check_finds_each_kind_of_damage_and_none_where_none_is() {
    type Harm = fn(&Path);
    type Told = fn(&Fault) -> bool;
    let harms: [(&str, Harm, Told); 6] = [
        (
            "a record",
            |f| flip(&f.join("records.slab"), find(&f.join("records.slab"), 1)),
            |fault| matches!(fault, Fault::Record { .. }),
        ),
        (
            "a body",
            |f| flip(&f.join("cells.slab"), 4_096 + 700),
            |fault| matches!(fault, Fault::Body { file: "cells.slab", slot: 0 }),
        ),
        (
            "a header",
            |f| flip(&f.join("cells.slab"), 20),
            |fault| matches!(fault, Fault::Body { file: "cells.slab", slot: 0 }),
        ),
        (
            "a length",
            |f| fs::File::options().write(true).open(f.join("cells.slab")).unwrap().set_len(4_096).unwrap(),
            |fault| matches!(fault, Fault::Short { file: "cells.slab" }),
        ),
        (
            "bytes in a free slot",
            |f| flip(&f.join("cells.slab"), 4_096 + 60 * 4_096),
            |fault| matches!(fault, Fault::Body { slot: 60, .. }),
        ),
        (
            "the manifest",
            |f| fs::write(f.join("MANIFEST"), "no").unwrap(),
            |fault| matches!(fault, Fault::Foreign { file: "MANIFEST" }),
        ),
    ];
    for (what, harm, told) in harms {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path());
        let report = store::check(folder.path()).unwrap();
        assert!(report.is_sound() && report.clean, "{report:?}");
        assert_eq!((report.records, report.cells, report.chunks, report.unfinished), (3, 3, 0, 0));
        harm(folder.path());
        let report = store::check(folder.path()).unwrap();
        assert!(report.faults.iter().any(told), "{what}: {report:?}");
    }
    for file in FILES {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path());
        fs::remove_file(folder.path().join(file)).unwrap();
        let report = store::check(folder.path()).unwrap();
        assert!(report.faults.contains(&Fault::Missing { file }), "{report:?}");
        assert!(
            matches!(SlabStore::open(folder.path(), SMALL, limits()), Err(OpenError::Lost { file: named }) if named == file)
        );
    }
}

#[test]
fn what_is_half_written_after_a_crash_is_no_fault_and_goes_with_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let mut store = open(folder.path());
    store.commit(&[append(1, 7)]).unwrap();
    drop(store);
    // Half a header in a free slot.
    let slab = fs::File::options().write(true).open(folder.path().join("cells.slab")).unwrap();
    slab.write_all_at(&[1, 0, 9, 9, 9, 9], 50 * 64).unwrap();
    let report = store::check(folder.path()).unwrap();
    assert!(report.is_sound() && !report.clean, "{report:?}");
    assert_eq!(report.unfinished, 1);
    let store = open(folder.path());
    assert_eq!(cells_of(&store, 1), [1, 2, 7]);
    store.close().unwrap();
    assert_eq!(store::check(folder.path()).unwrap().unfinished, 0);
}

#[test]
fn a_repair_saves_every_cell_of_a_queue_whose_record_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let records = folder.path().join("records.slab");
    flip(&records, find(&records, 1));
    assert!(matches!(SlabStore::open(folder.path(), SMALL, limits()), Err(OpenError::Damaged(_))));
    let done = store::repair(folder.path()).unwrap();
    assert!(done.after.is_sound(), "{done:?}");
    assert_eq!((done.queues, done.quarantined, done.after.cells), (1, 1, 3));
    assert_eq!(fs::read_dir(folder.path().join("quarantine")).unwrap().count(), 1);
    let mut store = open(folder.path());
    // Its people come again, and find it as it was; nobody else takes it from them afterwards.
    let outcomes = store.commit(&[open_queue(1, 1), open_queue(1, 7)]).unwrap();
    assert!(matches!(outcomes[..], [Outcome::Opened { last: Some(_) }, Outcome::Refused(Refusal::Missing)]));
    assert_eq!((cells_of(&store, 1), cells_of(&store, 2)), (vec![1, 2], vec![3]));
    store.commit(&[append(1, 4)]).unwrap();
    assert_eq!(cells_of(&store, 1), [1, 2, 4], "places go on above those that were given");
}

#[test]
fn a_repair_saves_what_can_be_saved_when_a_whole_file_is_gone() {
    for file in FILES {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path());
        fs::remove_file(folder.path().join(file)).unwrap();
        let done = store::repair(folder.path()).unwrap();
        assert!(done.after.is_sound(), "{file}: {done:?}");
        let mut store = open(folder.path());
        store.commit(&[open_queue(1, 1), open_queue(2, 2)]).unwrap();
        let cells = if file == "cells.slab" { vec![] } else { vec![1, 2] };
        assert_eq!(cells_of(&store, 1), cells, "{file}");
        let take = InviteOp::Take {
            id: InviteId::from_bytes([9; 32]),
            claim: subrosa_wire::ClaimHash::from_bytes([1; 16]),
        };
        let taken = store.commit(&[Op::Invite(take)]).unwrap();
        let there = matches!(file, "MANIFEST" | "chunks.slab");
        assert_eq!(taken == [Outcome::Bundle(cell(5))], there, "{file}");
    }
}

#[test]
fn a_sound_store_is_not_touched_by_a_repair() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let bytes = || FILES.map(|file| fs::read(folder.path().join(file)).unwrap());
    let before = bytes();
    assert!(store::repair(folder.path()).unwrap().before.is_sound());
    assert_eq!(before, bytes());
}

fn all(store: &SlabStore, folder: &Path) -> Facts {
    let mut facts = facts(store);
    facts.extend(bundles_in(folder));
    facts
}

#[test]
fn a_backup_made_while_the_store_serves_is_the_store_of_its_last_moment() {
    for seed in 0..12 {
        let (folder, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut history = History::new(seed);
        let mut store = open(folder.path());
        let commit = |store: &mut SlabStore, history: &mut History| {
            let ops = history.next();
            let outcomes = store.commit(&ops).unwrap();
            history.committed(&ops, &outcomes, 0);
        };
        (0..25).for_each(|_| commit(&mut store, &mut history));
        let mut backup = Backup::begin(&mut store, folder.path(), to.path()).unwrap();
        while backup.step(&store).unwrap() {
            commit(&mut store, &mut history);
        }
        (0..5).for_each(|_| commit(&mut store, &mut history));
        backup.finish(&mut store).unwrap();
        let expected = all(&store, folder.path());
        // What comes after is not in it.
        (0..3).for_each(|_| commit(&mut store, &mut history));
        let report = store::check(to.path()).unwrap();
        assert!(report.is_sound() && report.clean && report.unfinished == 0, "seed {seed}: {report:?}");
        let copy = open(to.path());
        assert_eq!(all(&copy, to.path()), expected, "seed {seed}");
    }
}

fn run(data: &Path, words: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_subrosa-relay"));
    command.arg("--data").arg(data).args(words).env("HOME", data).env_remove("XDG_CONFIG_HOME");
    let output = command.env_remove("STATE_DIRECTORY").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_commands_check_back_up_restore_and_repair() {
    let parent = tempfile::tempdir().unwrap();
    let [data, backup, again] = ["data", "backup", "again"].map(|name| parent.path().join(name));
    assert_eq!(run(&data, &["check"]).0, 65, "there is none");
    let (code, address, words) = run(&data, &["init", "--listen", "127.0.0.1:0"]);
    assert_eq!(code, 0, "{words}");
    filled(&data);
    let (code, out, _) = run(&data, &["check"]);
    assert!(code == 0 && out.contains("cells: 3") && out.ends_with("sound\n"), "{out}");
    let to = backup.to_str().unwrap();
    let (code, out, words) = run(&data, &["backup", to, "--json"]);
    assert_eq!(code, 0, "{words}");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&json["sound"], &json["cells"]), (&true.into(), &3.into()));
    let (code, _, words) = run(&data, &["backup", to]);
    assert!(code != 0 && words.contains("not empty"), "{words}");
    assert_eq!(run(&data, &["restore", to, "--verify"]).0, 0);
    assert!(!again.exists());
    assert_eq!(run(&again, &["restore", to]).0, 0);
    assert_eq!(run(&again, &["address"]).1, address, "the same relay");
    assert_eq!(cells_of(&open(&again), 1), [1, 2]);

    flip(&data.join("records.slab"), find(&data.join("records.slab"), 1));
    let (code, out, words) = run(&data, &["check"]);
    assert!(
        code == 65 && out.contains("FAULT: record") && words.contains("subrosa-relay repair"),
        "{out}{words}"
    );
    let (code, _, words) = run(&data, &["run", "--listen", "127.0.0.1:0"]);
    assert!(code == 65 && words.contains("subrosa-relay check"), "{words}");
    assert_eq!(run(&data, &["backup", again.join("no").to_str().unwrap()]).0, 65, "damage is not copied");
    let (code, out, words) = run(&data, &["repair"]);
    assert!(code == 0 && out.contains("queues that got a new record: 1"), "{out}{words}");
    assert_eq!(run(&data, &["check"]).0, 0);
    flip(&backup.join("cells.slab"), 4_096 + 9);
    let (code, out, _) = run(&data, &["restore", to, "--verify", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["sound"]), (65, &false.into()));
}

#[test]
fn each_file_of_the_folder_in_turn_is_missed_by_its_name_or_made_anew_where_that_loses_nothing() {
    for (file, code) in [
        ("MANIFEST", 65),
        ("records.slab", 65),
        ("cells.slab", 65),
        ("chunks.slab", 65),
        ("relay.key", 65),
        ("reset.key", 0),
        ("address", 0),
        ("lock", 0),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let init = ["init", "--listen", "127.0.0.1:0"];
        assert_eq!(run(&data, &init).0, 0);
        filled(&data);
        fs::remove_file(data.join(file)).unwrap();
        let (found, _, words) = run(&data, &init);
        assert_eq!(found, code, "{file}: {words}");
        if code != 0 {
            assert!(words.contains(file), "{file}: {words}");
            assert!(!data.join(file).exists(), "nothing was made in its place");
        }
        assert_eq!(data.join("cells.slab").exists(), file != "cells.slab");
    }
}
