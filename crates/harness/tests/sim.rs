//! The simulation: it repeats itself, finds nothing in the product, and finds what is planted.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use clap::ValueEnum;
use subrosa_harness::{Act, Fault, Plant, Point, Report, Scenario, Seed, Setting, Wish, plan, run, shrink};

fn wish(seed: u64, days: u64, faults: &[Fault]) -> Wish {
    Wish { seed: Seed(seed), people: 3, relays: 2, days, faults: faults.iter().copied().collect() }
}

fn setting(seed: u64, plant: Option<Plant>) -> Setting {
    Setting { seed: Seed(seed), people: 3, relays: 2, plant, keep_trace: false }
}

fn simulate(seed: u64, days: u64, faults: &[Fault]) -> Report {
    run(setting(seed, None), &plan(&wish(seed, days, faults)))
}

/// Faults that take nothing away for longer than a restart.
const MILD: [Fault; 4] = [Fault::Network, Fault::Crash, Fault::RelayCrash, Fault::Replay];

#[test]
fn one_seed_gives_one_trace() {
    let (one, two) = (simulate(7, 2, &MILD), simulate(7, 2, &MILD));
    assert_eq!(one.hash, two.hash);
    assert_ne!(one.hash, simulate(8, 2, &MILD).hash);
}

#[test]
fn two_processes_give_one_trace() {
    let hash = || {
        let args =
            ["sim", "--seed", "7", "--days", "2", "--faults", "network,crash,relay-crash,replay", "--json"];
        let out = Command::new(env!("CARGO_BIN_EXE_subrosa-harness")).args(args).output().expect("it starts");
        let line: serde_json::Value = serde_json::from_slice(&out.stdout).expect("a line of JSON");
        line["hash"].as_str().expect("a hash").to_owned()
    };
    let (one, two) = (hash(), hash());
    assert_eq!(one, two);
    assert_eq!(one, simulate(7, 2, &MILD).hash, "and the library gives the same");
}

#[test]
fn nothing_goes_wrong_without_faults_and_with_mild_ones() {
    for (seed, faults) in [(1, &[][..]), (2, &MILD[..]), (3, &MILD[..])] {
        let report = simulate(seed, 3, faults);
        assert_eq!(report.violation, None, "seed {seed}");
        assert!(
            report.tally.texts > 0 && report.tally.cells > report.tally.texts / 2,
            "people wrote: {report:?}"
        );
    }
}

#[test]
fn every_shipped_scenario_goes_well() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("scenarios") {
        let file = entry.expect("a file").path();
        let scenario = Scenario::parse(&fs::read_to_string(&file).expect("text")).expect("a scenario");
        let report = scenario.play();
        assert_eq!(report.violation, None, "{}: {}", file.display(), scenario.about);
        // A scenario in which nobody could write would go well, too.
        let sends = scenario.act.iter().filter(|act| matches!(act, Act::Send { .. })).count() as u64;
        let ends = |act: &&Act| matches!(act, Act::Crash { at: Point::BeforeCommit, .. });
        let crashes = scenario.act.iter().filter(ends).count() as u64;
        assert!(report.tally.texts + crashes >= sends, "{}: {} texts", file.display(), report.tally.texts);
        count += 1;
    }
    assert!(count >= 14, "{count} scenarios");
}

#[test]
fn a_scenario_with_an_unknown_word_or_person_is_refused() {
    let ok = "about = \"\"\npeople = 2\nact = [{ do = \"quiesce\" }]";
    assert!(Scenario::parse(ok).is_ok());
    assert!(Scenario::parse(&ok.replace("quiesce", "explode")).is_err());
    assert!(Scenario::parse(&ok.replace("people", "poeple")).is_err());
    assert!(Scenario::parse(&ok.replace("{ do = \"quiesce\" }", "{ do = \"accept\", who = 2 }")).is_err());
}

/// The first seed below `seeds` at which a planted defect shows, with the faults that it needs.
fn found(plant: Plant, seeds: u64) -> Option<u64> {
    let mut faults: BTreeSet<Fault> = MILD.into_iter().collect();
    if plant == Plant::OutboxTrustsRelay {
        faults.insert(Fault::DiskLoss);
    }
    if matches!(plant, Plant::ExpiresTooEarly | Plant::FullIsFine | Plant::AckErasesQueue) {
        faults.insert(Fault::Offline);
    }
    let fails = |seed: &u64| {
        let wish = Wish { seed: Seed(*seed), people: 3, relays: 2, days: 4, faults: faults.clone() };
        run(setting(*seed, Some(plant)), &plan(&wish)).violation.is_some()
    };
    (1..=seeds).find(fails)
}

#[test]
fn every_planted_defect_is_found() {
    let hidden: Vec<_> = Plant::value_variants().iter().filter(|plant| found(**plant, 6).is_none()).collect();
    assert!(hidden.is_empty(), "not found: {hidden:?}");
}

#[test]
fn a_failing_run_is_shrunk_to_one_that_still_fails() {
    let plant = Some(Plant::SeenForgotten);
    let steps = plan(&wish(1, 2, &[]));
    assert!(run(setting(1, plant), &steps).violation.is_some());
    let few = shrink(setting(1, plant), &steps, std::time::Duration::from_secs(20));
    assert!(few.len() < steps.len() / 2, "{} of {}", few.len(), steps.len());
    assert!(run(setting(1, plant), &few).violation.is_some());
}
