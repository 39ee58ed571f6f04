//! At rest: everything that was not acknowledged was sent again, and both sides look at what they have.
//!
//! Spec: docs/spec/ratchet.md, "Acknowledgements", "Alarms and latches". Invariant: without a fork all that was sent is
//! opened or given up, nobody is latched, and both ends hold the same keys; with one, somebody knows.

use subrosa_crypto::{Session, SessionId, Weight};

use super::line::Slot;
use super::meet::ordered;
use super::play::{Way, World};
use super::{Act, Fault, What, must};

/// How often everything is sent again at most: each time fills at least one gap of a fork.
const ROUNDS: u32 = 12;

impl World {
    pub(crate) fn rest(&mut self) -> Result<(), Fault> {
        self.note_handshakes()?;
        let ways = self.ways();
        // What is still on its way arrives, in any order that it lies in.
        for flight in core::mem::take(&mut self.wires) {
            self.deliver(&flight)?;
        }
        for round in 0..ROUNDS {
            for way in &ways {
                let act = Act { what: What::Send, pair: 0, n: 1, seed: round };
                self.seal_with(*way, Weight::Control, act)?;
                self.resend(*way);
                for flight in core::mem::take(&mut self.wires) {
                    self.deliver(&flight)?;
                }
            }
            if round >= 4 && self.all_agree().is_ok() {
                break;
            }
        }
        self.all_agree()
    }

    fn all_agree(&self) -> Result<(), Fault> {
        self.ways().into_iter().filter(|(a, b)| a < b).try_for_each(|way| self.agree(way))
    }

    fn agree(&self, way: Way) -> Result<(), Fault> {
        let (mine, theirs) = (self.line(way), self.line((way.1, way.0)));
        let messy = self.messy.contains(&ordered(way));
        must!(messy || mine.current == theirs.current, "{way:?} speak in different sessions");
        for slot in &mine.slots {
            let sid = slot.session.id();
            let Some(other) = theirs.slot(sid) else { continue };
            if self.oracle.forked.contains(&sid) {
                let torn = torn(slot, other) || torn(other, slot);
                let latched = slot.session.latch().or(other.session.latch()).is_some();
                let known = latched || self.out_of_step(way) || self.out_of_step((way.1, way.0));
                let speaks = mine.current == Some(sid) && theirs.current == Some(sid);
                must!(!torn || known || messy || !speaks, "{way:?} are torn apart, and nobody knows");
                continue;
            }
            self.whole(slot, other)?;
            self.whole(other, slot)?;
            if mine.current == Some(sid) && theirs.current == Some(sid) {
                same_keys(sid, &slot.session, &other.session)?;
            }
        }
        Ok(())
    }

    /// Whether so many cells belong to nobody that the person is told to compare with the other side.
    fn out_of_step(&self, way: Way) -> bool {
        self.strange.get(&way).is_some_and(|cells| cells.len() >= 3)
    }

    /// All that `from` sealed was opened by `to` or given up.
    fn whole(&self, from: &Slot, to: &Slot) -> Result<(), Fault> {
        must!(from.session.latch().is_none(), "a false alarm");
        for (seq, print) in &from.own {
            let arrived = to.opened.get(seq);
            must!(arrived.is_none_or(|name| name == print), "number {seq} arrived as something else");
            must!(arrived.is_some() || to.lost.contains(seq), "number {seq} did not arrive");
        }
        Ok(())
    }
}

/// Whether `to` has opened what `from` did not seal, or sealed otherwise.
fn torn(from: &Slot, to: &Slot) -> bool {
    to.opened.iter().any(|(seq, print)| from.own.get(seq) != Some(print))
}

/// Root key, and what one side sends under is what the other expects (docs/spec/ratchet.md, "Stored state").
fn same_keys(sid: SessionId, mine: &Session, theirs: &Session) -> Result<(), Fault> {
    const ROOT: usize = 8 + 32;
    let (mine, theirs) = (mine.write(), theirs.write());
    let key = |state: &[u8], at: usize| state[ROOT + 32 * at..ROOT + 32 * (at + 1)].to_vec();
    must!(key(&mine, 0) == key(&theirs, 0), "two root keys in {sid:?}");
    must!(key(&mine, 1) == key(&theirs, 2), "what one sends under is not what the other expects");
    must!(key(&mine, 2) == key(&theirs, 1), "what one expects is not what the other sends under");
    Ok(())
}
