//! [`Line`]: one connection of one client: what is asked, what waits, and what an answer means.
//!
//! Spec: docs/spec/relay.md, "Requests". Invariant: jobs leave in the order they came, at most the relay's number
//! unanswered, and none twice at a time.

use std::collections::{BTreeMap, VecDeque};

use subrosa_codec::Day;
use subrosa_engine::{Effect, Event, InboundId, Job, RelayAnswer};
use subrosa_relay_core::ConnId;
use subrosa_wire::{Admit, Handle, InvitePut, Open, Request, Response, Rid, Seq, UNANSWERED};

/// An open (or opening) connection.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) conn: ConnId,
    /// `None` until WELCOME.
    pub(super) day: Option<Day>,
    last_rid: u32,
    pending: VecDeque<Effect>,
    flying: BTreeMap<Rid, Effect>,
    handles: BTreeMap<Handle, InboundId>,
}

impl Line {
    /// HELLO has number 1.
    pub(super) fn new(conn: ConnId) -> Self {
        Self {
            conn,
            day: None,
            last_rid: 1,
            pending: VecDeque::new(),
            flying: BTreeMap::new(),
            handles: BTreeMap::new(),
        }
    }

    /// Takes `effect` on, unless it waits already.
    pub(super) fn give(&mut self, effect: Effect) {
        let waits = self.pending.contains(&effect) || self.flying.values().any(|other| *other == effect);
        if !waits {
            self.pending.push_back(effect);
        }
    }

    /// The next effect to ask for, when one may be asked.
    pub(super) fn next(&mut self) -> Option<Effect> {
        if self.day.is_none() || self.flying.len() >= usize::from(UNANSWERED) {
            return None;
        }
        self.pending.pop_front()
    }

    /// The request for `effect`, and its number.
    pub(super) fn ask(&mut self, effect: Effect, job: Job) -> Option<(Rid, Request)> {
        let request = self.request(&effect, job)?;
        self.last_rid += 1;
        let rid = Rid(self.last_rid);
        self.flying.insert(rid, effect);
        Some((rid, request))
    }

    fn request(&self, effect: &Effect, job: Job) -> Option<Request> {
        Some(match (job, effect) {
            (Job::Open { write, read, credit, .. }, _) => {
                Request::Open(Open { queue: write, read, admit: Admit::OPEN, credit: credit.max(1) })
            }
            (Job::Append { write, cell, .. }, _) => Request::Append { write, cell },
            (Job::Ack { upto, .. }, Effect::Ack(queue, _)) => {
                // The newest handle is the one in force; without any the relay delivers again.
                let handle = self.handles.iter().rev().find(|(_, id)| *id == queue)?.0;
                Request::Ack { handle: *handle, upto: Seq(upto) }
            }
            (Job::PutInvite { id, owner, kind, days, bundle, .. }, _) => {
                Request::InvitePut(InvitePut { id, owner, kind, days, bundle })
            }
            (Job::TakeInvite { fetch, claim, .. }, _) => Request::InviteTake { fetch, claim },
            (Job::RevokeInvite { owner, .. }, _) => Request::InviteRevoke { owner },
            (Job::CloseQueue { read, .. }, _) => Request::Close { read },
            (Job::RotateRead { read, to, .. }, _) => Request::RotateRead { read, to },
            _ => return None,
        })
    }

    /// What the relay's frame means for the engine; `Err` when nobody asked for it.
    pub(super) fn hear(&mut self, rid: Rid, response: Response) -> Result<Option<Event>, Response> {
        match response {
            Response::Welcome(welcome) => {
                self.day = Some(welcome.day);
                Ok(Some(Event::Online))
            }
            Response::Cell { handle, seq, cell } => match self.handles.get(&handle) {
                Some(queue) => Ok(Some(Event::Cell { queue: *queue, seq: seq.0, cell })),
                None => Err(Response::Cell { handle, seq, cell }),
            },
            response => match (self.flying.remove(&rid), response) {
                (Some(Effect::Open(queue)), Response::Reply(Ok(handle))) => {
                    self.handles.insert(Handle(u32::try_from(handle).unwrap_or(u32::MAX)), queue);
                    let relay_day = self.day.unwrap_or_default();
                    Ok(Some(Event::Opened { queue, relay_day }))
                }
                (Some(effect), Response::Reply(answer)) => {
                    let answer = answer.map_or_else(RelayAnswer::Refused, RelayAnswer::Ok);
                    Ok(Some(Event::Finished { effect, answer }))
                }
                (Some(effect), Response::Bundle(bundle)) => {
                    Ok(Some(Event::Finished { effect, answer: RelayAnswer::Bundle(bundle) }))
                }
                (_, other) => Err(other),
            },
        }
    }
}
