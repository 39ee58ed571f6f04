//! One party of conversations, told what to do on standard input: the Rust half of tests/second/.
//!
//! Spec: docs/spec/README.md. Invariant: one line of words in, one line out, in order; see [`party`]. For tests only: it
//! prints whatever it is asked for.

use std::io::{self, BufRead, Write};

mod party;

fn main() -> io::Result<()> {
    let mut party = party::Party::new();
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        writeln!(out, "{}", party.answer(&line?))?;
        out.flush()?;
    }
    Ok(())
}
