//! `subrosa`, the messenger in a terminal: a screen, a command line, and (feature `host`) an embedded relay.
//!
//! Spec: docs/guide/chat.md, docs/ARCHITECTURE.md, "The screen". Invariant: no key and no socket is named here; everything
//! goes through the client's handle as plain data.

mod app;
mod cli;
mod clock;
mod commands;
#[cfg(feature = "host")]
mod demo;
#[cfg(feature = "host")]
mod hosting;
mod input;
mod keys;
mod layout;
mod log;
mod look;
mod model;
mod msg;
mod run;
mod scene;
mod signals;
mod svg;
mod text;
mod transcript;
mod update;
mod view;
mod words;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use app::screen;
use cli::{Exit, Fail};
#[cfg(feature = "host")]
use demo::demo;

/// Runs `subrosa` with this process's arguments and terminal.
#[must_use]
pub fn main() -> ExitCode {
    cli::main()
}

#[cfg(not(feature = "host"))]
fn demo() -> Result<Exit, Fail> {
    Err(Fail::new(Exit::Usage, "this subrosa was built without an embedded relay, which the demo needs"))
}

/// Prints the key table and the command table.
fn print_keys() {
    // A reader that went away (`subrosa keys | head`) is no error of ours.
    let _ = write_keys(&mut io::stdout().lock());
}

fn write_keys(out: &mut impl Write) -> io::Result<()> {
    for context in keys::Context::ALL {
        writeln!(out, "{}", context.title())?;
        for (keys, does) in keys::help(context) {
            writeln!(out, "  {keys:24} {does}")?;
        }
    }
    writeln!(out, "commands")?;
    for spec in commands::COMMANDS {
        writeln!(out, "  {:24} {}", format!("/{} {}", spec.name, spec.takes), spec.does)?;
    }
    Ok(())
}

/// Draws the README's picture into `out`, or to stdout.
fn picture(out: Option<&Path>) -> Result<Exit, Fail> {
    let svg = svg::picture();
    match out {
        Some(path) => std::fs::write(path, svg).map_err(|why| {
            Fail::new(Exit::Failed, format!("{} could not be written: {why}", path.display()))
        })?,
        None => print!("{svg}"),
    }
    Ok(Exit::Done)
}
