//! Cells that lie at a relay: expired there, or missed by the peer.
//!
//! Spec: docs/spec/ratchet.md, "Acknowledgements" (A31). Invariant: what is appended again are the same bytes.

use alloc::vec::Vec;

use rand_core::CryptoRng;
use subrosa_codec::Millis;

use crate::api::{ContactId, Notice};
use crate::event::Effect;
use crate::id::SessionKey;
use crate::limits::{RETENTION, STUCK, WATCH};
use crate::rows::{Corrupt, Key, Outbox, Part, Progress, Rows, Session, Span, Stuck, Table, TimerKind};
use crate::tx::Tx;

impl<R: Rows, G: CryptoRng> Tx<'_, R, G> {
    /// Notes since when the peer misses a cell although it has later ones.
    pub(super) fn note_stuck(&mut self, key: SessionKey) -> Result<(), Corrupt> {
        let ratchet = self.ratchet(key)?;
        let (low, high) = (ratchet.outbox_low(), ratchet.peer_high());
        let mut session = self.session(key)?;
        let stuck = match session.stuck {
            _ if high <= low => None,
            Some(stuck) if stuck.low == low => Some(stuck),
            _ => Some(Stuck { low, since: self.now.0, wait: None }),
        };
        if session.stuck != stuck {
            session.stuck = stuck;
            self.put_session(key, &session);
            if stuck.is_some() {
                self.timer_no_later(TimerKind::Watch, key.0, self.now.plus(WATCH))?;
            }
        }
        Ok(())
    }

    /// Looks after the cells of a session that a relay has stored.
    pub(super) fn watch(&mut self, key: SessionKey) -> Result<(), Corrupt> {
        let Some(session) = self.load::<Session>(Session::key(key))? else { return Ok(()) };
        let rows: Vec<(Key, Outbox)> = self.list(Span::under(Table::Outbox, key.0))?;
        let missed = self.missed(key, session.clone())?;
        let held = session.hold.is_some_and(|until| until > self.now.0);
        let mut next: Option<Millis> = None;
        for (at, mut row) in rows {
            let Some(stored) = row.accepted.map(Millis) else { continue };
            // HS-12, RAT-58.
            let expired = self.now.since(stored) >= RETENTION && !row.quiet;
            if expired || missed.is_some_and(|(low, high)| (low..high).contains(&at.id)) {
                row.accepted = None;
                self.put(at, &row);
                if !held {
                    self.effect(Effect::Send(Outbox::id(at)));
                }
                continue;
            }
            let unseen = stored.plus(Progress::UNSEEN);
            if row.message.is_some() && (unseen..unseen.plus(WATCH.times(2))).contains(&self.now) {
                self.tell(Notice::Chat(ContactId(session.contact)));
            }
            let look = match (row.quiet, unseen > self.now) {
                (_, true) => self.now.plus(WATCH),
                (false, false) => stored.plus(RETENTION),
                (true, false) => self.now.plus(Millis::DAY),
            };
            next = Some(next.map_or(look, |next| next.min(look)));
        }
        if self.session(key)?.stuck.is_some() {
            next = Some(self.now.plus(WATCH));
        }
        if let Some(next) = next {
            self.timer(TimerKind::Watch, key.0, next);
        }
        Ok(())
    }

    /// The numbers that the peer has missed for too long, though it has later ones: `low..high`. Each time it waits
    /// twice as long for the peer, which may be away.
    fn missed(&mut self, key: SessionKey, mut session: Session) -> Result<Option<(i64, i64)>, Corrupt> {
        // RAT-59.
        let Some(Stuck { low, since, wait }) = session.stuck else { return Ok(None) };
        let wait = wait.map_or(STUCK, Millis);
        if self.now.since(Millis(since)) < wait {
            return Ok(None);
        }
        let wait = wait.times(2).min(RETENTION);
        session.stuck = Some(Stuck { low, since: self.now.0, wait: Some(wait.0) });
        self.put_session(key, &session);
        Ok(Some((i64::from(low), i64::from(self.ratchet(key)?.peer_high()))))
    }

    /// Once a day while something is missing: keys and parts that nobody will ask for any more are given up.
    pub(super) fn age(&mut self, key: SessionKey) -> Result<(), Corrupt> {
        if self.load::<Session>(Session::key(key))?.is_none() {
            return Ok(());
        }
        // RAT-64.
        if self.clock_agrees()? {
            if let Some((next, events)) = self.ratchet(key)?.age(self.now) {
                self.put_ratchet(key, next);
                self.happened(key, &events)?;
            }
            for (at, part) in self.list::<Part>(Span::under(Table::Part, key.0))? {
                // CON-03.
                if self.now.since(Millis(part.at)) >= crate::limits::PARTS {
                    self.erase(at);
                }
            }
        }
        let parts = !self.span(Span::under(Table::Part, key.0).limit(1))?.is_empty();
        let gaps = !self.span(Span::under(Table::Gap, key.0).limit(1))?.is_empty();
        if parts || gaps {
            self.timer(TimerKind::Age, key.0, self.now.plus(Millis::DAY));
        }
        Ok(())
    }
}
