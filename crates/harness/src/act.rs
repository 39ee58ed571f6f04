//! [`Act`] and [`Step`]: everything that happens in a run, as data.
//!
//! Spec: docs/ARCHITECTURE.md, "The harness". Invariant: a step carries the seed of all chance until the next one, so that
//! taking a step out leaves the others as they were.

use serde::{Deserialize, Serialize};

use crate::Seed;

/// Where a client's process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Point {
    /// The next event was handled, and nothing of it committed.
    BeforeCommit,
    /// It was committed, and no effect carried out.
    AfterCommit,
    /// Its effects left for the relay, and no answer came back.
    BeforeAnswer,
}

/// What a malicious relay does to the next thing that passes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evil {
    /// Says that it stored a cell, and drops it.
    Lie,
    /// Delivers nothing where a cell should go, and goes on with the next one.
    Drop,
    /// Delivers a cell twice.
    Duplicate,
    /// Delivers a cell with a bit flipped.
    Flip,
    /// Exchanges a cell with the next one that it delivers, whoever that is for.
    Swap,
    /// Puts an old cell into its queue again.
    Replay,
    /// Refuses a cell, as if the queue were full.
    Refuse,
}

/// One thing that happens. People are numbered from 0, relays too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Act {
    /// One person invites another, by a one-time link or an address; the other joins as soon as the link works.
    Meet {
        /// Who invites.
        inviter: usize,
        /// Who joins.
        joiner: usize,
        /// By an address.
        #[serde(default)]
        reusable: bool,
    },
    /// Someone lets in whoever asks.
    Accept {
        /// Who.
        who: usize,
    },
    /// Someone writes a text.
    Send {
        /// Who.
        from: usize,
        /// To whom.
        to: usize,
        /// Bytes of it beside its number.
        #[serde(default)]
        bytes: usize,
    },
    /// Someone looks at a chat.
    Look {
        /// Who.
        who: usize,
        /// With whom.
        with: usize,
    },
    /// Time passes.
    Pass {
        /// Seconds.
        seconds: u64,
    },
    /// Someone has no network any more.
    Offline {
        /// Who.
        who: usize,
    },
    /// Someone has a network again.
    Online {
        /// Who.
        who: usize,
    },
    /// Someone's connections are reset; what is under way on them is lost.
    Reset {
        /// Who.
        who: usize,
    },
    /// Someone's network gets slow, or quick again.
    Latency {
        /// Who.
        who: usize,
        /// Most milliseconds of one direction.
        millis: u64,
    },
    /// Someone's process ends, at this point of what it does next, and starts again.
    Crash {
        /// Who.
        who: usize,
        /// Where.
        at: Point,
    },
    /// Someone's clock jumps, against the relays' clocks.
    Skew {
        /// Who.
        who: usize,
        /// Seconds ahead, from now on.
        seconds: i64,
    },
    /// Someone keeps a copy of their disk.
    Keep {
        /// Who.
        who: usize,
    },
    /// Someone puts the copy back.
    Restore {
        /// Who.
        who: usize,
    },
    /// A relay loses power and starts again.
    CrashRelay {
        /// Which.
        relay: usize,
    },
    /// A relay's disk is lost; it starts again, empty.
    LoseDisk {
        /// Which.
        relay: usize,
    },
    /// A relay does something evil with what passes it next.
    Evil {
        /// Which.
        relay: usize,
        /// What.
        evil: Evil,
    },
    /// All faults end, time passes until everything has had its chance, and the oracle checks what must hold then.
    Quiesce,
}

/// An act, and the seed of all chance until the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The seed.
    pub seed: u64,
    /// The act.
    #[serde(flatten)]
    pub act: Act,
}

/// `acts` as steps, each with a seed of its own below `seed`.
#[must_use]
pub fn steps(seed: Seed, acts: impl IntoIterator<Item = Act>) -> Vec<Step> {
    let seeds = (0..).map(|n| seed.sub("act", n).0);
    seeds.zip(acts).map(|(seed, act)| Step { seed, act }).collect()
}

impl Act {
    /// Whether it can take away what a relay acknowledged: what it took comes back only after a long time.
    #[must_use]
    pub const fn loses(&self) -> bool {
        matches!(
            self,
            Self::LoseDisk { .. } | Self::Evil { evil: Evil::Lie | Evil::Drop | Evil::Flip | Evil::Swap, .. }
        )
    }

    /// Whether everyone and every relay that the act names is there, and nobody writes to themselves.
    #[must_use]
    pub const fn fits(&self, people: usize, relays: usize) -> bool {
        match *self {
            Self::Meet { inviter: a, joiner: b, .. }
            | Self::Send { from: a, to: b, .. }
            | Self::Look { who: a, with: b } => a < people && b < people && a != b,
            Self::Accept { who }
            | Self::Offline { who }
            | Self::Online { who }
            | Self::Reset { who }
            | Self::Latency { who, .. }
            | Self::Crash { who, .. }
            | Self::Skew { who, .. }
            | Self::Keep { who }
            | Self::Restore { who } => who < people,
            Self::CrashRelay { relay } | Self::LoseDisk { relay } | Self::Evil { relay, .. } => {
                relay < relays
            }
            Self::Pass { .. } | Self::Quiesce => true,
        }
    }
}
