//! [`plan`]: scripted people and the faults around them, as a list of acts out of a seed.
//!
//! Spec: docs/ARCHITECTURE.md, "The harness". Invariant: the list depends on seed, people, days and faults only.

use std::collections::BTreeSet;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::Seed;
use crate::act::{Act, Evil, Point, Step, steps};
use crate::seed::Dice;

/// A kind of fault that a run may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Connections are reset and get slow.
    Network,
    /// Clients end at any point and start again.
    Crash,
    /// Relays lose power.
    RelayCrash,
    /// Clients are without a network for a day or so.
    Offline,
    /// Relays deliver twice, put old cells into queues again, and refuse.
    Replay,
    /// Relays lie about what they stored, drop, exchange and change cells.
    Evil,
    /// Clients' clocks jump by hours.
    Clock,
    /// An old copy of somebody's disk is put back.
    Rollback,
    /// A relay loses its disk.
    DiskLoss,
}

/// How somebody chats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Chatty,
    Silent,
    /// Writes and never looks.
    OneSided,
    AtNight,
    /// Away for a month, once.
    Away,
}

const MANNERS: [Manner; 5] =
    [Manner::Chatty, Manner::AtNight, Manner::OneSided, Manner::Silent, Manner::Away];
const DAY: u64 = 86_400;

/// What a run is planned from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The seed.
    pub seed: Seed,
    /// How many people, at least two.
    pub people: usize,
    /// How many relays.
    pub relays: usize,
    /// How many days, before everybody is left alone.
    pub days: u64,
    /// What goes wrong.
    pub faults: BTreeSet<Fault>,
}

/// The acts of a run.
#[must_use]
pub fn plan(wish: &Wish) -> Vec<Step> {
    let mut timed = Vec::new();
    for who in 0..wish.people {
        live(wish, who, &mut timed);
    }
    for (n, fault) in (0..).zip(&wish.faults) {
        go_wrong(wish, *fault, &mut wish.seed.sub("fault", n).dice(), &mut timed);
    }
    // A stable sort: of two acts in one second, the one that was planned first comes first.
    timed.sort_by_key(|(at, _)| *at);
    let mut acts = meetings(wish);
    let mut now = 0;
    for (at, act) in timed {
        if at > now {
            acts.push(Act::Pass { seconds: at - now });
            now = at;
        }
        acts.push(act);
    }
    acts.push(Act::Quiesce);
    steps(wish.seed, acts)
}

/// A ring, so that everyone knows two others, and some time for it.
fn meetings(wish: &Wish) -> Vec<Act> {
    let mut acts = Vec::new();
    let mut dice = wish.seed.sub("meet", 0).dice();
    for joiner in 1..wish.people {
        acts.push(Act::Meet { inviter: joiner - 1, joiner, reusable: dice.one_in(3) });
    }
    if wish.people > 2 {
        acts.push(Act::Meet { inviter: wish.people - 1, joiner: 0, reusable: dice.one_in(3) });
    }
    for _ in 0..4 {
        acts.push(Act::Pass { seconds: 30 });
        acts.extend((0..wish.people).map(|who| Act::Accept { who }));
    }
    acts
}

fn live(wish: &Wish, who: usize, timed: &mut Vec<(u64, Act)>) {
    let mut dice = wish.seed.sub("manner", who as u64).dice();
    let manner = *dice.pick(&MANNERS);
    let friends: Vec<usize> = match wish.people {
        2 => vec![1 - who],
        n => vec![(who + 1) % n, (who + n - 1) % n],
    };
    let away = (manner == Manner::Away && wish.days > 2).then(|| dice.below(wish.days));
    if let Some(day) = away {
        timed.push((day * DAY, Act::Offline { who }));
        timed.push(((day + 31) * DAY, Act::Online { who }));
    }
    for day in 0..wish.days {
        let texts = match manner {
            Manner::Chatty => 4 + dice.below(12),
            Manner::AtNight | Manner::OneSided => 2 + dice.below(5),
            Manner::Silent => u64::from(dice.one_in(10)),
            Manner::Away => dice.below(4),
        };
        for _ in 0..texts {
            let hour = if manner == Manner::AtNight { dice.below(5) } else { 7 + dice.below(16) };
            let at = day * DAY + hour * 3_600 + dice.below(3_600);
            let to = *dice.pick(&friends);
            let bytes = if dice.one_in(12) { 1_700 + dice.below(4_000) } else { dice.below(200) };
            timed.push((at, Act::Send { from: who, to, bytes: bytes as usize }));
            if manner != Manner::OneSided {
                timed.push((at + dice.below(300), Act::Look { who, with: *dice.pick(&friends) }));
            }
            // A burst: an answer within seconds, sealed before the first word arrived.
            if dice.one_in(3) {
                timed.push((at, Act::Send { from: to, to: who, bytes: dice.below(60) as usize }));
            }
        }
    }
}

fn go_wrong(wish: &Wish, fault: Fault, dice: &mut Dice, timed: &mut Vec<(u64, Act)>) {
    let people = wish.people as u64;
    let often = match fault {
        Fault::Network | Fault::Crash => 3 * people,
        Fault::Replay => 3,
        Fault::RelayCrash | Fault::Evil | Fault::Clock => 1,
        Fault::Offline => people.div_ceil(3),
        // Once or twice in a run: each makes the oracle look away from somebody.
        Fault::Rollback | Fault::DiskLoss => 0,
    };
    let count = if often == 0 { 1 + dice.below(2) } else { often * wish.days.max(1) };
    let texts: Vec<u64> =
        timed.iter().filter(|(_, act)| matches!(act, Act::Send { .. })).map(|(at, _)| *at).collect();
    for _ in 0..count {
        let who = dice.below(people) as usize;
        let relay = dice.below(wish.relays.max(1) as u64) as usize;
        // Beside a text, mostly: at other times little can go wrong.
        let near = !texts.is_empty() && !dice.one_in(4);
        let at = if near { *dice.pick(&texts) } else { dice.below(wish.days.max(1) * DAY) };
        one_fault(fault, (who, relay, at), dice, timed);
    }
}

fn one_fault(
    fault: Fault,
    (who, relay, at): (usize, usize, u64),
    dice: &mut Dice,
    timed: &mut Vec<(u64, Act)>,
) {
    let mut push = |after: u64, act: Act| timed.push((at + after, act));
    match fault {
        Fault::Network if dice.one_in(3) => push(0, Act::Latency { who, millis: 1 + dice.below(5_000) }),
        Fault::Network => push(dice.below(2), Act::Reset { who }),
        Fault::Crash => {
            let point = *dice.pick(&[Point::BeforeCommit, Point::AfterCommit, Point::BeforeAnswer]);
            // Armed just before the text, so that sealing is among what a crash can fall into.
            timed.push((at.saturating_sub(1), Act::Crash { who, at: point }));
        }
        Fault::RelayCrash => push(dice.below(2), Act::CrashRelay { relay }),
        Fault::Offline => {
            push(0, Act::Offline { who });
            push(60 + dice.below(2 * DAY), Act::Online { who });
        }
        Fault::Replay => {
            let evil = *dice.pick(&[Evil::Replay, Evil::Duplicate, Evil::Refuse]);
            push(0, Act::Evil { relay, evil });
        }
        Fault::Evil => {
            let evil = *dice.pick(&[Evil::Lie, Evil::Drop, Evil::Flip, Evil::Swap]);
            push(0, Act::Evil { relay, evil });
        }
        Fault::Clock => {
            push(0, Act::Skew { who, seconds: dice.below(4 * 3_600).cast_signed() - 7_200 });
            push(3_600, Act::Skew { who, seconds: 0 });
        }
        Fault::Rollback => {
            push(0, Act::Keep { who });
            push(dice.below(2 * DAY), Act::Restore { who });
        }
        Fault::DiskLoss => push(0, Act::LoseDisk { relay }),
    }
}
