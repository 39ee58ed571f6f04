//! The command line of `subrosa-harness`: one subcommand for each instrument.
//!
//! Spec: docs/ARCHITECTURE.md, "The harness". Invariant: exit 0 says that nothing was found, 1 that something was, 2 that
//! the question was wrong.

mod sim;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
    /// Simulates people, relays and faults out of one seed, or hunts for a seed that fails.
    Sim(sim::Sim),
    /// Plays scenario files.
    Play {
        /// TOML files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Plays a recording of a failed run again, and prints its trace.
    Replay {
        /// The JSON file that `sim --record` wrote.
        file: PathBuf,
    },
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let done = match Args::parse().command {
        Command::Mine(options) => return crate::mine::main(&options),
        Command::Sim(sim) => sim.run(),
        Command::Play { files } => sim::play(&files),
        Command::Replay { file } => sim::replay(&file),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(why) => {
            eprintln!("subrosa-harness: {why}");
            ExitCode::from(2)
        }
    }
}
