//! [`Relay`]: what stands behind a relay's sockets in a simulation, and [`CoreRelay`], the real core over the model store.
//!
//! Spec: docs/spec/relay.md. Invariant: a relay learns only frames, connections and the day; what it keeps over a power cut
//! is what its store made durable.

use std::collections::VecDeque;

use subrosa_codec::{Cell, Day};
use subrosa_relay_core::{Act, ConnId, Core, Input, Limits, MemStore, Service, Stream};
use subrosa_wire::{Frame, Refusal, Request, Response, Rid, WriteCap};

use crate::act::Evil;
use crate::plant::{Plant, PlantedStore};

/// What a relay does with a connection.
#[derive(Debug)]
pub enum Said {
    /// Sends this to the client.
    Frame(ConnId, Frame<Response>),
    /// Ends the connection.
    Hang(ConnId),
}

/// A relay in a simulation: put your own behind this trait to run the scenarios against it.
///
/// What it has to say is appended to `said`, in order. It may not use a clock or chance of its own.
pub trait Relay {
    /// A connection is there.
    fn joined(&mut self, conn: ConnId, said: &mut Vec<Said>);
    /// A connection is gone.
    fn left(&mut self, conn: ConnId, said: &mut Vec<Said>);
    /// A client asks.
    fn frame(&mut self, conn: ConnId, frame: Frame<Request>, said: &mut Vec<Said>);
    /// Today is this day; said once an hour.
    fn day(&mut self, today: Day, said: &mut Vec<Said>);
    /// The power is cut and comes back: connections are gone, and so is what was not durable.
    fn power_cut(&mut self, today: Day);
    /// The disk is lost: it starts again, empty.
    fn lose_disk(&mut self, today: Day);
    /// How many cells lie in its queues.
    fn cells(&self) -> u64;
}

/// The real relay core over [`MemStore`].
#[derive(Debug)]
pub struct CoreRelay {
    service: Option<Service<PlantedStore>>,
    limits: Limits,
    plant: Option<Plant>,
}

impl CoreRelay {
    /// An empty one, with a defect or none.
    #[must_use]
    pub fn new(today: Day, plant: Option<Plant>) -> Self {
        let limits = Limits::default();
        let store = PlantedStore::new(MemStore::new(limits), plant);
        Self { service: Some(Service::new(Core::new(limits, today), store)), limits, plant }
    }

    fn run(&mut self, input: Input, said: &mut Vec<Said>) {
        let Some(service) = &mut self.service else { return };
        let mut inputs = vec![input];
        while !inputs.is_empty() {
            let mut acts = Vec::new();
            let run = service.run(std::mem::take(&mut inputs), &mut |act| acts.push(act));
            debug_assert!(run.is_ok(), "a store in memory does not fail");
            for act in acts {
                match act {
                    Act::Send(conn, frame) => {
                        // The simulated network takes everything at once.
                        inputs.push(Input::Writable(conn, frame.encoded_len()));
                        said.push(Said::Frame(conn, frame));
                    }
                    Act::Hang(conn, _) => said.push(Said::Hang(conn)),
                }
            }
        }
    }
}

impl Relay for CoreRelay {
    fn joined(&mut self, conn: ConnId, said: &mut Vec<Said>) {
        self.run(Input::Joined(conn, Stream::Command), said);
    }

    fn left(&mut self, conn: ConnId, said: &mut Vec<Said>) {
        self.run(Input::Left(conn), said);
    }

    fn frame(&mut self, conn: ConnId, frame: Frame<Request>, said: &mut Vec<Said>) {
        self.run(Input::Frame(conn, frame), said);
    }

    fn day(&mut self, today: Day, said: &mut Vec<Said>) {
        self.run(Input::Day(today), said);
    }

    fn power_cut(&mut self, today: Day) {
        if let Some(service) = self.service.take() {
            let store = service.into_store().cut();
            self.service = Some(Service::new(Core::new(self.limits, today), store));
        }
    }

    fn lose_disk(&mut self, today: Day) {
        *self = Self::new(today, self.plant);
    }

    fn cells(&self) -> u64 {
        self.service.as_ref().map_or(0, |service| service.knowledge(0).cell_count)
    }
}

/// A malicious operator between a relay and its clients: sees every frame, and changes some.
#[derive(Debug, Default)]
pub(crate) struct Operator {
    plans: VecDeque<Evil>,
    /// Every cell that was appended, and where.
    log: Vec<([u8; 32], Cell)>,
    /// Waits to be exchanged with the next one.
    held: Option<Cell>,
}

/// The operator's own connection, which puts old cells into queues again.
pub(crate) const OPERATOR: ConnId = ConnId(0);
/// How many cells the operator remembers.
const MEMORY: usize = 512;

impl Operator {
    pub(crate) fn plan(&mut self, evil: Evil) {
        if evil != Evil::Replay {
            self.plans.push_back(evil);
        }
    }

    pub(crate) fn give_up(&mut self) {
        self.plans.clear();
        self.held = None;
    }

    /// An old cell, to be appended again.
    pub(crate) fn old(&self, n: u64) -> Option<Frame<Request>> {
        let at = usize::try_from(n.checked_rem(self.log.len() as u64)?).ok()?;
        let (write, cell) = self.log.get(at)?;
        Some(Frame::new(Rid(2), Request::Append { write: WriteCap::from_bytes(*write), cell: cell.clone() }))
    }

    /// A request passes: the answer to it when it does not reach the relay.
    pub(crate) fn asked(&mut self, frame: &Frame<Request>) -> Option<Frame<Response>> {
        let Request::Append { write, cell } = &frame.message else { return None };
        let answer = match self.plans.front() {
            Some(Evil::Lie) => Some(Ok(1)),
            Some(Evil::Refuse) => Some(Err(Refusal::Full)),
            _ => None,
        };
        if answer.is_some() {
            self.plans.pop_front();
        } else if self.log.len() < MEMORY {
            self.log.push((*write.expose(), cell.clone()));
        }
        answer.map(|answer| Frame::new(frame.rid, Response::Reply(answer)))
    }

    /// An answer passes: what the client gets instead.
    pub(crate) fn answered(&mut self, frame: Frame<Response>) -> Vec<Frame<Response>> {
        let Response::Cell { handle, seq, cell } = &frame.message else { return vec![frame] };
        let again = |cell: Cell| Frame::new(frame.rid, Response::Cell { handle: *handle, seq: *seq, cell });
        if let Some(held) = self.held.take() {
            // The one that was held back was delivered as this one; now this one is delivered as itself, after it.
            return vec![again(held), frame];
        }
        let out = match self.plans.front() {
            Some(Evil::Drop) => Vec::new(),
            Some(Evil::Duplicate) => vec![again(cell.clone()), again(cell.clone())],
            Some(Evil::Flip) => {
                let mut flipped = cell.clone();
                let at = flipped.as_bytes().first().map_or(0, |byte| usize::from(*byte) * 16);
                if let Some(byte) = flipped.as_mut_bytes().get_mut(at) {
                    *byte ^= 1;
                }
                vec![again(flipped)]
            }
            Some(Evil::Swap) => {
                self.held = Some(cell.clone());
                Vec::new()
            }
            _ => return vec![frame],
        };
        self.plans.pop_front();
        out
    }
}
