//! Heartbeats: an acknowledgement when nothing else brings one.
//!
//! Spec: docs/spec/ratchet.md, "Heartbeats" (A36). Invariant: only on my turn, and never in answer to a quiet
//! cell; the random part of the delay is drawn once.

use rand_core::CryptoRng;
use subrosa_crypto::Weight;

use crate::api::ContactId;
use crate::content::{Content, Control, Kind};
use crate::id::SessionKey;
use crate::limits::{BEAT_AFTER, BEAT_COUNT, BEAT_JITTER};
use crate::rows::{Corrupt, Rows, Session, StandingRow, TimerKind};
use crate::tx::Tx;
use subrosa_codec::Millis;

impl<R: Rows, G: CryptoRng> Tx<'_, R, G> {
    /// Draws, waits, beats or stops, by what is unanswered in the current session.
    pub(super) fn beat(&mut self, id: ContactId, key: SessionKey) -> Result<(), Corrupt> {
        let mut session: Session = self.session(key)?;
        if !session.is_current() {
            return Ok(());
        }
        let ratchet = self.ratchet(key)?;
        let unanswered = ratchet.unanswered();
        let beat_at = match (unanswered.since, session.beat_at) {
            (None, _) => None,
            (Some(_), Some(at)) => Some(at),
            (Some(since), None) => Some(since.plus(BEAT_AFTER).plus(self.jitter(BEAT_JITTER)).0),
        };
        if session.beat_at != beat_at {
            session.beat_at = beat_at;
            self.put_session(key, &session);
        }
        let due =
            beat_at.is_some_and(|at| at <= self.now.0) || unanswered.count >= BEAT_COUNT || session.blocked;
        let speaks = matches!(self.contact(id)?.standing, StandingRow::Pending | StandingRow::Contact);
        if due && speaks && ratchet.my_turn() {
            let beat = Content::of(Kind::Control(Control::Heartbeat));
            if self.seal_content(key, &beat, Weight::Heartbeat)?.is_ok() {
                session.beat_at = None;
                self.put_session(key, &session);
                return self.clear_timer(TimerKind::Heartbeat, key.0);
            }
        }
        match beat_at.filter(|at| *at > self.now.0 && ratchet.my_turn()) {
            Some(at) => self.timer_unless_set(TimerKind::Heartbeat, key.0, Millis(at)),
            None => self.clear_timer(TimerKind::Heartbeat, key.0),
        }
    }
}
