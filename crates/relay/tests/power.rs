//! Power cuts under the store: every act on its files is recorded through a file system that loses power, and the
//! store is opened again on what each of many cuts leaves.
//!
//! Spec: docs/adr/0002-slabs-and-sled.md, "Proofs". Invariant: the seed is printed; SUBROSA_SEED repeats a run,
//! SUBROSA_ROUNDS is the number of cuts (10,000 is the long form).
//!
//! One life of a store is recorded once and cut many times, in this process: the store is the real one, on
//! real files; the relay's process is cut in `campaign.rs`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

#[allow(unreachable_pub, reason = "shared by tests")]
mod history;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use history::{Facts, History, Life, bundles_in, facts, limits, tags_in};
use subrosa_lossyfs::{LossyFs, Volume, Weather, inside_namespace};
use subrosa_relay::store::{SlabStore, StoreSettings};
use subrosa_relay_core::Store;

const SMALL: StoreSettings = StoreSettings { grow: 1, reserve: 0 };

/// Cuts of one life.
const CUTS: u64 = 25;

fn open(folder: &Path) -> SlabStore {
    SlabStore::open(folder, SMALL, limits()).unwrap()
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What is known of a recorded life: the acts, and what the store had promised when.
struct Recorded {
    base: Volume,
    acts: Vec<subrosa_lossyfs::Act>,
    life: Life,
}

/// Records one life on an empty disk.
fn record(seed: u64, at: &Path) -> Recorded {
    let mount = LossyFs::mount(at, Volume::new()).unwrap();
    let folder = at.join("data");
    mount.record();
    std::fs::create_dir(&folder).unwrap();
    let mut history = History::new(seed);
    let mut store = open(&folder);
    // A folder's own name is its maker's to sync; the store synced its parent when it was created.
    history.reached(mount.acts());
    for _ in 0..history.commits() {
        if let Some(orderly) = history.restarts() {
            if orderly {
                store.close().unwrap()
            } else {
                drop(store)
            }
            store = open(&folder);
        }
        let ops = history.next();
        let outcomes = store.commit(&ops).unwrap();
        history.committed(&ops, &outcomes, mount.acts());
    }
    drop(store);
    let (base, acts) = mount.recorded().unwrap();
    mount.unmount().unwrap();
    Recorded { base, acts, life: history.life() }
}

/// One cut: what is left is opened, and must be what was promised.
fn judge(volume: &Volume, life: &Life, (weather, seed): (Weather, u64)) -> (Volume, Facts) {
    let left = volume.survivors(weather, seed);
    let folder = tempfile::tempdir().unwrap();
    left.unpack(folder.path()).unwrap();
    let data = folder.path().join("data");
    let note = format!("cut after act {}, {weather:?}, seed {seed}", volume.acts());
    let allowed = life.allowed(volume.acts());
    if !data.exists() {
        assert!(!life.promised(volume.acts()), "{note}: the folder is gone");
        return (left, Facts::new());
    }
    let store = match SlabStore::open(&data, SMALL, limits()) {
        Ok(store) => store,
        Err(error) => panic!("{note}: it does not open: {error}"),
    };
    let mut found = facts(&store);
    found.extend(bundles_in(&data));
    let keys: BTreeSet<_> = allowed.iter().flat_map(BTreeMap::keys).chain(found.keys()).collect();
    for key in keys {
        let may: BTreeSet<_> = allowed.iter().map(|facts| facts.get(key)).collect();
        assert!(may.contains(&found.get(key)), "{note}: {key} is {:?}, may be {may:?}", found.get(key));
    }
    let dead: Vec<_> = tags_in(&data).into_iter().filter(|tag| !found.values().any(|v| v == tag)).collect();
    assert!(dead.is_empty(), "{note}: bytes of bodies that are gone are left: {dead:?}");
    (left, found)
}

/// The recovery itself is cut: it must end where it would have ended.
fn judge_recovery(left: Volume, expected: &Facts, at: &Path, seed: u64) {
    let mount = LossyFs::mount(at, left).unwrap();
    mount.record();
    drop(open(&at.join("data")));
    let (mut volume, acts) = mount.recorded().unwrap();
    mount.unmount().unwrap();
    let life = Life::settled(expected.clone());
    let from = seed % (acts.len() as u64).max(1);
    for (number, act) in (0..).zip(&acts) {
        volume.act(act);
        if number == from {
            judge(&volume, &life, (Weather::of(seed), seed));
        }
    }
}

#[test]
fn every_recorded_power_cut_leaves_a_store_that_keeps_its_promises() {
    const NAME: &str = "every_recorded_power_cut_leaves_a_store_that_keeps_its_promises";
    if !inside_namespace(NAME) {
        return;
    }
    let cuts = number("SUBROSA_ROUNDS").unwrap_or(150);
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seed = number("SUBROSA_SEED").unwrap_or(clock.as_nanos() as u64);
    println!("SUBROSA_SEED={seed}");
    let (begun, mut done, mut recoveries, mut all_acts) = (Instant::now(), 0, 0, 0);
    let at = tempfile::tempdir().unwrap();
    for life in 0.. {
        if done >= cuts {
            break;
        }
        let seed = seed.wrapping_add(life * 0x9e37_79b9);
        let recorded = record(seed, at.path());
        all_acts += recorded.acts.len();
        let mut places: Vec<_> =
            (0..CUTS).map(|n| history::mix(seed ^ n) % recorded.acts.len() as u64).collect();
        places.sort_unstable();
        let mut volume = recorded.base;
        for (number, act) in (0..).zip(&recorded.acts) {
            volume.act(act);
            for cut in places
                .iter()
                .filter(|place| **place == number)
                .map(|_| history::mix(seed ^ done))
                .collect::<Vec<_>>()
            {
                let (left, found) = judge(&volume, &recorded.life, (Weather::of(cut), cut));
                done += 1;
                if !found.is_empty() && done % 8 == 0 {
                    judge_recovery(left, &found, at.path(), cut);
                    recoveries += 1;
                }
            }
        }
    }
    let each = begun.elapsed() / u32::try_from(done + recoveries).unwrap();
    println!("{done} cuts in {all_acts} recorded acts, {recoveries} cuts of a recovery; {each:?} each");
}
