//! The miner: what can be learned from everything that an operator could collect.
//!
//! Spec: docs/nothing-to-mine.md. Invariant: a measurement, not an advertisement: each figure has an interval, a value
//! that chance gives, and a control on which it must be high.

pub mod dice;
pub mod guess;
mod measure;
mod models;
mod plot;
pub mod score;
pub mod subrosa;
mod table;
pub mod traffic;
pub mod view;

use std::path::PathBuf;
use std::process::ExitCode;

pub use measure::{Cell, Measure, Report, Sanity, measure};
pub use models::{signal, slack};
pub use traffic::{Scale, Traffic};

/// `subrosa-harness mine`.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Seeds, from 1 on; intervals need many.
    #[arg(long, default_value_t = 20)]
    pub seeds: u64,
    /// People of each seed.
    #[arg(long, default_value_t = 16)]
    pub people: usize,
    /// Circles that they fall into.
    #[arg(long, default_value_t = 4)]
    pub circles: usize,
    /// Days of each seed.
    #[arg(long, default_value_t = 3)]
    pub days: u64,
    /// Conversations that each person begins in a day.
    #[arg(long, default_value_t = 3)]
    pub talks: u64,
    /// Writes the figures as JSON to standard output instead of the table.
    #[arg(long)]
    pub json: bool,
    /// Writes plots as SVG into this folder.
    #[arg(long)]
    pub plots: Option<PathBuf>,
}

impl Options {
    const fn scale(&self) -> Scale {
        Scale { people: self.people, circles: self.circles, days: self.days, talks: self.talks }
    }
}

/// Measures and prints; fails when a sanity check does.
#[must_use]
pub fn main(options: &Options) -> ExitCode {
    if options.seeds < 4 || options.people < 8 || options.circles < 2 || options.days < 2 {
        eprintln!("a measurement needs at least 4 seeds, 8 people, 2 circles and 2 days");
        return ExitCode::from(2);
    }
    let seeds: Vec<u64> = (1..=options.seeds).collect();
    let report = match measure(options.scale(), &seeds) {
        Ok(report) => report,
        Err(stuck) => {
            eprintln!("the traffic did not go through: {stuck}");
            return ExitCode::from(2);
        }
    };
    if options.json {
        println!("{}", table::json(&report));
    } else {
        print!("{}", table::text(&report));
    }
    if let Some(folder) = &options.plots
        && let Err(error) = plot::all(&report, folder)
    {
        eprintln!("the plots could not be written to {}: {error}", folder.display());
        return ExitCode::from(2);
    }
    if report.sanity.iter().all(|check| check.holds) { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

#[cfg(test)]
mod tests;
