//! [`World`]: some people, some relays, a network and one virtual clock.
//!
//! Spec: docs/ARCHITECTURE.md, "The harness". Invariant: what happens next is the earliest entry of one ordered map; ties are
//! broken by the order in which they were made.

mod network;
mod perform;
mod screen;

pub(crate) use screen::ALL;

use std::collections::BTreeMap;

use subrosa_codec::Millis;
use subrosa_engine::Corrupt;
use subrosa_engine::api::Command;
use subrosa_relay_core::ConnId;
use subrosa_wire::{Frame, RelayAddress, RelayKeyHash, Request, Response};

use crate::client::Client;
use crate::ledger::Ledger;
use crate::plant::Plant;
use crate::relay::{CoreRelay, Operator, Relay};
use crate::seed::Dice;
use crate::{Seed, Trace};

/// What a run is made of, beside its acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The seed.
    pub seed: Seed,
    /// How many people.
    pub people: usize,
    /// How many relays: person `n` is at relay `n % relays`.
    pub relays: usize,
    /// A deliberate defect.
    pub plant: Option<Plant>,
    /// Whether every line of the trace is kept.
    pub keep_trace: bool,
}

/// What must not happen, and happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("after {act} acts, on day {day}: {what}")]
pub struct Violation {
    /// What.
    pub what: String,
    /// How many acts were performed.
    pub act: usize,
    /// Days since the run began.
    pub day: u64,
}

/// How much happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// Texts that people wrote.
    pub texts: u64,
    /// Frames that arrived, in both directions.
    pub frames: u64,
    /// Cells that relays stored.
    pub cells: u64,
    /// Transactions of clients.
    pub commits: u64,
    /// Processes that ended and started again, relays included.
    pub crashes: u64,
}

/// What is due at a moment.
#[derive(Debug)]
enum Due {
    ToRelay(ConnId, Frame<Request>),
    ToClient(ConnId, Frame<Response>),
    /// The client's end of the connection is closed, and the relay hears of it.
    Left(ConnId),
    /// The relay's end is.
    Hung(ConnId),
    Dial(usize, usize),
    Ring(usize),
    Day,
}

/// A connection: two directions, each in order.
#[derive(Debug)]
struct Conn {
    who: usize,
    relay: usize,
    up: Millis,
    down: Millis,
    /// The client has closed its end.
    closing: bool,
}

struct RelayNode {
    relay: Box<dyn Relay>,
    operator: Operator,
    address: String,
}

/// A relay of someone's own for a run: number and day in, relay out.
pub type MakeRelay<'a> = &'a dyn Fn(usize, subrosa_codec::Day) -> Box<dyn Relay>;

/// The whole world.
pub struct World {
    setting: Setting,
    now: Millis,
    due: BTreeMap<(Millis, u64), Due>,
    made: u64,
    clients: Vec<Client>,
    relays: Vec<RelayNode>,
    conns: BTreeMap<ConnId, Conn>,
    last_conn: u64,
    dice: Dice,
    /// Everything that happened.
    pub trace: Trace,
    /// How much did.
    pub tally: Tally,
    pub(crate) ledger: Ledger,
    wrong: Option<String>,
    acts: usize,
    /// Who did something since the oracle last looked.
    changed: Vec<bool>,
    /// Links that wait to be taken: inviter, joiner, link.
    waiting: Vec<(usize, usize, String)>,
}

/// The day on which every run begins: in 2024, when the story began.
const BEGIN: Millis = Millis::DAY.times(19_858);

impl World {
    /// People with new vaults at the relays of this crate.
    #[must_use]
    pub fn new(setting: Setting) -> Self {
        let plant = setting.plant;
        Self::with(setting, &|_, today| Box::new(CoreRelay::new(today, plant)))
    }

    /// People with new vaults at relays of yours.
    #[must_use]
    pub fn with(setting: Setting, make: MakeRelay<'_>) -> Self {
        let seed = setting.seed;
        let relays = (0..setting.relays.max(1)).map(|n| RelayNode {
            relay: make(n, BEGIN.day()),
            operator: Operator::default(),
            address: address(n),
        });
        let mut world = Self {
            setting,
            now: BEGIN,
            due: BTreeMap::new(),
            made: 0,
            clients: Vec::new(),
            relays: relays.collect(),
            conns: BTreeMap::new(),
            last_conn: 0,
            dice: seed.sub("world", 0).dice(),
            trace: Trace::new(setting.keep_trace),
            tally: Tally::default(),
            ledger: Ledger::new(setting.people),
            wrong: None,
            acts: 0,
            changed: vec![false; setting.people],
            waiting: Vec::new(),
        };
        for who in 0..setting.people {
            let own = seed.sub("person", who as u64);
            match Client::found(format!("p{who}"), own, world.relays.len()) {
                Ok(client) => world.clients.push(client),
                Err(corrupt) => return world.broken(&corrupt),
            }
        }
        for who in 0..setting.people {
            let address = world.relays[who % world.relays.len()].address.clone();
            world.command(who, Command::UseRelay(address));
        }
        world.at(Millis::HOUR, Due::Day);
        world
    }

    fn broken(mut self, corrupt: &Corrupt) -> Self {
        self.accuse(corrupt.to_string());
        self
    }

    /// Notes the first thing that went wrong.
    pub(crate) fn accuse(&mut self, what: String) {
        if self.wrong.is_none() {
            self.line(|| format!("WRONG {what}"));
            self.wrong = Some(what);
        }
    }

    /// What went wrong, if anything did.
    #[must_use]
    pub fn violation(&self) -> Option<Violation> {
        let day = self.now.0.saturating_sub(BEGIN.0) / Millis::DAY.0;
        self.wrong.clone().map(|what| Violation { what, act: self.acts, day })
    }

    /// Days since the run began.
    #[must_use]
    pub const fn days(&self) -> u64 {
        self.now.0.saturating_sub(BEGIN.0) / Millis::DAY.0
    }

    fn line(&mut self, line: impl FnOnce() -> String) {
        let at = self.now.0.saturating_sub(BEGIN.0);
        self.trace.line(format!("{at} {}", line()));
    }

    /// Puts something off by `delay`.
    fn at(&mut self, delay: Millis, due: Due) {
        let at = self.now.plus(delay);
        self.when(at, due);
    }

    fn when(&mut self, at: Millis, due: Due) {
        self.made += 1;
        self.due.insert((at.max(self.now), self.made), due);
    }

    /// Lives on for `time`, or until something went wrong.
    pub(crate) fn live(&mut self, time: Millis) {
        let end = self.now.plus(time);
        while self.wrong.is_none() {
            let Some(next) = self.due.first_entry().filter(|next| next.key().0 <= end) else { break };
            let ((at, _), due) = next.remove_entry();
            self.now = self.now.max(at);
            self.happen(due);
            if !self.waiting.is_empty() {
                self.take_links();
            }
        }
        self.now = end;
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::ToRelay(conn, frame) => self.arrives_at_relay(conn, frame),
            Due::ToClient(conn, frame) => self.arrives_at_client(conn, frame),
            Due::Left(conn) => self.left(conn),
            Due::Hung(conn) => self.hung(conn),
            Due::Dial(who, relay) => self.dial(who, relay),
            Due::Ring(who) => self.ring(who),
            Due::Day => {
                for relay in 0..self.relays.len() {
                    let mut said = Vec::new();
                    self.relays[relay].relay.day(self.now.day(), &mut said);
                    self.say(relay, said);
                }
                self.at(Millis::HOUR, Due::Day);
            }
        }
    }
}

fn address(n: usize) -> String {
    let byte = u8::try_from(n).unwrap_or(u8::MAX).wrapping_add(1);
    let host = format!("r{n}.test");
    RelayAddress::new(RelayKeyHash::from_bytes([byte; 32]), &host, 1)
        .map(|a| a.to_string())
        .unwrap_or_default()
}

/// Which relay an address of [`address`] is.
fn relay_of(address: &RelayAddress) -> usize {
    usize::from(address.key().as_bytes()[0]).saturating_sub(1)
}
