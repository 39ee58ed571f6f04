//! [`World`]: the people, what is on their disks and on the wires, and what each act does to them.
//!
//! Spec: docs/spec/ratchet.md. Invariant: what must hold at every moment is asked at every delivery: no wrong content, no
//! content twice, no state changed by what failed, nothing in time that can't be read, no alarm without a fork.

use std::collections::{BTreeMap, BTreeSet};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use subrosa_codec::{CELL_LEN, Cell, Millis};
use subrosa_crypto::{
    Alarm, Identity, IdentitySeed, OpenError, Opened, PART_LEN, Part, RecoveryKey, SealError, Sealed,
    Session, SessionEvent, SessionId, Weight,
};

use super::line::{Flight, Kind, Line, Print};
use super::meet::{Invite, START, ordered};
use super::oracle::{Oracle, print};
use super::{Act, Fault, Setting, What, must};

/// Length of a sealed header: what stands behind it is the body.
const SEALED_HEADER: usize = 2_440;

/// `(who, about whom)`.
pub(super) type Way = (usize, usize);

/// A second device with someone's state.
struct Twin {
    way: Way,
    session: Session,
}

pub(crate) struct World {
    pub(super) people: Vec<Identity>,
    lines: BTreeMap<Way, Line>,
    saved: Vec<(Way, Line)>,
    twins: Vec<Twin>,
    pub(super) wires: Vec<Flight>,
    pub(super) invites: Vec<Invite>,
    /// What each may come back by, and what the other takes of it.
    pub(super) recovery_keys: BTreeMap<Way, RecoveryKey>,
    pub(super) keys_out: BTreeMap<Way, Vec<RecoveryKey>>,
    pub(super) oracle: Oracle,
    /// Pairs of which a state was put back across a beginning: they need not agree at rest.
    pub(super) messy: BTreeSet<Way>,
    /// Cells of torn sessions that belong to nobody, by who got them from whom: three of them say "out of step".
    pub(super) strange: BTreeMap<Way, BTreeSet<Print>>,
    stuck: BTreeSet<usize>,
    pub(super) now: Millis,
    count: u64,
    key_count: u8,
}

/// How far a delivery gets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Commit {
    Yes,
    /// The process ends before it.
    No,
}

impl World {
    pub(crate) fn new(setting: Setting) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(setting.seed ^ 0xac75);
        let people: Vec<_> =
            (0..setting.people).map(|_| Identity::derive(&IdentitySeed::generate(&mut rng), 0)).collect();
        let mut world = Self {
            people,
            lines: BTreeMap::new(),
            saved: Vec::new(),
            twins: Vec::new(),
            wires: Vec::new(),
            invites: Vec::new(),
            recovery_keys: BTreeMap::new(),
            keys_out: BTreeMap::new(),
            oracle: Oracle::default(),
            messy: BTreeSet::new(),
            strange: BTreeMap::new(),
            stuck: BTreeSet::new(),
            now: START.start(),
            count: 0,
            key_count: 0,
        };
        for way in world.ways() {
            world.lines.insert(way, Line::default());
            world.issue_key(way);
        }
        world.meet(setting.meeting, &mut rng);
        world
    }

    pub(super) fn ways(&self) -> Vec<Way> {
        let count = self.people.len();
        (0..count).flat_map(|a| (0..count).filter(move |b| *b != a).map(move |b| (a, b))).collect()
    }

    pub(super) fn line(&self, way: Way) -> &Line {
        &self.lines[&way]
    }

    pub(super) fn line_mut(&mut self, way: Way) -> &mut Line {
        self.lines.entry(way).or_default()
    }

    /// A key by which `way.0` may come back to `way.1`.
    pub(super) fn issue_key(&mut self, way: Way) {
        self.key_count = self.key_count.wrapping_add(1);
        let key = RecoveryKey::generate(&mut ChaCha8Rng::seed_from_u64(u64::from(self.key_count)));
        self.recovery_keys.insert(way, key);
    }

    /// The randomness of an act; a stuck source gives the same every time.
    pub(super) fn rng(&self, who: usize, act: Act) -> ChaCha8Rng {
        if self.stuck.contains(&who) { ChaCha8Rng::seed_from_u64(7) } else { act.rng() }
    }

    pub(crate) fn perform(&mut self, act: Act) -> Result<(), Fault> {
        let ways = self.ways();
        let way = ways[usize::from(act.pair) % ways.len()];
        let from_there = (way.1, way.0);
        match act.what {
            What::Send => self.seal(way, act, true).map(drop),
            What::SealCrash => self.seal_and_forget(way, act),
            What::SealCrashLate => self.seal(way, act, false).map(drop),
            What::Deliver => self.arrive(from_there, 0, Commit::Yes),
            What::Overtake => self.arrive(from_there, usize::from(act.n), Commit::Yes),
            What::OpenCrash => self.arrive(from_there, usize::from(act.n), Commit::No),
            What::Duplicate | What::OpenCrashLate => self.twice(from_there, act),
            What::Drop => {
                self.take(from_there, usize::from(act.n));
                Ok(())
            }
            What::Swap => {
                let at = self.on_way(from_there);
                if let (Some(first), Some(other)) = (at.first(), at.get(usize::from(act.n) % at.len().max(1)))
                {
                    self.wires.swap(*first, *other);
                }
                Ok(())
            }
            What::Corrupt => self.corrupt(from_there, act),
            What::Mix => self.mix(from_there, act),
            What::Reflect | What::Misroute => self.misroute(from_there, act),
            What::Resend => {
                self.resend(way);
                Ok(())
            }
            What::Save => {
                let line = self.line(way).clone();
                self.saved.push((way, line));
                Ok(())
            }
            What::Restore => self.restore(act),
            What::Clone => {
                let session = self.line(way).speaking().map(|slot| slot.session.clone());
                self.twins.extend(session.map(|session| Twin { way, session }));
                Ok(())
            }
            What::CloneSend => self.twin_send(act),
            What::Stick => {
                self.stuck.insert(way.0);
                Ok(())
            }
            What::Pass => {
                self.now = self.now.plus(Millis::DAY.times(u64::from(act.n % 40)));
                Ok(())
            }
            What::Age => self.age(way),
            What::GiveUp => self.give_up(way, act),
            What::Unlatch => self.unlatch(way),
            What::Recover => self.recover(way, act),
        }
    }

    // ---- sealing ----

    fn content(&mut self, act: Act) -> Vec<u8> {
        self.count += 1;
        let mut content = self.count.to_le_bytes().to_vec();
        let mut rng = act.rng();
        content.resize(8 + rng.next_u32() as usize % (PART_LEN - 7), self.count as u8);
        content
    }

    /// One text, whose cell goes out if `send`.
    pub(super) fn seal(&mut self, way: Way, act: Act, send: bool) -> Result<Option<Cell>, Fault> {
        let weight = if act.n.is_multiple_of(4) { Weight::Quiet } else { Weight::Text };
        let Some(flight) = self.seal_with(way, weight, act)? else { return Ok(None) };
        if send {
            self.wires.push(flight.clone());
        }
        Ok(Some(flight.cell))
    }

    /// Seals and commits; `None` when the session refuses, which it may only with a reason.
    pub(super) fn seal_with(&mut self, way: Way, weight: Weight, act: Act) -> Result<Option<Flight>, Fault> {
        let Some((sealed, content)) = self.try_seal(way, weight, act)? else { return Ok(None) };
        self.oracle.sealed(way.0, &sealed, &content)?;
        let (sid, seq) = (sealed.next.id(), sealed.seq);
        let kind = Kind::Ratchet { sid, seq };
        let flight = Flight { cell: sealed.cell.clone(), kind, from: way.0, to: way.1 };
        let Some(slot) = self.line_mut(way).slot_mut(sid) else { return Ok(None) };
        slot.commit(&sealed.next)?;
        slot.own.insert(seq, print(&sealed.cell));
        slot.outbox.push(flight.clone());
        Ok(Some(flight))
    }

    fn try_seal(&mut self, way: Way, weight: Weight, act: Act) -> Result<Option<(Sealed, Vec<u8>)>, Fault> {
        let content = self.content(act);
        let mut rng = self.rng(way.0, act);
        let Some(slot) = self.line(way).speaking() else { return Ok(None) };
        let part = Part::single(&content).map_err(|_| "a content that fits")?;
        let before = slot.session.write();
        let sealed = slot.session.seal(&part, weight, &mut rng);
        must!(slot.session.write() == before, "sealing changed the state that it left");
        match sealed {
            Ok(sealed) => {
                must!(sealed.seq == slot.session.next_seq(), "a number out of order");
                Ok(Some((sealed, content)))
            }
            Err(SealError::Latched(alarm)) => {
                must!(slot.session.latch() == Some(alarm), "barred by an alarm that is not latched");
                Ok(None)
            }
            Err(SealError::WaitForPeer) => {
                must!(slot.session.epoch_received().is_none(), "waits for a peer that has spoken");
                Ok(None)
            }
            Err(SealError::WindowFull) => {
                must!(slot.session.unacknowledged() >= weight.limit(), "a window that is not full");
                Ok(None)
            }
            Err(error) => Err(format!("an honest state can't seal: {error:?}")),
        }
    }

    /// The state and the cell are gone, as if nothing had happened; what it was sealed under is not.
    fn seal_and_forget(&mut self, way: Way, act: Act) -> Result<(), Fault> {
        let Some((sealed, content)) = self.try_seal(way, Weight::Text, act)? else { return Ok(()) };
        self.oracle.sealed(way.0, &sealed, &content)
    }

    fn twin_send(&mut self, act: Act) -> Result<(), Fault> {
        let content = self.content(act);
        let at = usize::from(act.n) % self.twins.len().max(1);
        let Some(Twin { way, session }) = self.twins.get(at) else { return Ok(()) };
        let way = *way;
        let part = Part::single(&content).map_err(|_| "a content that fits")?;
        let Ok(sealed) = session.seal(&part, Weight::Text, &mut self.rng(way.0, act)) else { return Ok(()) };
        self.oracle.sealed(way.0, &sealed, &content)?;
        let sid = sealed.next.id();
        self.oracle.forked.insert(sid);
        let kind = Kind::Ratchet { sid, seq: sealed.seq };
        self.wires.push(Flight { cell: sealed.cell, kind, from: way.0, to: way.1 });
        self.twins[at].session = sealed.next;
        Ok(())
    }

    // ---- what is on its way ----

    /// Places on the wire of what goes along `way`.
    pub(super) fn on_way(&self, way: Way) -> Vec<usize> {
        let flights = self.wires.iter().enumerate().filter(|(_, flight)| flight.way() == way);
        flights.map(|(at, _)| at).collect()
    }

    fn pick(&self, way: Way, n: usize) -> Option<usize> {
        let at = self.on_way(way);
        at.get(n % at.len().max(1)).copied()
    }

    fn take(&mut self, way: Way, n: usize) -> Option<Flight> {
        self.pick(way, n).map(|at| self.wires.remove(at))
    }

    fn arrive(&mut self, way: Way, n: usize, commit: Commit) -> Result<(), Fault> {
        let Some(at) = self.pick(way, n) else { return Ok(()) };
        let flight = self.wires[at].clone();
        if commit == Commit::Yes {
            self.wires.remove(at);
            return self.deliver(&flight);
        }
        // Nothing is kept, so the line must be what it was: opening has no effect by itself.
        let before = self.line((way.1, way.0)).bytes();
        for sid in self.line((way.1, way.0)).trial() {
            let slot = self.line((way.1, way.0)).slot(sid).expect("it is listed");
            let _ = slot.session.open(&self.people[way.1], &flight.cell, self.now);
        }
        must!(self.line((way.1, way.0)).bytes() == before, "opening changed the state that it left");
        Ok(())
    }

    /// The relay has not heard that it arrived.
    fn twice(&mut self, way: Way, act: Act) -> Result<(), Fault> {
        let Some(flight) = self.pick(way, usize::from(act.n)).map(|at| self.wires[at].clone()) else {
            return Ok(());
        };
        self.deliver(&flight)?;
        self.deliver(&flight)
    }

    pub(super) fn resend(&mut self, way: Way) {
        let line = self.line(way);
        let first = line.slots.iter().filter_map(|slot| slot.first.clone());
        let again: Vec<_> = first.chain(line.slots.iter().flat_map(|slot| slot.outbox.clone())).collect();
        self.wires.extend(again);
    }

    /// Takes a cell to its receiver and looks at what comes of it.
    pub(super) fn deliver(&mut self, flight: &Flight) -> Result<(), Fault> {
        let way = (flight.to, flight.from);
        for sid in self.line(way).trial() {
            let slot = self.line(way).slot(sid).expect("it is listed");
            let before = slot.session.write();
            let result = slot.session.open(&self.people[flight.to], &flight.cell, self.now);
            must!(slot.session.write() == before, "opening changed the state that it left");
            match result {
                Ok(opened) => return self.keep(way, sid, flight, &opened),
                Err(OpenError::NotOurs) => {}
                Err(error) => return self.refused(way, sid, flight, error),
            }
        }
        if self.try_recovery(way, flight, true)? || self.try_handshake(flight.to, flight, true)? {
            return Ok(());
        }
        if let Kind::Ratchet { sid, .. } = flight.kind
            && self.line(way).slot(sid).is_some()
        {
            must!(self.oracle.forked.contains(&sid), "a cell of a session that is here belongs to nobody");
            self.strange.entry(way).or_default().insert(print(&flight.cell));
        }
        Ok(())
    }

    /// It opened: the right content, for the first time.
    fn keep(&mut self, way: Way, sid: SessionId, flight: &Flight, opened: &Opened) -> Result<(), Fault> {
        let name = print(&flight.cell);
        self.oracle.check(name, (way.1, sid, opened.seq), &opened.part.content)?;
        let forked = self.oracle.is_forked(flight.kind);
        let slot = self.line_mut(way).slot_mut(sid).expect("it opened here");
        must!(slot.opened.insert(opened.seq, name).is_none(), "number {} was opened twice", opened.seq);
        must!(opened.outbox_low >= slot.session.outbox_low(), "the low-water mark fell");
        must!(opened.next.level() >= slot.session.level(), "the level fell");
        slot.commit(&opened.next)?;
        slot.first = None;
        let answered = core::mem::take(&mut slot.trial);
        if answered {
            self.line_mut(way).current = Some(sid);
        }
        let current = self.line(way).current;
        let events = opened.events.clone();
        self.heard(way, sid, &events, forked)?;
        // Who comes back, and is answered, has new keys.
        if current == Some(sid) && !self.recovery_keys.contains_key(&way) {
            self.issue_key(way);
        }
        Ok(())
    }

    fn heard(
        &mut self,
        way: Way,
        sid: SessionId,
        events: &[SessionEvent],
        forked: bool,
    ) -> Result<(), Fault> {
        let slot = self.line_mut(way).slot_mut(sid).expect("it is there");
        for event in events {
            match event {
                SessionEvent::Lost { seq } => {
                    must!(!slot.opened.contains_key(seq), "lost after it was opened");
                    must!(slot.lost.insert(*seq), "lost twice");
                }
                SessionEvent::Alarm(alarm) => {
                    must!(forked, "{alarm:?} without a fork");
                    must!(slot.session.latch().is_some(), "an alarm that is not latched");
                }
                SessionEvent::OwnRollback => {
                    must!(forked, "a rollback that was none");
                    must!(slot.session.latch() == Some(Alarm::OwnRollback), "it is not latched");
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// An honest cell was not opened: there must be a reason.
    fn refused(&mut self, way: Way, sid: SessionId, flight: &Flight, error: OpenError) -> Result<(), Fault> {
        let Kind::Ratchet { sid: of, seq } = flight.kind else {
            return Err(format!("a first cell came to {error:?} in a session"));
        };
        must!(of == sid, "a cell of one session came to {error:?} in another");
        let forked = self.oracle.is_forked(flight.kind);
        let slot = self.line_mut(way).slot_mut(sid).expect("it was tried");
        let name = print(&flight.cell);
        let known = slot.opened.values().any(|opened| *opened == name);
        let fine = match error {
            OpenError::Duplicate => known,
            OpenError::Old => forked || slot.lost.contains(&seq),
            OpenError::Alarm(alarm) => {
                slot.commit(&slot.session.latched(alarm).clone())?;
                forked
            }
            OpenError::OwnRollback => {
                slot.commit(&slot.session.latched(Alarm::OwnRollback).clone())?;
                forked
            }
            _ => forked,
        };
        must!(fine, "an honest cell came to {error:?}");
        must!(!known || matches!(error, OpenError::Duplicate), "a known cell came to {error:?}");
        Ok(())
    }

    // ---- what nobody sealed so ----

    /// Delivers what no honest device made, or not for this queue: it is never opened, and changes nothing.
    fn foul(&mut self, way: Way, flight: &Flight, what: &str) -> Result<(), Fault> {
        let (me, _) = way;
        let before = self.line(way).bytes();
        for sid in self.line(way).trial() {
            let slot = self.line(way).slot(sid).expect("it is listed");
            let result = slot.session.open(&self.people[me], &flight.cell, self.now);
            let forked = self.oracle.forked.contains(&sid);
            match result {
                Ok(_) => return Err(format!("{what}: it opened")),
                Err(
                    OpenError::NotOurs | OpenError::BadBody { .. } | OpenError::Duplicate | OpenError::Old,
                ) => {}
                Err(error) => must!(forked, "{what}: {error:?} without a fork"),
            }
        }
        must!(!self.try_recovery(way, flight, false)?, "{what}: it was a recovery");
        self.try_handshake(me, flight, false)?;
        must!(self.line(way).bytes() == before, "{what}: the state changed");
        Ok(())
    }

    fn corrupt(&mut self, way: Way, act: Act) -> Result<(), Fault> {
        let Some(at) = self.pick(way, usize::from(act.n)) else { return Ok(()) };
        let mut flight = self.wires[at].clone();
        // Each of nonce, header, its tag, body and its tag is as likely as the others.
        let parts = [0..24, 24..SEALED_HEADER - 16, SEALED_HEADER - 16..SEALED_HEADER];
        let rest = [SEALED_HEADER..CELL_LEN - 16, CELL_LEN - 16..CELL_LEN];
        let parts: Vec<_> = parts.into_iter().chain(rest).collect();
        let mut rng = act.rng();
        let part = parts[rng.next_u32() as usize % parts.len()].clone();
        let byte = part.start + rng.next_u32() as usize % part.len();
        flight.cell.as_mut_bytes()[byte] ^= 1 << (rng.next_u32() % 8);
        self.foul((way.1, way.0), &flight, "a changed bit")
    }

    fn mix(&mut self, way: Way, act: Act) -> Result<(), Fault> {
        let at = self.on_way(way);
        let (Some(one), Some(other)) =
            (self.pick(way, usize::from(act.n)), self.pick(way, usize::from(act.n) / 7 + 1))
        else {
            return Ok(());
        };
        let (mut flight, body) = (self.wires[one].clone(), self.wires[other].cell.clone());
        if at.len() < 2 || flight.cell == body {
            return Ok(());
        }
        flight.cell.as_mut_bytes()[SEALED_HEADER..].copy_from_slice(&body.as_bytes()[SEALED_HEADER..]);
        self.foul((way.1, way.0), &flight, "two halves")
    }

    /// Reflected to its sender, to the same person from somebody else, or to a third.
    fn misroute(&mut self, way: Way, act: Act) -> Result<(), Fault> {
        let Some(at) = self.pick(way, usize::from(act.n)) else { return Ok(()) };
        let flight = self.wires[at].clone();
        let there = (way.1, way.0);
        let others: Vec<_> = self.ways().into_iter().filter(|other| *other != there).collect();
        let to = if act.what == What::Reflect { way } else { others[act.seed as usize % others.len()] };
        // A handshake may come by any queue of the inviter's: that is not another's.
        if flight.kind == Kind::Handshake && to.0 == flight.to {
            return Ok(());
        }
        self.foul(to, &flight, "another's queue")
    }

    // ---- time and disks ----

    fn restore(&mut self, act: Act) -> Result<(), Fault> {
        let at = usize::from(act.n) % self.saved.len().max(1);
        let Some((way, old)) = self.saved.get(at).cloned() else { return Ok(()) };
        let sids = |line: &Line| line.slots.iter().map(|slot| slot.session.id()).collect::<BTreeSet<_>>();
        let now = self.line(way).clone();
        if sids(&now) != sids(&old) || now.current != old.current {
            self.messy.insert(ordered(way));
        }
        for slot in &now.slots {
            let sid = slot.session.id();
            let before = old.slot(sid).map(|slot| &slot.own);
            // Older than what it sent: from here on two cells may claim one number.
            if before != Some(&slot.own) {
                self.oracle.forked.insert(sid);
            }
        }
        for slot in &old.slots {
            let sid = slot.session.id();
            if now.slot(sid).is_none() {
                self.oracle.forked.insert(sid);
            }
        }
        self.lines.insert(way, old);
        Ok(())
    }

    fn age(&mut self, way: Way) -> Result<(), Fault> {
        let (now, sids) = (self.now, self.line(way).trial());
        for sid in sids {
            let slot = self.line_mut(way).slot_mut(sid).expect("it is listed");
            if let Some((next, events)) = slot.session.age(now) {
                slot.commit(&next)?;
                self.heard(way, sid, &events, false)?;
            }
        }
        Ok(())
    }

    fn give_up(&mut self, way: Way, act: Act) -> Result<(), Fault> {
        let now = self.now;
        let Some(slot) = self.line_mut(way).speaking_mut() else { return Ok(()) };
        let sid = slot.session.id();
        // Any number up to the highest that was opened.
        let high = slot.opened.last_key_value().map_or(0, |(seq, _)| seq + 1);
        let seq = u32::from(act.n) % (high + 1);
        let Some((next, event)) = slot.session.give_up(seq, now) else { return Ok(()) };
        slot.commit(&next)?;
        self.heard(way, sid, &[event], false)
    }

    fn unlatch(&mut self, way: Way) -> Result<(), Fault> {
        let Some(slot) = self.line_mut(way).speaking_mut() else { return Ok(()) };
        let Some(next) = slot.session.unlatch_for_sending() else { return Ok(()) };
        must!(next.latch().is_some(), "an alarm was forgotten");
        slot.commit(&next)
    }
}
