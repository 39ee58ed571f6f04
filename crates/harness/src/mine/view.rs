//! [`View`]: what one observer of one system has seen.
//!
//! Spec: docs/nothing-to-mine.md, "Three views". Invariant: it holds only what that observer can have; people are
//! numbers because whoever has an address or an account has the person behind it (the worst case for us).

use super::traffic::Moment;

/// Whose view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Observer {
    /// Whoever gets the server's disk, four times a day.
    Disk,
    /// The operator, who logs every request.
    Operator,
    /// Whoever watches all lines between people and server.
    Network,
}

/// Which system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum System {
    /// Accounts and plaintext on the server; a model.
    Slack,
    /// One mailbox per account, sealed sender; a model.
    Signal,
    /// This project's own code.
    Subrosa,
}

/// Which way something went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To the server.
    Up,
    /// From it.
    Down,
}

/// One thing that was seen.
#[derive(Clone, Copy, Debug)]
pub struct Sighting {
    /// When.
    pub at: Moment,
    /// Which way it went.
    pub way: Way,
    /// Whose connection, account or address it was, if that is known.
    pub who: Option<usize>,
    /// Whose mailbox (or, on the way down, whose message) it was, if that is known.
    pub whom: Option<usize>,
    /// Bytes.
    pub bytes: u32,
}

/// What was seen of one message.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Bytes that belong to it.
    pub bytes: u64,
    /// Its words, where they can be read.
    pub text: Option<String>,
    /// How often each of 16 nibbles occurs in what was seen of it, where bytes can be read.
    pub nibbles: Option<[u32; 16]>,
    /// Who sent it, where that is written beside it.
    pub sender: Option<usize>,
    /// When it was seen to go to its reader.
    pub arrived: Option<Moment>,
}

/// All of it.
#[derive(Clone, Debug)]
pub struct View {
    /// Of which system.
    pub system: System,
    /// Whose.
    pub observer: Observer,
    /// In order of time.
    pub sightings: Vec<Sighting>,
    /// Who was connected, from when until when.
    pub presence: Vec<(usize, Moment, Moment)>,
    /// For each message of the traffic, what was seen of it. That these are told apart by message is given to the
    /// observer for nothing.
    pub traces: Vec<Option<Trace>>,
}

impl View {
    /// Nothing seen yet of `messages`.
    #[must_use]
    pub fn new(system: System, observer: Observer, messages: usize) -> Self {
        Self { system, observer, sightings: Vec::new(), presence: Vec::new(), traces: vec![None; messages] }
    }

    /// The part of it before `end`.
    #[must_use]
    pub fn until(&self, end: Moment) -> Self {
        let mut part = self.clone();
        part.sightings.retain(|sighting| sighting.at < end);
        part.presence.retain(|span| span.1 < end);
        part
    }
}

/// How often each nibble occurs in `bytes`.
#[must_use]
pub fn nibbles(bytes: &[u8]) -> [u32; 16] {
    let mut counts = [0; 16];
    for byte in bytes {
        counts[usize::from(byte >> 4)] += 1;
        counts[usize::from(byte & 15)] += 1;
    }
    counts
}
