//! `sim`, `play` and `replay`.
//!
//! Spec: docs/ARCHITECTURE.md, "The harness". Invariant: what a tool reads is one JSON object a line on standard output.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::Seed;
use crate::plan::{Fault, Wish, plan};
use crate::plant::Plant;
use crate::run::{Report, run, shrink};
use crate::scenario::{Recording, Scenario};
use crate::world::Setting;

type Outcome = Result<bool, Box<dyn std::error::Error>>;

/// What to simulate.
#[derive(Debug, clap::Args)]
pub(super) struct Sim {
    /// The seed; for a hunt, the first of many.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many people.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(2..))]
    people: u16,
    /// How many relays they are spread over.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
    relays: u8,
    /// How many days they chat, before they are left alone and everything must come to rest.
    #[arg(long, default_value_t = 10)]
    days: u64,
    /// What goes wrong; nothing when it is left out.
    #[arg(long, value_delimiter = ',')]
    faults: Vec<Fault>,
    /// Every kind of fault.
    #[arg(long, conflicts_with = "faults")]
    all_faults: bool,
    /// Plants this defect: a simulation that finds nothing then proves nothing.
    #[arg(long)]
    plant: Option<Plant>,
    /// Tries seed after seed until one fails.
    #[arg(long)]
    hunt: bool,
    /// How long to hunt.
    #[arg(long, default_value_t = 10.0, requires = "hunt")]
    minutes: f64,
    /// How long to look for a shorter list of acts that fails, in seconds.
    #[arg(long, default_value_t = 60)]
    shrink: u64,
    /// Where a failing run is written, shrunk.
    #[arg(long)]
    record: Option<PathBuf>,
    /// JSON lines for tools.
    #[arg(long)]
    json: bool,
}

impl Sim {
    fn wish(&self, seed: Seed, any: bool) -> Wish {
        let mut faults: BTreeSet<Fault> = self.faults.iter().copied().collect();
        if self.all_faults {
            faults = Fault::value_variants().iter().copied().collect();
        }
        if any {
            // A hunt plays every other kind of the faults: together they hide each other.
            let mut dice = seed.sub("faults", 0).dice();
            faults.retain(|_| dice.one_in(2));
        }
        Wish { seed, people: self.people.into(), relays: self.relays.into(), days: self.days, faults }
    }

    fn setting(&self, seed: Seed) -> Setting {
        let (people, relays) = (self.people.into(), self.relays.into());
        Setting { seed, people, relays, plant: self.plant, keep_trace: false }
    }

    pub(super) fn run(&self) -> Outcome {
        let begin = Instant::now();
        let patience = Duration::try_from_secs_f64(self.minutes * 60.0)?;
        let (mut days, mut frames, mut runs) = (0, 0, 0);
        for n in 0.. {
            let seed = Seed(self.seed.wrapping_add(n));
            let wish = self.wish(seed, self.hunt);
            let one = Instant::now();
            let report = run(self.setting(seed), &plan(&wish));
            (days, frames, runs) = (days + report.days, frames + report.tally.frames, runs + 1);
            self.tell(&wish, &report, one.elapsed());
            if report.violation.is_some() {
                self.failed(seed, &wish, begin.elapsed())?;
                return Ok(false);
            }
            if !self.hunt || begin.elapsed() >= patience {
                break;
            }
        }
        let seconds = begin.elapsed().as_secs_f64();
        if !self.json {
            println!(
                "{runs} runs, {days} days ({} person-days) in {seconds:.1} s: {:.0} days/s, {:.0} frames/s; no violation",
                days * u64::from(self.people),
                days as f64 / seconds,
                frames as f64 / seconds
            );
        }
        Ok(true)
    }

    fn tell(&self, wish: &Wish, report: &Report, took: Duration) {
        let seconds = took.as_secs_f64();
        if self.json {
            let line = serde_json::json!({
                "seed": wish.seed.0, "people": wish.people, "relays": wish.relays, "faults": wish.faults,
                "days": report.days, "hash": report.hash, "tally": report.tally, "seconds": seconds,
                "violation": report.violation.as_ref().map(ToString::to_string),
            });
            println!("{line}");
        } else {
            let tally = report.tally;
            println!(
                "seed {}: {} days, {} texts, {} cells, {} frames, {} crashes; {:.0} days/s, {:.0} messages/s; trace {}",
                wish.seed.0,
                report.days,
                tally.texts,
                tally.cells,
                tally.frames,
                tally.crashes,
                report.days as f64 / seconds,
                tally.texts as f64 / seconds,
                &report.hash[..16]
            );
        }
    }

    fn failed(&self, seed: Seed, wish: &Wish, found: Duration) -> Result<(), Box<dyn std::error::Error>> {
        let setting = self.setting(seed);
        let steps = shrink(setting, &plan(wish), Duration::from_secs(self.shrink));
        let report = run(Setting { keep_trace: true, ..setting }, &steps);
        let what = report.violation.map_or_else(String::new, |violation| violation.to_string());
        eprintln!(
            "seed {} fails, found after {:.1} s, shrunk to {} acts: {what}",
            seed.0,
            found.as_secs_f64(),
            steps.len()
        );
        for step in &steps {
            eprintln!("  {:?}", step.act);
        }
        if let Some(file) = &self.record {
            fs::write(file, serde_json::to_string_pretty(&Recording::new(setting, steps))?)?;
        }
        Ok(())
    }
}

/// Plays scenario files; whether all of them went well.
pub(super) fn play(files: &[PathBuf]) -> Outcome {
    let mut well = true;
    for file in files {
        let scenario = Scenario::parse(&fs::read_to_string(file)?)?;
        let report = scenario.play();
        match report.violation {
            None => println!("ok    {} ({} days)", file.display(), report.days),
            Some(violation) => {
                println!("WRONG {}: {violation}", file.display());
                well = false;
            }
        }
    }
    Ok(well)
}

/// Plays a recording again, with its whole trace.
pub(super) fn replay(file: &Path) -> Outcome {
    let recording: Recording = serde_json::from_str(&fs::read_to_string(file)?)?;
    let report = run(recording.setting(true), &recording.steps);
    for line in &report.lines {
        println!("{line}");
    }
    println!("trace {}", report.hash);
    Ok(report.violation.is_none())
}
