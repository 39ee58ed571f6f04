//! Sealed cells on their way: appended, accepted, refused, acknowledged.
//!
//! Spec: docs/spec/ratchet.md, "Acknowledgements" (A31). Invariant: a cell is erased only when the peer's own
//! acknowledgement has passed it; until then the very same bytes can be sent again.

use rand_core::CryptoRng;
use subrosa_codec::{Cell, Millis};
use subrosa_crypto::QueueDescriptor;
use subrosa_wire::Refusal;

use crate::api::{ContactId, FailReason, Notice, Position};
use crate::event::{Effect, RelayAnswer};
use crate::id::{OutboxId, SessionKey};
use crate::limits::{BACKOFF_FIRST, BACKOFF_LONGEST, RETENTION, WATCH};
use crate::resume::{unaccepted, unstored};
use crate::rows::{Corrupt, Message, OutCell, Outbox, Role, Rows, Session, Span, Table, TimerKind};
use crate::tx::Tx;

impl<R: Rows, G: CryptoRng> Tx<'_, R, G> {
    /// Keeps a sealed cell and sends it, unless the relay just refused this queue.
    pub(super) fn push_cell(&mut self, id: OutboxId, cell: Cell, row: &Outbox) -> Result<(), Corrupt> {
        self.put(Outbox::key(id), row);
        self.put(OutCell::key(id), &OutCell(cell));
        if !self.held(&self.session(id.session)?) && self.may_follow(id)? {
            self.effect(Effect::Send(id));
        }
        Ok(())
    }

    /// Nothing follows the cell that begins a session before the relay has it.
    fn may_follow(&self, id: OutboxId) -> Result<bool, Corrupt> {
        Ok(unaccepted(self, id.session)?.contains(&id))
    }

    fn held(&self, session: &Session) -> bool {
        session.hold.is_some_and(|until| until > self.now.0)
    }

    /// Sends every cell of a session that no relay has stored, in order.
    pub(super) fn send_waiting(&mut self, key: SessionKey) -> Result<(), Corrupt> {
        for id in unaccepted(self, key)? {
            self.effect(Effect::Send(id));
        }
        Ok(())
    }

    pub(super) fn append_answered(&mut self, id: OutboxId, answer: &RelayAnswer) -> Result<(), Corrupt> {
        let Some(session) = self.load::<Session>(Session::key(id.session))? else { return Ok(()) };
        match answer {
            RelayAnswer::Ok(_) => self.stored(id, session),
            RelayAnswer::Refused(refusal) => self.append_refused(id, session, *refusal),
            RelayAnswer::Bundle(_) => Ok(()),
        }
    }

    /// The relay has it on disk.
    fn stored(&mut self, id: OutboxId, mut session: Session) -> Result<(), Corrupt> {
        if session.refusals > 0 || session.missing_since.is_some() {
            (session.refusals, session.missing_since) = (0, None);
            self.put_session(id.session, &session);
        }
        let Some(mut row) = self.load::<Outbox>(Outbox::key(id))? else { return Ok(()) };
        if session.role == Role::Leaving {
            return self.left(id);
        }
        if row.accepted.is_none() {
            row.accepted = Some(self.now.0);
            self.count(&session, &mut row, false)?;
            self.put(Outbox::key(id), &row);
            if id.seq <= 0 {
                self.send_waiting(id.session)?;
            }
            self.timer_no_later(TimerKind::Watch, id.session.0, self.now.plus(WATCH))?;
        }
        Ok(())
    }

    /// Counts a cell in its message: stored at the relay, or (`acked`) acknowledged by the peer.
    fn count(&mut self, session: &Session, row: &mut Outbox, acked: bool) -> Result<(), Corrupt> {
        let first = !core::mem::replace(&mut row.counted, true);
        let Some(position) = row.message.map(Position) else { return Ok(()) };
        let chat = ContactId(session.contact);
        let Some(mut message) = self.load::<Message>(Message::key(chat, position))? else { return Ok(()) };
        let Some(progress) = &mut message.progress else { return Ok(()) };
        if first {
            progress.unsent = progress.unsent.saturating_sub(1);
        }
        if acked {
            progress.unacked = progress.unacked.saturating_sub(1);
        }
        if progress.unsent == 0 && progress.sent.is_none() {
            progress.sent = Some(self.now.0);
        }
        // It got there after all.
        progress.failed = 0;
        self.put(Message::key(chat, position), &message);
        self.tell(Notice::Chat(chat));
        Ok(())
    }

    /// The relay did not take it: the other entry of the descriptor, else the same bytes again later.
    fn append_refused(
        &mut self,
        id: OutboxId,
        mut session: Session,
        refusal: Refusal,
    ) -> Result<(), Corrupt> {
        let waits = self.load::<Outbox>(Outbox::key(id))?.is_some_and(|row| row.accepted.is_none());
        // Pipelined cells are refused one by one: the first refusal holds them all.
        if !waits || self.held(&session) {
            return Ok(());
        }
        if refusal == Refusal::Missing && session.missing_since.is_none() {
            session.missing_since = Some(self.now.0);
        }
        // INV-03.
        if session.entry == 0 && self.may_use_second(id, &session)? {
            session.entry = 1;
            self.put_session(id.session, &session);
            return self.send_waiting(id.session);
        }
        session.entry = if session.heard { 0 } else { session.entry };
        let first = session.refusals == 0;
        let wait = backoff(session.refusals);
        let at = self.now.plus(wait).plus(self.jitter(wait));
        session.refusals = session.refusals.saturating_add(1);
        session.hold = Some(at.0);
        self.put_session(id.session, &session);
        self.timer(TimerKind::Retry, id.session.0, at);
        // What the person can't see in the state of the message; once, not at each try.
        if first && refusal.lasts() {
            self.tell(Notice::Trouble(alloc::format!("{refusal}")));
        }
        self.queue_gone(id.session, &session)
    }

    /// The second queue of a peer is used only after the first refused; a joiner stays with the one that took the
    /// handshake until it is answered.
    fn may_use_second(&self, id: OutboxId, session: &Session) -> Result<bool, Corrupt> {
        let broken = Corrupt { table: Table::Session };
        let descriptor = QueueDescriptor::parse(session.queue.expose()).map_err(|_| broken)?;
        // INV-04.
        let begins = id.seq == OutboxId::FIRST;
        Ok(descriptor.entries().count() > 1 && (session.heard || begins))
    }

    /// The queue is missing for longer than the relay keeps anything: the person has to know.
    fn queue_gone(&mut self, key: SessionKey, session: &Session) -> Result<(), Corrupt> {
        let gone = session.missing_since.is_some_and(|since| self.now.since(Millis(since)) >= RETENTION);
        if !gone || !self.clock_agrees()? {
            return Ok(());
        }
        // Those behind the cell that begins the session wait for the same queue.
        for id in unstored(self, key)? {
            let row: Outbox = self.need(Outbox::key(id))?;
            if let Some(position) = row.message {
                self.fail(ContactId(session.contact), Position(position), FailReason::QueueGone)?;
            }
        }
        Ok(())
    }

    /// The wait after a refusal is over.
    pub(super) fn try_again(&mut self, key: SessionKey) -> Result<(), Corrupt> {
        let Some(mut session) = self.load::<Session>(Session::key(key))? else { return Ok(()) };
        session.hold = None;
        self.put_session(key, &session);
        self.send_waiting(key)
    }

    /// The peer's acknowledgement has passed every cell below `low`.
    pub(super) fn trim(&mut self, key: SessionKey, low: u32) -> Result<(), Corrupt> {
        // RAT-56.
        let Some(last) = low.checked_sub(1) else { return Ok(()) };
        let session = self.session(key)?;
        let span = Span::under(Table::Outbox, key.0).from(0).to(i64::from(last));
        for (at, mut row) in self.list::<Outbox>(span)? {
            self.count(&session, &mut row, true)?;
            self.erase(at);
            self.erase(OutCell::key(Outbox::id(at)));
        }
        Ok(())
    }

    /// The last word to a forgotten contact is at its relay.
    fn left(&mut self, id: OutboxId) -> Result<(), Corrupt> {
        self.erase(Outbox::key(id));
        self.erase(OutCell::key(id));
        if unaccepted(self, id.session)?.is_empty() { self.drop_session(id.session) } else { Ok(()) }
    }
}

/// Doubled with each refusal.
fn backoff(refusals: u32) -> Millis {
    // RAT-57.
    let factor = 1_u64.checked_shl(refusals.min(20)).unwrap_or(u64::MAX);
    BACKOFF_FIRST.times(factor).min(BACKOFF_LONGEST)
}
