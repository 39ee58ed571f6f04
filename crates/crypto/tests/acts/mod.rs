//! The one list of acts: what people, devices and networks do to two or three identities, as data.
//!
//! Spec: docs/spec/ratchet.md, docs/spec/recovery.md. Invariant: all that an act draws comes from its own seed, so that an
//! act that is taken out of a list changes none of the others; that is what makes shrinking work.
//!
//! Two programs play these lists: the property tests in crates/crypto/tests/acts.rs, which make them from a seed and
//! shrink what fails, and the fuzz target `acts` in tests/fuzz, which makes them from bytes.

#![allow(dead_code, reason = "each of the two programs uses its part of it")]

mod line;
mod meet;
mod oracle;
mod play;
mod rest;

use core::fmt;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

pub(crate) use play::World;

/// What happened that must not happen.
pub(crate) type Fault = String;

/// Says what must hold, or ends the run.
macro_rules! must {
    ($holds:expr, $($why:tt)+) => {
        if !$holds {
            return Err(format!($($why)+));
        }
    };
}
pub(crate) use must;

/// One thing that happens: what, between which two, to which of several, and its own randomness.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Act {
    pub(crate) what: What,
    /// Which ordered pair of people: who does it, and about whom.
    pub(crate) pair: u8,
    /// Which of the things there are: a cell on the way, a copy, a bit.
    pub(crate) n: u16,
    pub(crate) seed: u32,
}

impl fmt::Debug for Act {
    /// As it is written in a list of [`known`](crate) ones.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, pair, n, seed } = self;
        write!(f, "({what:?}, {pair}, {n}, {seed})")
    }
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Someone writes to another; the cell is committed and sent.
    Send,
    /// The oldest of the cells for someone arrives.
    Deliver,
    /// Any of them arrives.
    Overtake,
    /// One is lost.
    Drop,
    /// One comes twice.
    Duplicate,
    /// Two change places.
    Swap,
    /// One arrives with a bit changed: nonce, header, body or a tag.
    Corrupt,
    /// Who sent it gets it back.
    Reflect,
    /// Header of one, body of another.
    Mix,
    /// The relay puts it into another's queue: a third person's, or the same person's for somebody else.
    Misroute,
    /// The sender goes down before the cell is committed: nothing was sent.
    SealCrash,
    /// It goes down after the commit: the cell is in the outbox, and nowhere else.
    SealCrashLate,
    /// The receiver goes down before the commit: the relay delivers again.
    OpenCrash,
    /// It goes down after the commit, before the relay hears of it: the relay delivers again.
    OpenCrashLate,
    /// Everything that is not acknowledged is sent again.
    Resend,
    /// A copy of someone's disk is kept.
    Save,
    /// It is put back.
    Restore,
    /// A second device comes to hold someone's state.
    Clone,
    /// The second device writes.
    CloneSend,
    /// Someone's randomness is stuck from here on.
    Stick,
    /// Days pass.
    Pass,
    /// Someone gives up keys that are 90 days old.
    Age,
    /// Someone gives up one missing cell.
    GiveUp,
    /// Someone goes on in spite of an alarm.
    Unlatch,
    /// Someone comes back by a recovery key.
    Recover,
}

/// Each with its weight.
const WEIGHTS: [(What, u32); 25] = [
    (What::Send, 24),
    (What::Deliver, 24),
    (What::Overtake, 8),
    (What::Drop, 3),
    (What::Duplicate, 3),
    (What::Swap, 3),
    (What::Corrupt, 5),
    (What::Reflect, 2),
    (What::Mix, 2),
    (What::Misroute, 3),
    (What::SealCrash, 2),
    (What::SealCrashLate, 3),
    (What::OpenCrash, 2),
    (What::OpenCrashLate, 3),
    (What::Resend, 3),
    (What::Save, 2),
    (What::Restore, 1),
    (What::Clone, 1),
    (What::CloneSend, 2),
    (What::Stick, 1),
    (What::Pass, 3),
    (What::Age, 2),
    (What::GiveUp, 1),
    (What::Unlatch, 2),
    (What::Recover, 1),
];

/// How the people of a list meet, and what may happen to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) people: usize,
    pub(crate) meeting: Meeting,
    /// States may be restored and copied, and people may recover.
    pub(crate) forks: bool,
    pub(crate) seed: u64,
}

/// How two people meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meeting {
    OneTime,
    Address,
    /// Both invite, and both join.
    Crossing,
}

impl What {
    const fn forks(self) -> bool {
        matches!(self, Self::Save | Self::Restore | Self::Clone | Self::CloneSend | Self::Recover)
    }
}

impl Act {
    /// From 8 bytes.
    pub(crate) fn parse(bytes: [u8; 8]) -> Self {
        let [what, pair, a, b, seed @ ..] = bytes;
        let (what, _) = WEIGHTS[usize::from(what) % WEIGHTS.len()];
        Self { what, pair, n: u16::from_le_bytes([a, b]), seed: u32::from_le_bytes(seed) }
    }

    /// The 8 bytes; the mirror of [`parse`](Self::parse).
    pub(crate) fn write(self) -> [u8; 8] {
        let what = WEIGHTS.iter().position(|(what, _)| *what == self.what).unwrap_or(0) as u8;
        let ([a, b], [c, d, e, f]) = (self.n.to_le_bytes(), self.seed.to_le_bytes());
        [what, self.pair, a, b, c, d, e, f]
    }

    fn draw(rng: &mut ChaCha8Rng, forks: bool) -> Self {
        loop {
            let total: u32 = WEIGHTS.iter().map(|(_, weight)| weight).sum();
            let mut point = rng.next_u32() % total;
            let found = WEIGHTS.iter().find(|(_, weight)| match point.checked_sub(*weight) {
                Some(rest) => {
                    point = rest;
                    false
                }
                None => true,
            });
            let what = found.map_or(What::Send, |(what, _)| *what);
            let [pair, _, a, b] = rng.next_u32().to_le_bytes();
            let act = Self { what, pair, n: u16::from_le_bytes([a, b]), seed: rng.next_u32() };
            if forks || !what.forks() {
                return act;
            }
        }
    }

    /// Its own randomness.
    pub(crate) fn rng(self) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(u64::from(self.seed))
    }
}

/// The setting and the list of a seed.
pub(crate) fn draw(people: usize, forks: bool, seed: u64) -> (Setting, Vec<Act>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let meeting = match rng.next_u32() % 4 {
        0 | 1 => Meeting::OneTime,
        2 => Meeting::Address,
        _ => Meeting::Crossing,
    };
    let count = rng.next_u32() % 160;
    let acts = (0..count).map(|_| Act::draw(&mut rng, forks)).collect();
    (Setting { people, meeting, forks, seed }, acts)
}

/// Plays a list from the first meeting to rest.
pub(crate) fn play(setting: Setting, acts: &[Act]) -> Result<(), Fault> {
    let mut world = World::new(setting);
    for (at, act) in acts.iter().enumerate() {
        world.perform(*act).map_err(|fault| format!("act {at}, {act:?}: {fault}"))?;
    }
    world.rest().map_err(|fault| format!("at rest: {fault}"))
}

/// The shortest list that still fails: acts are taken out, half of them at first, one at last.
pub(crate) fn shrink(acts: &[Act], fails: impl Fn(&[Act]) -> bool) -> Vec<Act> {
    let mut acts = acts.to_vec();
    let mut size = acts.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < acts.len() {
            let mut fewer = acts.clone();
            fewer.drain(at..acts.len().min(at + size));
            if fails(&fewer) {
                acts = fewer;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    acts
}
