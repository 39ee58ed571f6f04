//! [`Desk`]: what was asked of a relay on one connection, and what its answers mean. No socket, no clock.
//!
//! Spec: docs/spec/relay.md, "Requests". Invariant: at most [`UNANSWERED`] requests wait, jobs leave in the order in which
//! they came, and whatever a relay answers is an event, nothing, or a [`Breach`]; never a panic.

use std::collections::{HashMap, HashSet, VecDeque};

use subrosa_codec::Day;
use subrosa_engine::{Effect, Event, InboundId, Job, RelayAnswer};
use subrosa_wire::{
    Admit, Frame, GoAway, Handle, InvitePut, Open, Refusal, Request, Response, Rid, Seq, UNANSWERED, Welcome,
};

use crate::runtime::activity::Busy;

/// Something that the network was asked to do.
#[derive(Debug)]
pub(crate) struct Task {
    /// The effect; its row is what makes it happen in the end.
    pub(crate) effect: Effect,
    /// What it needs.
    pub(crate) job: Job,
    /// Under way until it is answered.
    pub(crate) busy: Busy,
}

/// What an effect is known by, so that one that is listed again is not done twice at a time.
type Errand = (u8, i64, i64);

/// A request that waits for its answer.
#[derive(Debug)]
struct Flight {
    effect: Effect,
    errand: Errand,
    expects: Expects,
    busy: Busy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expects {
    Done,
    Handle(InboundId),
    Bundle,
}

/// What the relay said that concerns anyone.
#[derive(Debug)]
pub(crate) enum Heard {
    /// For the engine.
    Event(Event, Option<Busy>),
    /// The relay ends the connection.
    GoAway(GoAway),
    /// Nothing new.
    Nothing,
}

/// The relay answered what nobody asked: the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Breach {
    #[error("it answered a question that was not asked")]
    Unasked,
    #[error("it answered with something else than was asked for")]
    WrongAnswer,
    #[error("it sent cells of a queue that was not opened")]
    UnknownHandle,
}

/// The bookkeeping of one connection.
#[derive(Debug)]
pub(crate) struct Desk {
    /// Our leave to make queues there.
    admit: Admit,
    day: Day,
    unanswered: usize,
    last_rid: u32,
    pending: VecDeque<Task>,
    known: HashSet<Errand>,
    flying: HashMap<Rid, Flight>,
    /// Acks of queues whose `OPEN` is not answered yet.
    early_acks: Vec<Task>,
    /// Of requests that the relay put off until it is back.
    put_off: Vec<Busy>,
    /// Every handle of this connection, those that were replaced or moved included: cells may be under way.
    handles: HashMap<Handle, InboundId>,
    /// The handle in force of each queue.
    current: HashMap<InboundId, Handle>,
}

impl Desk {
    /// After `welcome`, under the token of the relay's address. `HELLO` had request number 1.
    pub(crate) fn new(welcome: &Welcome, admit: Admit) -> Self {
        Self {
            admit,
            day: welcome.day,
            unanswered: usize::from(welcome.terms.unanswered.clamp(1, UNANSWERED)),
            last_rid: 1,
            pending: VecDeque::new(),
            known: HashSet::new(),
            flying: HashMap::new(),
            early_acks: Vec::new(),
            put_off: Vec::new(),
            handles: HashMap::new(),
            current: HashMap::new(),
        }
    }

    /// Takes `task` on, unless the same is pending or unanswered already.
    pub(crate) fn give(&mut self, task: Task) {
        if errand(&task.effect).is_some_and(|errand| self.known.insert(errand)) {
            self.pending.push_back(task);
        }
    }

    /// Whether nothing waits: neither for its turn nor for an answer.
    pub(crate) fn is_idle(&self) -> bool {
        self.pending.is_empty()
            && self.flying.is_empty()
            && self.early_acks.is_empty()
            && self.put_off.is_empty()
    }

    /// Whether an answer is due.
    pub(crate) fn awaits(&self) -> bool {
        !self.flying.is_empty()
    }

    /// Whether a queue of ours is read over this connection.
    pub(crate) fn reads(&self) -> bool {
        !self.current.is_empty()
    }

    /// The next request's bytes; `None` when nothing may be asked now.
    pub(crate) fn next_request(&mut self) -> Option<Vec<u8>> {
        while self.flying.len() < self.unanswered {
            let task = self.pending.pop_front()?;
            if let Some(bytes) = self.ask(task) {
                return Some(bytes);
            }
        }
        None
    }

    /// Sends `task` on its way, or puts it where it belongs.
    fn ask(&mut self, task: Task) -> Option<Vec<u8>> {
        let errand = errand(&task.effect)?;
        if let Effect::Ack(queue, _) = task.effect
            && !self.current.contains_key(&queue)
        {
            if self.opening(queue) {
                self.early_acks.push(task);
            } else {
                // Not subscribed here: the relay delivers again when it is opened, and that is acknowledged.
                self.known.remove(&errand);
            }
            return None;
        }
        let Task { effect, job, busy } = task;
        let Some((request, expects)) = self.request(&effect, job) else {
            self.known.remove(&errand);
            return None;
        };
        self.last_rid = self.last_rid.checked_add(1).unwrap_or(2);
        let rid = Rid(self.last_rid);
        self.flying.insert(rid, Flight { effect, errand, expects, busy });
        Some(Frame::new(rid, request).encode())
    }

    fn opening(&self, queue: InboundId) -> bool {
        self.flying.values().any(|flight| flight.expects == Expects::Handle(queue))
    }

    fn request(&self, effect: &Effect, job: Job) -> Option<(Request, Expects)> {
        Some(match (job, effect) {
            (Job::Open { write, read, credit, .. }, Effect::Open(queue)) => {
                let open = Open { queue: write, read, admit: self.admit, credit: credit.max(1) };
                (Request::Open(open), Expects::Handle(*queue))
            }
            (Job::Append { write, cell, .. }, _) => (Request::Append { write, cell }, Expects::Done),
            (Job::Ack { upto, .. }, Effect::Ack(queue, _)) => {
                let handle = *self.current.get(queue)?;
                (Request::Ack { handle, upto: Seq(upto) }, Expects::Done)
            }
            (Job::PutInvite { id, owner, kind, days, bundle, .. }, _) => {
                (Request::InvitePut(InvitePut { id, owner, kind, days, bundle }), Expects::Done)
            }
            (Job::TakeInvite { fetch, claim, .. }, _) => {
                (Request::InviteTake { fetch, claim }, Expects::Bundle)
            }
            (Job::RevokeInvite { owner, .. }, _) => (Request::InviteRevoke { owner }, Expects::Done),
            (Job::CloseQueue { read, .. }, _) => (Request::Close { read }, Expects::Done),
            (Job::RotateRead { read, to, .. }, _) => (Request::RotateRead { read, to }, Expects::Done),
            _ => return None,
        })
    }

    /// What `frame` means.
    ///
    /// # Errors
    /// [`Breach`] when nobody asked for it.
    pub(crate) fn hear(&mut self, frame: Frame<Response>) -> Result<Heard, Breach> {
        match frame.message {
            Response::Reply(answer) => self.answered(frame.rid, answer),
            Response::Bundle(bundle) => {
                let flight = self.land(frame.rid)?;
                if flight.expects != Expects::Bundle {
                    return Err(Breach::WrongAnswer);
                }
                Ok(finished(flight, RelayAnswer::Bundle(bundle)))
            }
            Response::Cell { handle, seq, cell } => {
                let queue = *self.handles.get(&handle).ok_or(Breach::UnknownHandle)?;
                // Of a handle that was replaced: the one in force delivers it again.
                let current = self.current.get(&queue) == Some(&handle);
                let event = Event::Cell { queue, seq: seq.0, cell };
                Ok(if current { Heard::Event(event, None) } else { Heard::Nothing })
            }
            Response::Moved { handle } => {
                let queue = *self.handles.get(&handle).ok_or(Breach::UnknownHandle)?;
                if self.current.get(&queue) != Some(&handle) {
                    return Ok(Heard::Nothing);
                }
                self.current.remove(&queue);
                Ok(Heard::Event(Event::Moved(queue), None))
            }
            Response::GoAway(bye) => Ok(Heard::GoAway(bye)),
            Response::Welcome(_) | Response::Chunk(_) => Err(Breach::Unasked),
            _ => Err(Breach::WrongAnswer),
        }
    }

    fn answered(&mut self, rid: Rid, answer: Result<u64, Refusal>) -> Result<Heard, Breach> {
        let flight = self.land(rid)?;
        let value = match answer {
            // No answer for the engine: the relay is about to go, and the next connection lists it again.
            Err(Refusal::Draining) => {
                self.put_off.push(flight.busy);
                return Ok(Heard::Nothing);
            }
            Err(refusal) => {
                if let Expects::Handle(queue) = flight.expects {
                    self.forget_early_acks(queue);
                }
                return Ok(finished(flight, RelayAnswer::Refused(refusal)));
            }
            Ok(value) => value,
        };
        match flight.expects {
            Expects::Done => Ok(finished(flight, RelayAnswer::Ok(value))),
            Expects::Bundle => Err(Breach::WrongAnswer),
            Expects::Handle(queue) => {
                let handle = Handle(u32::try_from(value).map_err(|_| Breach::WrongAnswer)?);
                if self.handles.insert(handle, queue).is_some() {
                    // "Never used twice on a connection": cells could reach the wrong queue.
                    return Err(Breach::WrongAnswer);
                }
                self.current.insert(queue, handle);
                self.pending.extend(self.early_acks.extract_if(.., |ack| is_ack_of(&ack.effect, queue)));
                Ok(Heard::Event(Event::Opened { queue, relay_day: self.day }, Some(flight.busy)))
            }
        }
    }

    fn land(&mut self, rid: Rid) -> Result<Flight, Breach> {
        let flight = self.flying.remove(&rid).ok_or(Breach::Unasked)?;
        self.known.remove(&flight.errand);
        Ok(flight)
    }

    fn forget_early_acks(&mut self, queue: InboundId) {
        for ack in self.early_acks.extract_if(.., |ack| is_ack_of(&ack.effect, queue)) {
            if let Some(errand) = errand(&ack.effect) {
                self.known.remove(&errand);
            }
        }
    }
}

fn is_ack_of(effect: &Effect, queue: InboundId) -> bool {
    matches!(effect, Effect::Ack(id, _) if *id == queue)
}

fn finished(flight: Flight, answer: RelayAnswer) -> Heard {
    Heard::Event(Event::Finished { effect: flight.effect, answer }, Some(flight.busy))
}

/// A name for each effect of the network.
fn errand(effect: &Effect) -> Option<Errand> {
    Some(match effect {
        Effect::Open(id) => (0, id.0, 0),
        Effect::Send(id) => (1, id.session.0, id.seq),
        // The bits are all that counts here.
        Effect::Ack(id, upto) => (2, id.0, upto.cast_signed()),
        Effect::PutInvite(id) => (3, id.0, 0),
        Effect::TakeInvite(id) => (4, id.0, 0),
        Effect::RevokeInvite(id) => (5, id.0, 0),
        Effect::CloseQueue(id) => (6, id.0, 0),
        Effect::RotateRead(id) => (7, id.0, 0),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
