//! [`Desk`]: what a client asked of a relay on one connection, and what the answers mean.
//!
//! Spec: docs/spec/relay.md, "Requests". Invariant: jobs leave in the order in which they came, and at most
//! [`UNANSWERED`] wait for their answer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use subrosa_codec::Day;
use subrosa_engine::{Effect, Event, InboundId, Job, RelayAnswer};
use subrosa_wire::{
    Admit, Frame, Handle, InvitePut, Open, Refusal, Request, Response, Rid, Seq, UNANSWERED, Welcome,
};

type Errand = (u8, i64, i64);

/// The bookkeeping of one connection.
#[derive(Debug)]
pub(crate) struct Desk {
    day: Day,
    last: u32,
    pending: VecDeque<(Effect, Job)>,
    known: BTreeSet<Errand>,
    flying: BTreeMap<Rid, Effect>,
    handles: BTreeMap<Handle, InboundId>,
    current: BTreeMap<InboundId, Handle>,
}

/// What a relay said.
#[derive(Debug)]
pub(crate) enum Heard {
    Event(Event),
    GoAway,
    Nothing,
    /// What nobody asked for.
    Breach,
}

impl Desk {
    /// After `welcome`; `HELLO` had request number 1.
    pub(crate) fn new(welcome: &Welcome) -> Self {
        Self {
            day: welcome.day,
            last: 1,
            pending: VecDeque::new(),
            known: BTreeSet::new(),
            flying: BTreeMap::new(),
            handles: BTreeMap::new(),
            current: BTreeMap::new(),
        }
    }

    /// Takes a job on, unless the same is under way.
    pub(crate) fn give(&mut self, effect: Effect, job: Job) {
        if errand(&effect).is_some_and(|errand| self.known.insert(errand)) {
            self.pending.push_back((effect, job));
        }
    }

    /// The next request, when one may leave, and the effect that it does.
    pub(crate) fn next_request(&mut self) -> Option<(Frame<Request>, Effect)> {
        while self.flying.len() < usize::from(UNANSWERED) {
            let (effect, job) = self.pending.pop_front()?;
            let Some(request) = self.request(&effect, job) else {
                self.forget(&effect);
                continue;
            };
            self.last += 1;
            self.flying.insert(Rid(self.last), effect.clone());
            return Some((Frame::new(Rid(self.last), request), effect));
        }
        None
    }

    fn request(&self, effect: &Effect, job: Job) -> Option<Request> {
        Some(match job {
            Job::Open { write, read, credit, .. } => {
                Request::Open(Open { queue: write, read, admit: Admit::OPEN, credit: credit.max(1) })
            }
            Job::Append { write, cell, .. } => Request::Append { write, cell },
            Job::Ack { upto, .. } => {
                let Effect::Ack(queue, _) = effect else { return None };
                Request::Ack { handle: *self.current.get(queue)?, upto: Seq(upto) }
            }
            Job::PutInvite { id, owner, kind, days, bundle, .. } => {
                Request::InvitePut(InvitePut { id, owner, kind, days, bundle })
            }
            Job::TakeInvite { fetch, claim, .. } => Request::InviteTake { fetch, claim },
            Job::RevokeInvite { owner, .. } => Request::InviteRevoke { owner },
            Job::CloseQueue { read, .. } => Request::Close { read },
            Job::RotateRead { read, to, .. } => Request::RotateRead { read, to },
            _ => return None,
        })
    }

    /// What `frame` means.
    pub(crate) fn hear(&mut self, frame: Frame<Response>) -> Heard {
        match frame.message {
            Response::Reply(answer) => self.answered(frame.rid, answer),
            Response::Bundle(bundle) => match self.land(frame.rid) {
                Some(effect) => Heard::Event(Event::Finished { effect, answer: RelayAnswer::Bundle(bundle) }),
                None => Heard::Breach,
            },
            Response::Cell { handle, seq, cell } => match self.handles.get(&handle) {
                Some(queue) if self.current.get(queue) == Some(&handle) => {
                    Heard::Event(Event::Cell { queue: *queue, seq: seq.0, cell })
                }
                Some(_) => Heard::Nothing,
                None => Heard::Breach,
            },
            Response::Moved { handle } => match self.handles.get(&handle) {
                Some(queue) if self.current.get(queue) == Some(&handle) => {
                    self.current.remove(queue);
                    Heard::Event(Event::Moved(*queue))
                }
                _ => Heard::Nothing,
            },
            Response::GoAway(_) => Heard::GoAway,
            _ => Heard::Breach,
        }
    }

    fn answered(&mut self, rid: Rid, answer: Result<u64, Refusal>) -> Heard {
        let Some(effect) = self.land(rid) else { return Heard::Breach };
        match (answer, effect) {
            (Err(Refusal::Draining), _) => Heard::Nothing,
            (Err(refusal), effect) => {
                Heard::Event(Event::Finished { effect, answer: RelayAnswer::Refused(refusal) })
            }
            (Ok(value), Effect::Open(queue)) => {
                let Ok(handle) = u32::try_from(value) else { return Heard::Breach };
                self.handles.insert(Handle(handle), queue);
                self.current.insert(queue, Handle(handle));
                Heard::Event(Event::Opened { queue, relay_day: self.day })
            }
            (Ok(value), effect) => Heard::Event(Event::Finished { effect, answer: RelayAnswer::Ok(value) }),
        }
    }

    fn land(&mut self, rid: Rid) -> Option<Effect> {
        let effect = self.flying.remove(&rid)?;
        self.forget(&effect);
        Some(effect)
    }

    fn forget(&mut self, effect: &Effect) {
        if let Some(errand) = errand(effect) {
            self.known.remove(&errand);
        }
    }
}

/// A name for each effect of the network, so that one that is listed again is not done twice at a time.
fn errand(effect: &Effect) -> Option<Errand> {
    Some(match effect {
        Effect::Open(id) => (0, id.0, 0),
        Effect::Send(id) => (1, id.session.0, id.seq),
        Effect::Ack(id, upto) => (2, id.0, upto.cast_signed()),
        Effect::PutInvite(id) => (3, id.0, 0),
        Effect::TakeInvite(id) => (4, id.0, 0),
        Effect::RevokeInvite(id) => (5, id.0, 0),
        Effect::CloseQueue(id) => (6, id.0, 0),
        Effect::RotateRead(id) => (7, id.0, 0),
        _ => return None,
    })
}
