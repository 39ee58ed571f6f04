//! Heartbeats: an acknowledgement when nothing else brings one.
//!
//! Spec: docs/spec/ratchet.md, "Heartbeats" (A36). Invariant: never in answer to a heartbeat: a cell asks for one
//! once, and so does the end of a gap. The random part of the delay is drawn once.

use rand_core::CryptoRng;
use subrosa_crypto::Weight;

use crate::api::ContactId;
use crate::content::{Content, Control, Kind};
use crate::id::SessionKey;
use crate::limits::{BEAT_AFTER, BEAT_COUNT, BEAT_JITTER, OWED};
use crate::rows::{Corrupt, Rows, Session, StandingRow, TimerKind};
use crate::tx::Tx;
use subrosa_codec::Millis;

impl<R: Rows, G: CryptoRng> Tx<'_, R, G> {
    /// Draws, waits, beats or stops, by what is unanswered in the current session.
    pub(super) fn beat(&mut self, id: ContactId, key: SessionKey) -> Result<(), Corrupt> {
        // RAT-93.
        let mut session: Session = self.session(key)?;
        // RAT-96.
        if !session.is_current() {
            return Ok(());
        }
        let ratchet = self.ratchet(key)?;
        let unanswered = ratchet.unanswered();
        let asked = unanswered.since.or(session.owed.map(Millis));
        let beat_at = match (asked, session.beat_at) {
            (None, _) => None,
            (Some(_), Some(at)) => Some(at),
            (Some(since), None) => Some(since.plus(BEAT_AFTER).plus(self.jitter(BEAT_JITTER)).0),
        };
        if session.beat_at != beat_at {
            session.beat_at = beat_at;
            self.put_session(key, &session);
        }
        let due = beat_at.is_some_and(|at| at <= self.now.0) || unanswered.count >= BEAT_COUNT;
        let speaks = matches!(self.contact(id)?.standing, StandingRow::Pending | StandingRow::Contact);
        if due && speaks {
            let beat = Content::of(Kind::Control(Control::Heartbeat));
            if self.seal_content(key, &beat, Weight::Heartbeat)?.is_ok() {
                return self.clear_timer(TimerKind::Heartbeat, key.0);
            }
        }
        match beat_at.filter(|at| *at > self.now.0) {
            Some(at) => self.timer_unless_set(TimerKind::Heartbeat, key.0, Millis(at)),
            None => self.clear_timer(TimerKind::Heartbeat, key.0),
        }
    }

    /// They sent again what I had: either they have not heard my last cell yet, or they never will.
    pub(super) fn repeated(&mut self, key: SessionKey) -> Result<(), Corrupt> {
        // RAT-95.
        let mut session: Session = self.session(key)?;
        let never = session.spoke.is_some_and(|at| self.now.since(Millis(at)) >= OWED);
        if never && session.owed.is_none() && session.is_current() {
            session.owed = Some(self.now.0);
            self.put_session(key, &session);
            self.settle(ContactId(session.contact))?;
        }
        Ok(())
    }
}
