//! [`Trace`]: what happened in a run, line by line, and its hash.
//!
//! Spec: docs/ARCHITECTURE.md, "The harness". Invariant: two runs with one hash went through the same lines; no line holds an
//! address in memory, a wall clock or the order of a hash table.

use std::collections::VecDeque;

use sha2::{Digest, Sha256};

/// How many of the last lines are kept when not all of them are.
const LAST: usize = 200;

/// The lines of a run: hashed always, kept as asked.
#[derive(Clone, Debug)]
pub struct Trace {
    hash: Sha256,
    count: u64,
    lines: VecDeque<String>,
    all: bool,
}

impl Trace {
    /// An empty one that keeps `all` lines, or the last 200.
    #[must_use]
    pub fn new(all: bool) -> Self {
        Self { hash: Sha256::new(), count: 0, lines: VecDeque::new(), all }
    }

    /// Appends a line.
    pub fn line(&mut self, line: String) {
        self.hash.update((line.len() as u64).to_be_bytes());
        self.hash.update(line.as_bytes());
        self.count += 1;
        if !self.all && self.lines.len() == LAST {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// How many lines there were.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The lines that were kept.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// The hash of all lines so far, 64 characters of hex.
    #[must_use]
    pub fn hash(&self) -> String {
        let digest: [u8; 32] = self.hash.clone().finalize().into();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_covers_every_line_and_its_ends() {
        let hash = |lines: &[&str]| {
            let mut trace = Trace::new(false);
            lines.iter().for_each(|line| trace.line((*line).to_owned()));
            trace.hash()
        };
        assert_eq!(hash(&["ab", "c"]), hash(&["ab", "c"]));
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_ne!(hash(&["ab", "c"]), hash(&["c", "ab"]));
    }
}
