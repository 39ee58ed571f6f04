//! Slabs under torn and lost writes: the promise of docs/adr/0002-slabs-and-sled.md is that a torn pair is a free slot.

use std::collections::HashMap;

use super::*;

const BODY: usize = 4096;
type Cells = Slab<BODY>;

fn header(seq: u64) -> Header {
    Header { kind: 1, expires: 20_000, seq, owner: [7; 32] }
}

fn body(seq: u64) -> [u8; BODY] {
    let mut body = [0; BODY];
    for (i, chunk) in body.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        *chunk = (seq.wrapping_mul(0x0101_0101_0101) + i as u64 + 1).to_le_bytes();
    }
    body
}

/// Whether any sector of the body stands on the disk.
fn remains(disk: &MemDisk, seq: u64) -> bool {
    body(seq).chunks(512).any(|sector| disk.has_sector(&sector[..16]))
}

fn open(disk: &MemDisk, scan: Scan) -> (Cells, HashMap<u64, Slot>) {
    let mut found = HashMap::new();
    let slab =
        Slab::open(Arc::new(disk.clone()), 0, scan, |slot, header| found.insert(header.seq, slot).is_none())
            .expect("opens");
    (slab, found)
}

#[test]
fn a_body_is_read_back_after_a_reopen() {
    let disk = MemDisk::new();
    let (mut slab, _) = open(&disk, Scan::Headers);
    for seq in 1..=100 {
        slab.put(&header(seq), &body(seq)).expect("fits");
    }
    slab.sync().expect("syncs");
    for scan in [Scan::Headers, Scan::Bodies] {
        let (slab, found) = open(&disk, scan);
        assert_eq!(found.len(), 100);
        assert_eq!(slab.slots(), 128);
        assert_eq!(slab.free(), 28);
        let read = slab.reader().read(found[&42], &header(42)).expect("reads").expect("is whole");
        assert_eq!(read, body(42));
    }
}

#[test]
fn an_erased_slot_is_zero_and_is_used_again_only_after_a_sync() {
    let disk = MemDisk::new();
    let (mut slab, _) = open(&disk, Scan::Headers);
    let slots: Vec<_> = (0..64).map(|seq| slab.put(&header(seq), &body(seq)).expect("fits")).collect();
    slab.sync().expect("syncs");
    slab.erase(slots[5]).expect("erases");
    let other = slab.put(&header(64), &body(64)).expect("grows");
    assert_ne!(other, slots[5]);
    slab.sync().expect("syncs");
    assert!(!remains(&disk, 5));
    let mut reused = (0..64).map(|seq| slab.put(&header(100 + seq), &body(seq)).expect("fits"));
    assert!(reused.any(|slot| slot == slots[5]));
}

#[test]
fn a_reader_never_takes_another_body_for_the_one_it_asked_for() {
    let disk = MemDisk::new();
    let (mut slab, _) = open(&disk, Scan::Headers);
    let slot = slab.put(&header(1), &body(1)).expect("fits");
    slab.sync().expect("syncs");
    assert_eq!(slab.reader().read(slot, &header(2)).expect("reads"), None);
    disk.write_at(&[0xff], Cells::body_at(slot) + 9).expect("writes");
    assert_eq!(slab.reader().read(slot, &header(1)).expect("reads"), None);
}

#[test]
fn a_full_disk_refuses_and_erasing_makes_room() {
    let disk = MemDisk::new();
    let (mut slab, _) = open(&disk, Scan::Headers);
    disk.fill_up(Some(Cells::GROUP_LEN));
    let slots: Vec<_> = (0..64).map(|seq| slab.put(&header(seq), &body(seq)).expect("fits")).collect();
    assert!(matches!(slab.put(&header(64), &body(64)), Err(PutError::Full)));
    slab.erase(slots[0]).expect("erases");
    slab.sync().expect("syncs");
    assert!(slab.put(&header(64), &body(64)).is_ok());
}

/// One life of a slab: random puts, erases and syncs, then a power cut. What was synced must be there, what was
/// erased and synced must be gone, and everything else is there whole or not at all.
fn one_life(seed: u64) {
    let disk = MemDisk::new();
    let (mut slab, _) = open(&disk, Scan::Headers);
    let mut rng = seed;
    let (mut synced, mut pending, mut erasing) = (HashMap::new(), HashMap::new(), Vec::new());
    for seq in 1..80 {
        rng = rng.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        match (rng >> 33) % 8 {
            0 => {
                slab.sync().expect("syncs");
                synced.extend(pending.drain());
                for seq in erasing.drain(..) {
                    assert!(!remains(&disk, seq), "seed {seed}: an erased body is still on the disk");
                }
            }
            1 | 2 => {
                let victim = synced.keys().copied().min();
                if let Some(victim) = victim {
                    slab.erase(synced.remove(&victim).expect("is there")).expect("erases");
                    erasing.push(victim);
                }
            }
            _ => {
                pending.insert(seq, slab.put(&header(seq), &body(seq)).expect("fits"));
            }
        }
    }
    disk.cut(seed);
    let (slab, found) = open(&disk, Scan::Bodies);
    for (seq, slot) in &synced {
        let read = slab.reader().read(*slot, &header(*seq)).expect("reads");
        assert_eq!(read.as_deref(), Some(&body(*seq)[..]), "seed {seed}: an acknowledged body is lost");
    }
    for (seq, slot) in &found {
        let read = slab.reader().read(*slot, &header(*seq)).expect("reads");
        assert_eq!(read.as_deref(), Some(&body(*seq)[..]), "seed {seed}: a torn body was kept");
    }
    for seq in 1..80 {
        assert!(found.contains_key(&seq) || !remains(&disk, seq), "seed {seed}: bytes were left over");
    }
}

#[test]
fn a_power_cut_loses_nothing_synced_and_leaves_nothing_torn() {
    for seed in 0..40 {
        one_life(seed);
    }
}
