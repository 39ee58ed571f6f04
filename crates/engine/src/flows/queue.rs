//! My queues: made, opened, rotated, closed.
//!
//! Spec: docs/spec/relay.md, "Queues". Invariant: a capability is on disk before a relay hears of it.

use alloc::vec::Vec;

use rand_core::CryptoRng;
use subrosa_codec::{Day, Millis};
use subrosa_crypto::{QueueDescriptor, QueueEntry};
use subrosa_wire::{Refusal, RelayAddress};

use crate::api::{CommandError, ContactId, Notice};
use crate::event::{Effect, RelayAnswer};
use crate::id::InboundId;
use crate::job;
use crate::limits::{CLOCK_TRUST_DAYS, ROTATE};
use crate::rows::{Clock, Corrupt, Hidden, Inbound, InboundState, Rows, Session, Span, Table, TimerKind};
use crate::tx::{Stop, Tx};

/// A queue that was just made: its id, and how to write to it.
pub(super) struct NewQueue {
    pub(super) id: InboundId,
    pub(super) relay: RelayAddress,
    pub(super) descriptor: QueueDescriptor,
}

impl<R: Rows, G: CryptoRng> Tx<'_, R, G> {
    /// My relay.
    pub(super) fn my_relay(&self) -> Result<RelayAddress, Stop> {
        let text = self.me()?.relay.ok_or(CommandError::NoRelay)?;
        Ok(job::relay(Table::Meta, &text)?)
    }

    /// A new queue at my relay, opened at once.
    pub(super) fn new_queue(&mut self, contact: Option<ContactId>) -> Result<NewQueue, Stop> {
        // REL-12.
        let relay = self.my_relay()?;
        let id = InboundId(self.next_id()?);
        let (write, read): ([u8; 32], [u8; 32]) = (self.random(), self.random());
        let row = Inbound {
            relay: alloc::format!("{relay}"),
            write: Hidden::copy(&write),
            read: Hidden::copy(&read),
            next_read: None,
            contact: contact.map(|contact| contact.0),
            invite: None,
            state: InboundState::Open,
            strange: Vec::new(),
        };
        let entry = QueueEntry {
            relay: *relay.key().as_bytes(),
            write,
            host: relay.host().into(),
            port: relay.port(),
        };
        let descriptor =
            QueueDescriptor::new(entry, None).map_err(|_| Stop::Corrupt(Corrupt { table: Table::Meta }))?;
        self.put(Inbound::key(id), &row);
        self.effect(Effect::Open(id));
        let at = self.next_rotation();
        self.timer(TimerKind::Rotate, id.0, at);
        Ok(NewQueue { id, relay, descriptor })
    }

    fn next_rotation(&mut self) -> Millis {
        // Spread over a day: queues of one person shall not rotate together.
        self.now.plus(ROTATE).plus(self.jitter(Millis::DAY))
    }

    pub(super) fn queue_opened(&mut self, queue: InboundId, relay_day: Day) -> Result<(), Corrupt> {
        let today = self.now.day();
        if today.since(relay_day) <= 1 && relay_day.since(today) <= 1 {
            let agreed = self.load::<Clock>(Clock::KEY)?;
            if agreed.is_none_or(|clock| clock.agreed != today.0) {
                self.put(Clock::KEY, &Clock { agreed: today.0 });
            }
        }
        self.clear_timer(TimerKind::Reopen, queue.0)
    }

    /// Whether ageing may be trusted: a relay said lately what day it is.
    pub(super) fn clock_agrees(&self) -> Result<bool, Corrupt> {
        let clock: Option<Clock> = self.load(Clock::KEY)?;
        Ok(clock.is_some_and(|clock| self.now.day().since(Day(clock.agreed)) <= CLOCK_TRUST_DAYS))
    }

    pub(super) fn open_answered(&mut self, queue: InboundId, answer: &RelayAnswer) -> Result<(), Corrupt> {
        match answer {
            RelayAnswer::Refused(refusal) => self.ask_again(queue, *refusal),
            _ => self.clear_timer(TimerKind::Reopen, queue.0),
        }
    }

    /// Says what a person should know of a refusal, and asks the relay again later.
    fn ask_again(&mut self, queue: InboundId, refusal: Refusal) -> Result<(), Corrupt> {
        if self.load::<Inbound>(Inbound::key(queue))?.is_none() {
            return Ok(());
        }
        if refusal.lasts() {
            self.tell(Notice::Trouble(alloc::format!("{refusal}")));
        }
        let at = self.now.plus(Millis::MINUTE).plus(self.jitter(Millis::MINUTE.times(4)));
        self.timer(TimerKind::Reopen, queue.0, at);
        Ok(())
    }

    /// The relay did not do what it was asked for this queue: once more, whatever it was.
    pub(super) fn reopen(&mut self, queue: InboundId) -> Result<(), Corrupt> {
        let Some(row) = self.load::<Inbound>(Inbound::key(queue))? else { return Ok(()) };
        self.effect(match (row.state, row.next_read) {
            (InboundState::Closing, _) => Effect::CloseQueue(queue),
            (InboundState::Open, Some(_)) => Effect::RotateRead(queue),
            (InboundState::Open, None) => Effect::Open(queue),
        });
        Ok(())
    }

    /// Weekly, and after a takeover: another capability reads from now on.
    pub(super) fn rotate(&mut self, queue: InboundId) -> Result<(), Corrupt> {
        // REL-61.
        let Some(mut row) = self.load::<Inbound>(Inbound::key(queue))? else { return Ok(()) };
        if row.state != InboundState::Open {
            return Ok(());
        }
        if row.next_read.is_none() {
            row.next_read = Some(Hidden::copy(&self.random::<32>()));
            self.put(Inbound::key(queue), &row);
        }
        self.effect(Effect::RotateRead(queue));
        let at = self.next_rotation();
        self.timer(TimerKind::Rotate, queue.0, at);
        Ok(())
    }

    /// Someone else reads my queue: a second copy of this profile, or a thief of the capability. Either ends here.
    pub(super) fn queue_moved(&mut self, queue: InboundId) -> Result<(), Corrupt> {
        self.rotate(queue)
    }

    pub(super) fn rotate_answered(&mut self, queue: InboundId, answer: &RelayAnswer) -> Result<(), Corrupt> {
        let Some(mut row) = self.load::<Inbound>(Inbound::key(queue))? else { return Ok(()) };
        let Some(next) = row.next_read.take() else { return Ok(()) };
        match answer {
            // REL-62.
            // Missing: the relay did it before and the answer was lost, or the queue is gone; opening heals both.
            RelayAnswer::Ok(_) | RelayAnswer::Refused(Refusal::Missing) => {
                row.read = next;
                self.put(Inbound::key(queue), &row);
                self.effect(Effect::Open(queue));
                Ok(())
            }
            RelayAnswer::Refused(refusal) => self.ask_again(queue, *refusal),
            RelayAnswer::Bundle(_) => Ok(()),
        }
    }

    /// Gives a queue up; its row goes when the relay has deleted it.
    pub(super) fn close_queue(&mut self, queue: InboundId) -> Result<(), Corrupt> {
        let Some(mut row) = self.load::<Inbound>(Inbound::key(queue))? else { return Ok(()) };
        row.state = InboundState::Closing;
        (row.contact, row.invite) = (None, None);
        self.put(Inbound::key(queue), &row);
        self.clear_timer(TimerKind::Rotate, queue.0)?;
        self.effect(Effect::CloseQueue(queue));
        Ok(())
    }

    /// Gives a queue up unless a session or an invite still needs it.
    pub(super) fn close_queue_if_idle(&mut self, queue: InboundId) -> Result<(), Corrupt> {
        // REL-64.
        let Some(row) = self.load::<Inbound>(Inbound::key(queue))? else { return Ok(()) };
        let sessions: Vec<(_, Session)> = self.list(Span::table(Table::Session))?;
        let used = sessions.iter().any(|(_, session)| session.inbound == queue.0);
        if used || row.invite.is_some() { Ok(()) } else { self.close_queue(queue) }
    }

    pub(super) fn close_answered(&mut self, queue: InboundId, answer: &RelayAnswer) -> Result<(), Corrupt> {
        match answer {
            RelayAnswer::Ok(_) | RelayAnswer::Refused(Refusal::Missing) => {
                self.erase(Inbound::key(queue));
                self.clear_timer(TimerKind::Reopen, queue.0)
            }
            RelayAnswer::Refused(refusal) => self.ask_again(queue, *refusal),
            RelayAnswer::Bundle(_) => Ok(()),
        }
    }
}
