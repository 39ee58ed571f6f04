//! The real binary under load from many connections, ended at random moments: by `kill -9`, and by power cuts under its
//! whole data folder.
//!
//! Spec: docs/spec/relay.md, "Queues", "Invites"; docs/adr/0011-records-in-a-slab.md. Invariant: the seed is printed;
//! SUBROSA_SEED repeats a run (of the choices, not of the scheduler), SUBROSA_ROUNDS makes it longer: 500 is the long form of
//! the kills, 10,000 of the cuts.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]
#![allow(unreachable_pub, reason = "modules of tests")]

mod crowd;
mod support;

use std::time::{Duration, Instant};

use crowd::{Relay, Shared, rush, settle};
use rustix::process::Signal;
use subrosa_lossyfs::{Fault, LossyFs, On, Volume, Weather, inside_namespace};

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn of_run() -> Self {
        let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let seed = number("SUBROSA_SEED").unwrap_or(clock.as_nanos() as u64);
        println!("SUBROSA_SEED={seed}");
        Self(seed)
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test]
async fn kill_9_under_load_breaks_no_promise() {
    let rounds = number("SUBROSA_ROUNDS").unwrap_or(20);
    let mut dice = Dice::of_run();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let shared = Shared::default();
    let mut relay = Relay::start(&data);
    settle(&relay, &shared).await;
    let (begun, mut opening) = (Instant::now(), Duration::ZERO);
    for _ in 0..rounds {
        let pause = Duration::from_millis(dice.roll(250));
        let kill = async {
            tokio::time::sleep(pause).await;
            relay.signal(Signal::KILL);
        };
        rush(&relay, &shared, kill).await;
        drop(relay);
        let start = Instant::now();
        relay = Relay::start(&data);
        opening += start.elapsed();
        let mut ledger = std::mem::take(&mut *shared.ledger());
        ledger.check(&relay).await;
        *shared.ledger() = ledger;
    }
    let (each, opening) = (begun.elapsed() / rounds as u32, opening / rounds as u32);
    println!(
        "{rounds} kills, {} promises, {each:?} each, of which a start {opening:?}",
        shared.ledger().promises
    );
    let (code, words) = relay.end(Some(Signal::TERM));
    assert_eq!(code, Some(0), "{words}");
    let report = subrosa_relay::store::check(&data).unwrap();
    assert!(report.clean && report.is_sound() && report.unfinished == 0, "{report:?}");
}

type Strike = fn(&LossyFs);

/// What a disk does to a relay at work, and with which code it ends; `None` when it goes on.
const FAULTS: &[(&str, Option<i32>, Strike)] = &[
    ("a sync of the bodies fails", Some(74), |mount| mount.fail(Fault::broken(On::Sync, "cells.slab", 20))),
    ("a sync of the records fails", Some(74), |mount| mount.fail(Fault::broken(On::Sync, "records.slab", 5))),
    ("a write of a body fails", Some(74), |mount| mount.fail(Fault::broken(On::Write, "cells.slab", 150))),
    ("a write of a record fails", Some(74), |mount| mount.fail(Fault::broken(On::Write, "records.slab", 9))),
    ("a chunk can't be written", Some(74), |mount| mount.fail(Fault::broken(On::Write, "chunks.slab", 4))),
    ("a body can't be read", Some(74), |mount| mount.fail(Fault::broken(On::Read, "cells.slab", 0))),
    ("the disk is full", None, |mount| mount.fill_up(3 << 20)),
    ("the disk is slow", None, |mount| mount.slow(Duration::from_millis(30))),
];

/// D12.
#[tokio::test]
async fn d12_a_faulty_disk_ends_the_relay_or_refuses_and_never_breaks_a_promise() {
    if !inside_namespace("d12_a_faulty_disk_ends_the_relay_or_refuses_and_never_breaks_a_promise") {
        return;
    }
    let at = tempfile::tempdir().unwrap();
    let data = at.path().join("data");
    let shared = Shared::default();
    let mount = LossyFs::mount(at.path(), Volume::new()).unwrap();
    let relay = Relay::start(&data);
    settle(&relay, &shared).await;
    relay.end(Some(Signal::TERM));
    for (what, expected, fault) in FAULTS {
        let relay = Relay::start(&data);
        let strike = async {
            fault(&mount);
            tokio::time::sleep(Duration::from_millis(700)).await;
        };
        rush(&relay, &shared, strike).await;
        let (code, words) = relay.end(expected.is_none().then_some(Signal::TERM));
        assert_eq!(code, Some(expected.unwrap_or(0)), "{what}: {words}");
        if expected.is_some() {
            assert!(words.contains("disk failed"), "{what}: {words}");
        }
        mount.mend();
        let relay = Relay::start(&data);
        let mut ledger = std::mem::take(&mut *shared.ledger());
        ledger.check(&relay).await;
        println!("{what}: {:?}, {} promises", expected, ledger.promises);
        *shared.ledger() = ledger;
        relay.end(Some(Signal::TERM));
    }
}

/// Lives of the real binary on a disk that loses power. One in four cuts falls into the start of the next life.
#[tokio::test]
async fn power_cuts_under_the_real_binary_break_no_promise() {
    if !inside_namespace("power_cuts_under_the_real_binary_break_no_promise") {
        return;
    }
    let rounds = number("SUBROSA_ROUNDS").unwrap_or(40);
    let mut dice = Dice::of_run();
    let at = tempfile::tempdir().unwrap();
    let data = at.path().join("data");
    let shared = Shared::default();
    let mount = LossyFs::mount(at.path(), Volume::new()).unwrap();
    let relay = Relay::start(&data);
    settle(&relay, &shared).await;
    relay.end(Some(Signal::TERM));
    let mut volume = mount.unmount().unwrap();
    let (begun, mut cuts, mut at_start) = (Instant::now(), 0, 0);
    while cuts < rounds {
        let mount = LossyFs::mount(at.path(), volume).unwrap();
        if dice.roll(4) == 0 {
            mount.cut_after(1 + dice.roll(12));
        }
        match Relay::try_start(&data) {
            Err(_) if mount.is_cut() => at_start += 1,
            Ok(_) if mount.is_cut() => at_start += 1,
            Err((code, words)) => panic!("it does not start: {code:?} {words}"),
            Ok(relay) => {
                mount.cut_after(1 << 40);
                let more = 1 + dice.roll(1_500);
                let cut = async {
                    mount.cut_after(more);
                    let deadline = Instant::now() + Duration::from_secs(5);
                    while !mount.is_cut() && Instant::now() < deadline {
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                    mount.cut();
                };
                rush(&relay, &shared, cut).await;
                let (code, words) = relay.end(Some(Signal::KILL));
                assert!(code.is_none_or(|code| code == 74), "{code:?} {words}");
            }
        }
        cuts += 1;
        let seed = dice.roll(u64::MAX);
        volume = mount.unmount().unwrap().survivors(Weather::of(seed), seed);
        let mount = LossyFs::mount(at.path(), volume).unwrap();
        let relay = Relay::start(&data);
        let mut ledger = std::mem::take(&mut *shared.ledger());
        println!("cut {cuts}: {:?}, seed {seed}, {} promises", Weather::of(seed), ledger.promises);
        ledger.check(&relay).await;
        *shared.ledger() = ledger;
        relay.end(Some(if dice.roll(2) == 0 { Signal::TERM } else { Signal::KILL }));
        let report = subrosa_relay::store::check(&data).unwrap();
        assert!(report.is_sound(), "{report:?}");
        volume = mount.unmount().unwrap();
    }
    let each = begun.elapsed() / u32::try_from(cuts).unwrap();
    println!(
        "{cuts} cuts, {at_start} of them in a start, {} promises, {each:?} each",
        shared.ledger().promises
    );
}
