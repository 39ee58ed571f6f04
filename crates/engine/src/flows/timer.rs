//! Timers: everything that is due, and when to wake next.
//!
//! Spec: docs/ARCHITECTURE.md, "Time". Invariant: a timer that rang is erased before its flow runs, which sets it again
//! when it has to; what ends something waits until a relay's day agrees with mine.

use rand_core::CryptoRng;
use subrosa_codec::Millis;

use crate::api::{ContactId, InviteId, Notice};
use crate::id::{InboundId, OutboxId, SessionKey};
use crate::resume::next_timer;
use crate::rows::{
    Contact, Corrupt, Key, Occurrence, OutCell, Outbox, Role, Rows, Session, Span, StandingRow, Table, Timer,
    TimerKind,
};
use crate::tx::Tx;

impl TimerKind {
    /// Whether it ends something: a clock that leaps must not ring it.
    const fn ends(self) -> bool {
        matches!(self, Self::Drain | Self::NoAnswer | Self::Invite)
    }
}

impl<R: Rows, G: CryptoRng> Tx<'_, R, G> {
    pub(super) fn due(&mut self) -> Result<(), Corrupt> {
        let timers = self.list::<Timer>(Span::table(Table::Timer))?;
        let trusted = self.clock_agrees()?;
        for (key, timer) in timers {
            // An earlier flow of this very event may have moved or cleared it.
            let stands = self.load::<Timer>(key)?.is_some_and(|now| now == timer);
            let Some(kind) = TimerKind::from_number(key.parent).filter(|_| stands) else { continue };
            if timer.at > self.now.0 {
                continue;
            }
            if kind.ends() && !trusted && !self.leaving(kind, key.id)? {
                self.timer(kind, key.id, self.now.plus(Millis::HOUR));
                continue;
            }
            self.erase(key);
            self.rang(kind, key)?;
        }
        if let Some(next) = next_timer(self)? {
            self.wake_at(next);
        }
        Ok(())
    }

    /// A last word to somebody forgotten: its end harms nothing, and there may be no queue whose relay says the day.
    fn leaving(&self, kind: TimerKind, subject: i64) -> Result<bool, Corrupt> {
        let session: Option<Session> = match kind {
            TimerKind::Drain => self.load(Session::key(SessionKey(subject)))?,
            _ => None,
        };
        Ok(session.is_some_and(|session| session.role == Role::Leaving))
    }

    fn rang(&mut self, kind: TimerKind, key: Key) -> Result<(), Corrupt> {
        let session = SessionKey(key.id);
        match kind {
            TimerKind::Confirm => self.confirm(session),
            TimerKind::Heartbeat => self.settle_session(session),
            TimerKind::Receipts => self.send_receipts(ContactId(key.id)),
            TimerKind::Retry => self.try_again(session),
            TimerKind::Watch => self.watch(session),
            TimerKind::Age => self.age(session),
            TimerKind::Drain => self.drained(session),
            TimerKind::NoAnswer => self.no_answer(session),
            TimerKind::Invite => self.invite_due(InviteId(key.id)),
            TimerKind::Rotate => self.rotate(InboundId(key.id)),
            TimerKind::Reopen => self.reopen(InboundId(key.id)),
            TimerKind::Reinvite => self.reinvite(InviteId(key.id)),
        }
    }

    /// A session's time is over.
    fn drained(&mut self, key: SessionKey) -> Result<(), Corrupt> {
        match self.load::<Session>(Session::key(key))? {
            Some(session) if !session.is_current() => self.drop_session(key),
            _ => Ok(()),
        }
    }

    /// Nobody answered the cell that began this session, for as long as anyone could.
    fn no_answer(&mut self, key: SessionKey) -> Result<(), Corrupt> {
        let Some(session) = self.load::<Session>(Session::key(key))? else { return Ok(()) };
        if session.heard {
            return Ok(());
        }
        match session.role {
            Role::Void => self.reconsider(key),
            // Its own end is set: they may answer a recovery late.
            Role::Trial if session.recovery => Ok(()),
            Role::Trial => self.drop_session(key),
            Role::Current if session.recovery => self.recovery_unanswered(key, ContactId(session.contact)),
            Role::Current => {
                let first = OutboxId { session: key, seq: OutboxId::FIRST };
                self.erase(Outbox::key(first));
                self.erase(OutCell::key(first));
                self.unanswered(ContactId(session.contact))
            }
            _ => Ok(()),
        }
    }

    fn unanswered(&mut self, id: ContactId) -> Result<(), Corrupt> {
        let contact: Contact = self.contact(id)?;
        if contact.standing == StandingRow::Pending {
            self.close_chat(id, Occurrence::NoAnswer)?;
            self.tell(Notice::Chats);
        }
        Ok(())
    }
}
