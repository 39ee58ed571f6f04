//! The command line of `subrosa-harness`: one subcommand for each instrument.
//!
//! Spec: docs/ARCHITECTURE.md, "The harness". Invariant: exit 0 says that nothing was found, 1 that something was, 2 that
//! the question was wrong.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::Seed;

#[derive(Debug, Parser)]
#[command(name = "subrosa-harness", version, about = "Instruments for people who test or study subrosa")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures what can be mined from three systems by three observers.
    Mine(crate::mine::Options),
    /// Prints the seed of a named part of a run: what `Seed::sub` gives.
    Seed {
        /// The run's seed.
        seed: u64,
        /// The name of the part.
        label: String,
        /// Its number.
        #[arg(default_value_t = 0)]
        n: u64,
    },
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    match Args::parse().command {
        Command::Mine(options) => return crate::mine::main(&options),
        Command::Seed { seed, label, n } => println!("{}", Seed(seed).sub(&label, n).0),
    }
    ExitCode::SUCCESS
}
