//! Giving up: keys that nobody will ask for any more.
//!
//! Spec: docs/spec/ratchet.md, "Giving up". Invariant: a number that is given up is told once, as `Lost`, and its key is
//! erased.

use alloc::vec::Vec;

use subrosa_codec::Millis;

use super::{Session, SessionEvent};

impl Session {
    /// Gives up the keys stored [`KEY_DAYS`](super::KEY_DAYS) days ago or earlier; `None` when there are none.
    ///
    /// To be called once a day. Store the session and what the events say together.
    #[must_use]
    pub fn age(&self, now: Millis) -> Option<(Self, Vec<SessionEvent>)> {
        let mut next = self.clone();
        let heard = next.turn.heard_mut()?;
        let before = heard.low();
        let lost = heard.expire(now.day());
        if lost.is_empty() {
            return None;
        }
        heard.risen(before, now);
        Some((next, lost.into_iter().map(|seq| SessionEvent::Lost { seq }).collect()))
    }

    /// Gives up one missing cell, after three different bodies under its header did not open; `None` when it is not
    /// waited for: opened, given up, or nothing above it has been opened yet.
    #[must_use]
    pub fn give_up(&self, seq: u32, now: Millis) -> Option<(Self, SessionEvent)> {
        // RAT-65.
        let mut next = self.clone();
        let heard = next.turn.heard_mut()?;
        let before = heard.low();
        let (n, waiting) = heard.waiting_at(seq)?;
        waiting.take(n)?;
        heard.risen(before, now);
        Some((next, SessionEvent::Lost { seq }))
    }
}
