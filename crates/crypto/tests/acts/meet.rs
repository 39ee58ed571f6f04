//! How sessions begin: invites, crossing invites, recoveries; and which of several is the current one.
//!
//! Spec: docs/spec/ratchet.md, "Several sessions with one identity"; docs/spec/recovery.md. Invariant: both sides of
//! crossing invites and of simultaneous recoveries decide alike.

use rand_chacha::ChaCha8Rng;
use subrosa_codec::{Cell, Day};
use subrosa_crypto::{
    AcceptError, Accepted, Bundle, Created, Identity, Introduction, InviteKeys, InviteKind, InviteTerms,
    Level, QueueDescriptor, QueueEntry, RecoveryIntro, Role, Session, Weight, accept, accept_recovery, join,
    recover,
};

use super::line::{Flight, Kind, Line, Slot};
use super::oracle::print;
use super::play::World;
use super::{Act, Fault, Meeting, must};

pub(super) const START: Day = Day(20_000);

/// Reasons in a recovery cell (docs/spec/recovery.md, "Layouts").
const ALARMED: u8 = 3;
const AFTER_YOURS: u8 = 4;

/// An invite that is out.
pub(super) struct Invite {
    by: usize,
    keys: InviteKeys,
    /// Names the handshake key.
    name: [u8; 32],
    seen: Vec<subrosa_crypto::HandshakeId>,
}

fn place(byte: u8) -> QueueDescriptor {
    let entry =
        QueueEntry { relay: [byte; 32], write: [byte + 1; 32], host: "relay.example".into(), port: 4433 };
    QueueDescriptor::new(entry, None).expect("a descriptor")
}

fn created(me: &Identity, kind: InviteKind, rng: &mut ChaCha8Rng) -> Created {
    let terms = InviteTerms {
        kind,
        relay_key_hash: [9; 32],
        host: "relay.example",
        port: 4433,
        descriptor: &place(1),
        name: "Ida",
        expires: START.plus(7),
    };
    InviteKeys::create(me, &terms, rng).expect("an invite")
}

impl World {
    /// Everybody meets everybody: the handshakes are on their way.
    pub(super) fn meet(&mut self, meeting: Meeting, rng: &mut ChaCha8Rng) {
        let count = self.people.len();
        for inviter in 0..count {
            for joiner in (0..count).filter(|joiner| *joiner != inviter) {
                if inviter < joiner || meeting == Meeting::Crossing {
                    self.invite(inviter, joiner, meeting, rng);
                }
            }
        }
    }

    fn invite(&mut self, inviter: usize, joiner: usize, meeting: Meeting, rng: &mut ChaCha8Rng) {
        let kind = if meeting == Meeting::Address { InviteKind::Address } else { InviteKind::OneTime };
        let created = created(&self.people[inviter], kind, rng);
        let me = &self.people[joiner];
        let bundle =
            Bundle::open(&created.link, &created.bundle, me.public(), START).expect("an honest bundle");
        let intro = Introduction { descriptor: place(3), name: "Jon".into(), greeting: "hi".into() };
        let joined = join(me, &bundle, &intro, rng).expect("an honest invite");
        let flight = Flight { cell: joined.cell, kind: Kind::Handshake, from: joiner, to: inviter };
        self.wires.push(flight.clone());
        let line = self.line_mut((joiner, inviter));
        line.current = Some(joined.session.id());
        line.slots.push(Slot::new(joined.session, Some(flight), false));
        let name = created.link.fetch();
        self.invites.push(Invite { by: inviter, keys: created.keys, name, seen: Vec::new() });
    }

    /// Tries `cell` under the invites of `me`; whether it was a handshake.
    pub(super) fn try_handshake(&mut self, me: usize, flight: &Flight, honest: bool) -> Result<bool, Fault> {
        for at in 0..self.invites.len() {
            let invite = &self.invites[at];
            if invite.by != me {
                continue;
            }
            let accepted =
                accept(&self.people[me], &invite.keys, &flight.cell, |id| invite.seen.contains(id));
            match accepted {
                Ok(accepted) => {
                    must!(honest && flight.kind == Kind::Handshake, "a handshake out of nothing");
                    must!(accepted.peer == *self.people[flight.from].public(), "somebody else's handshake");
                    self.accepted((me, flight.from), at, accepted)?;
                    return Ok(true);
                }
                Err(AcceptError::NotOurs) => {}
                Err(AcceptError::Repeat(_) | AcceptError::Spent) => return Ok(true),
                Err(error) => must!(!honest, "an honest handshake came to {error:?}"),
            }
        }
        Ok(false)
    }

    fn accepted(&mut self, way: (usize, usize), at: usize, accepted: Accepted) -> Result<(), Fault> {
        let invite = &mut self.invites[at];
        invite.seen.push(accepted.id);
        if invite.keys.kind() == InviteKind::OneTime {
            invite.keys.burn();
        }
        let sid = accepted.session.id();
        let line = self.line_mut(way);
        let switch = match line.speaking() {
            None => true,
            Some(slot) => {
                let mine = &slot.session;
                let crossing =
                    mine.role() == Role::Joiner && mine.level() < Level::MutualPq && !slot.recovery;
                let smaller = sid < mine.id();
                let ask = !crossing || (smaller && mine.level() != Level::Sent);
                if ask {
                    // A visible request; this person says no.
                    self.messy.insert(ordered(way));
                    return Ok(());
                }
                smaller
            }
        };
        let line = self.line_mut(way);
        if switch {
            line.current = Some(sid);
        }
        line.slots.push(Slot::new(accepted.session, None, false));
        Ok(())
    }

    /// `who` lost every session and comes back to `with`.
    pub(super) fn recover(&mut self, way: (usize, usize), act: Act) -> Result<(), Fault> {
        let (who, with) = way;
        let both = self.line(way).current.is_some() && self.line((with, who)).current.is_some();
        // In a session that the other side began, and has not heard me in, only I know what came first.
        let fresh = |slot: &Slot| slot.session.level() == Level::Invited;
        let reason = if self.line(way).speaking().is_some_and(fresh) { AFTER_YOURS } else { ALARMED };
        let Some(key) = self.recovery_keys.get(&way).filter(|_| both) else { return Ok(()) };
        let intro = RecoveryIntro { descriptor: place(5), reason, ack_high: 0, ack_hash: [0; 32] };
        let mut rng = self.rng(who, act);
        let made = recover(&self.people[who], self.people[with].public(), key, &intro, &mut rng);
        let Ok((session, cell)) = made else { return Err("an honest recovery was refused".into()) };
        let name = key.write().to_vec();
        self.oracle.once(&name, &cell.as_bytes()[..24], print(&cell))?;
        self.forget_key(way);
        let flight = Flight { cell, kind: Kind::Recovery, from: who, to: with };
        self.wires.push(flight.clone());
        let sid = session.id();
        *self.line_mut(way) =
            Line { slots: vec![Slot::new(session, Some(flight), true)], current: Some(sid) };
        Ok(())
    }

    /// The key is used: it is gone on this side, and the other still takes it once.
    fn forget_key(&mut self, way: (usize, usize)) {
        if let Some(key) = self.recovery_keys.remove(&way) {
            self.keys_out.entry(way).or_default().push(key);
        }
    }

    /// Tries `cell` as a recovery of the peer; whether it was one.
    pub(super) fn try_recovery(
        &mut self,
        way: (usize, usize),
        flight: &Flight,
        honest: bool,
    ) -> Result<bool, Fault> {
        let (me, peer) = way;
        let Some(keys) = self.keys_out.get(&(peer, me)) else { return Ok(false) };
        let taken = accept_recovery(&self.people[me], self.people[peer].public(), keys, &flight.cell);
        let Ok(recovered) = taken else { return Ok(false) };
        must!(honest && flight.kind == Kind::Recovery && flight.from == peer, "a recovery out of nothing");
        self.keys_out.remove(&(peer, me));
        self.replaced(way, recovered.session, recovered.intro.reason)?;
        // Both exchange new keys in the new session.
        self.issue_key((peer, me));
        Ok(true)
    }

    /// A recovery took the place of what was there, unless one of mine met it and is smaller.
    fn replaced(&mut self, way: (usize, usize), session: Session, reason: u8) -> Result<(), Fault> {
        let (me, _) = way;
        let sid = session.id();
        // They had taken mine before: an answer in it that comes late does not bring it back.
        if reason == AFTER_YOURS
            && let Some(mine) = self.line_mut(way).speaking_mut()
        {
            mine.trial = false;
        }
        let mine = self.line(way).speaking();
        let met = mine.is_some_and(|slot| slot.trial);
        let keep = met && mine.is_some_and(|slot| slot.session.id() < sid);
        if !met && mine.is_some() {
            // Sealed in spite of a latch, if it can be sealed at all.
            self.seal_with(
                way,
                Weight::Replaced,
                Act { what: super::What::Send, pair: 0, n: 0, seed: me as u32 },
            )?;
        }
        let line = self.line_mut(way);
        line.slots.push(Slot::new(session, None, false));
        if !keep {
            line.current = Some(sid);
        }
        Ok(())
    }

    /// The nonces of handshakes are looked at, too.
    pub(super) fn note_handshakes(&mut self) -> Result<(), Fault> {
        let flights: Vec<(Vec<u8>, Cell)> = self
            .wires
            .iter()
            .filter(|flight| flight.kind == Kind::Handshake)
            .flat_map(|flight| {
                let of = self.invites.iter().filter(|invite| invite.by == flight.to);
                of.map(|invite| (invite.name.to_vec(), flight.cell.clone()))
            })
            .collect();
        for (name, cell) in flights {
            self.oracle.once(&name, &cell.as_bytes()[..24], print(&cell))?;
        }
        Ok(())
    }
}

/// Both directions of a pair are one pair.
pub(super) fn ordered((a, b): (usize, usize)) -> (usize, usize) {
    (a.min(b), a.max(b))
}
