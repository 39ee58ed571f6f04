//! [`run`]: a list of acts, performed in a new world; and [`shrink`], which finds the few that make it fail.
//!
//! Spec: docs/ARCHITECTURE.md, "The harness". Invariant: running the same steps in the same setting twice gives the same hash.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::act::Step;
use crate::world::{Setting, Tally, Violation, World};

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// The hash of the trace.
    pub hash: String,
    /// The lines of the trace that were kept.
    pub lines: Vec<String>,
    /// How much happened.
    pub tally: Tally,
    /// Simulated days.
    pub days: u64,
    /// What went wrong, if anything did.
    pub violation: Option<Violation>,
}

/// Performs `steps`; a panic of the product is a violation like any other.
#[must_use]
pub fn run(setting: Setting, steps: &[Step]) -> Report {
    run_in(World::new(setting), steps)
}

/// Performs `steps` in a world of yours.
#[must_use]
pub fn run_in(mut world: World, steps: &[Step]) -> Report {
    let panic = catch_unwind(AssertUnwindSafe(|| steps.iter().for_each(|step| world.perform(step)))).err();
    if let Some(panic) = panic {
        let what =
            panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        world.accuse(format!("a panic: {}", what.unwrap_or("without words")));
    }
    Report {
        hash: world.trace.hash(),
        lines: world.trace.lines().map(str::to_owned).collect(),
        tally: world.tally,
        days: world.days(),
        violation: world.violation(),
    }
}

/// The fewest of `steps` that were found to go wrong within `patience`. The last quiescence is kept.
#[must_use]
pub fn shrink(setting: Setting, steps: &[Step], patience: Duration) -> Vec<Step> {
    let begin = Instant::now();
    let fails = |steps: &[Step]| run(setting, steps).violation.is_some();
    let mut best = steps.to_vec();
    // What comes after the failure is no part of it, unless it was the quiescence itself.
    if let Some(at) = run(setting, &best).violation.map(|violation| violation.act) {
        best.truncate(at.max(1));
        if !fails(&best) {
            best = steps.to_vec();
        }
    }
    let mut size = best.len() / 2;
    while size > 0 && begin.elapsed() < patience {
        let mut at = 0;
        while at < best.len() && begin.elapsed() < patience {
            let end = (at + size).min(best.len());
            let mut fewer = best.clone();
            fewer.drain(at..end);
            if fewer.len() < best.len() && fails(&fewer) {
                best = fewer;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    best
}
