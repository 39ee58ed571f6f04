//! Opening: one cell into one part.
//!
//! Spec: docs/spec/ratchet.md, "Opening"; the numbers in comments are its steps. Invariant: the next state is built
//! aside and returned only after the body's tag verified; until then nothing is kept, whatever the header says (A8).

use alloc::sync::Arc;
use alloc::vec::Vec;

use subrosa_codec::{Cell, Day, Millis};
use zeroize::Zeroizing;

use super::chain::{ReceivingChain, SendingChain, Waiting, WaitingKey};
use super::hash::{CellHash, Mark, PubId};
use super::header::{Header, Parts};
use super::heard::Heard;
use super::keys::{EpochKem, MessageKey, Published, StepInput, body_aad, cell_hash, header_aad, pub_id};
use super::sent::Acknowledged;
use super::turn::Turn;
use super::{Alarm, MAX_SEQ, MAX_SKIP, OpenError, Opened, Session, SessionEvent};
use crate::aead::Trial;
use crate::body::Part;
use crate::dh::PublicKey;
use crate::identity::Identity;
use crate::kdf::sha256;
use crate::kem::{Ciphertext, EncapsKey};
use crate::stack;

/// Which of the peer's epochs a header key belongs to.
#[derive(Clone, Copy)]
enum Place {
    Current,
    Next,
    /// Index into the closed chains.
    Closed(usize),
}

/// A cell whose header is authentic and within the rules.
struct Known<'a> {
    header: Header<'a>,
    /// The number of the epoch's first cell.
    base: u32,
    seq: u32,
    /// One above the highest number opened before it.
    high: u32,
    /// The lowest number that was missing before it.
    low: u32,
    hash: CellHash,
    id: PubId,
}

/// The state in which the cell would be opened, and its key. Dropped unless the body opens.
struct Draft {
    next: Session,
    key: MessageKey,
    /// What the cell after this one said of it.
    expect: Option<Mark>,
    /// Numbers given up for the keys that this cell made the state hold.
    lost: Vec<u32>,
}

impl Session {
    /// Opens one cell. [`Opened::next`] replaces `self`; on `Err`, `self` is still current.
    ///
    /// `me` is the identity that the session was made with. `now` stamps the keys of missing cells and the first
    /// unanswered one; it decides nothing here. On [`OpenError::Alarm`] and [`OpenError::OwnRollback`] the caller stores
    /// [`latched`](Self::latched); alarms among [`Opened::events`] are latched in [`Opened::next`] already.
    ///
    /// # Errors
    /// [`OpenError::NotOurs`] when no header key opens it; [`OpenError::NewerVersion`] and [`OpenError::Malformed`] for
    /// authentic headers against the rules; [`OpenError::Duplicate`] and [`OpenError::Old`] for what was opened or given
    /// up; [`OpenError::TooFar`] past [`MAX_SKIP`] missing cells; [`OpenError::BadBody`]; the alarms.
    ///
    /// Spec: docs/spec/ratchet.md, "Opening".
    pub fn open(&self, me: &Identity, cell: &Cell, now: Millis) -> Result<Opened, OpenError> {
        let parts = Parts::of(cell)?;
        // RAT-28.
        let (place, epoch, bytes) = self.trial(&parts).ok_or(OpenError::NotOurs)?;
        let known = self.check(place, epoch, &bytes, cell_hash(parts.header))?;
        let draft = match place {
            Place::Current | Place::Closed(_) => self.in_known_epoch(place, &known, now.day())?,
            Place::Next => self.in_next_epoch(me, &known, now.day())?,
        };
        // GEN-21, RAT-25.
        // Step 6. Only after this is anything kept.
        let aad = body_aad(self.id, epoch, parts.header);
        let text = draft.key.open_body(parts.nonce, &aad, parts.body).ok();
        let part = text.and_then(|text| Part::parse(&text).ok());
        let bad = || OpenError::BadBody { seq: known.seq, header: known.hash.0, body: sha256(&[parts.body]) };
        // RAT-48.
        let part = part.ok_or_else(bad)?;
        let (next, events) = draft.settle(&known, now);
        let (seq, quiet, outbox_low) = (known.seq, known.header.quiet, next.outbox_low());
        Ok(Opened { next, part, seq, epoch, quiet, events, outbox_low })
    }

    /// Step 1: the header key that opens it: at most 66 trials. The likeliest goes first: an answer while this side leads,
    /// one more cell of the same epoch while the peer does, late cells last.
    fn trial(&self, parts: &Parts<'_>) -> Option<(Place, u32, Zeroizing<Vec<u8>>)> {
        // RAT-27.
        let heard = self.turn.heard();
        // All of one direction share their parity, and so their associated data.
        let aad = header_aad(self.id, heard.map_or(1, |heard| heard.chain.epoch));
        // RAT-02.
        let next_epoch = heard.map_or(Some(1), |heard| heard.chain.epoch.checked_add(2));
        let current = heard.map(|heard| (Place::Current, heard.chain.epoch, &heard.chain.header));
        let next = next_epoch.map(|epoch| (Place::Next, epoch, &self.next_receiving));
        let closed = heard.into_iter().flat_map(|heard| heard.closed.iter().enumerate().rev());
        let closed = closed.map(|(at, chain)| (Place::Closed(at), chain.epoch, &chain.header));
        let mut trial = Trial::of(parts.header).ok()?;
        let (first, second) = if self.my_turn() { (current, next) } else { (next, current) };
        let mut keys = first.into_iter().chain(second).chain(closed);
        let found =
            stack::cleared::<{ stack::AEAD }, _>(|| keys.find(|(_, _, key)| key.opens(&aad, &mut trial)));
        let (place, epoch, _) = found?;
        Some((place, epoch, trial.into_text()))
    }

    /// Step 2: what any header must satisfy.
    fn check<'a>(
        &self,
        place: Place,
        epoch: u32,
        bytes: &'a [u8],
        hash: CellHash,
    ) -> Result<Known<'a>, OpenError> {
        let header = Header::parse(bytes)?;
        let acks = header.acks;
        // RAT-30, RAT-31.
        if header.epoch != epoch || acks.low > acks.high || (acks.high == 0 && acks.hash.0 != self.id.0) {
            return Err(OpenError::Malformed);
        }
        let base = match (place, self.turn.heard()) {
            (Place::Current, Some(heard)) => heard.chain.base,
            (Place::Closed(at), Some(heard)) => heard.closed.get(at).ok_or(OpenError::Malformed)?.base,
            (Place::Next, Some(heard)) => number(heard.chain.base, header.pn)?,
            (_, None) => 0,
        };
        // CEL-08.
        let seq = number(base, header.n)?;
        let id = pub_id(header.dh, header.ek, header.ct);
        let (high, low) = self.turn.heard().map_or((0, 0), |heard| (heard.high(), heard.low()));
        Ok(Known { header, base, seq, high, low, hash, id })
    }

    /// Steps 3 and 5: an epoch that was opened before.
    fn in_known_epoch(&self, place: Place, known: &Known<'_>, today: Day) -> Result<Draft, OpenError> {
        // RAT-72.
        let heard = self.turn.heard().ok_or(OpenError::NotOurs)?;
        let closed = match place {
            Place::Closed(at) => heard.closed.get(at),
            Place::Current | Place::Next => None,
        };
        let n = known.header.n;
        // RAT-33.
        if known.id != closed.map_or(heard.chain.id, |chain| chain.id) {
            return Err(OpenError::Alarm(Alarm::Keys));
        }
        let seen = heard.seen.get(known.seq);
        // RAT-34, RAT-71.
        if seen == Some(known.hash.mark()) {
            return Err(OpenError::Duplicate);
        }
        // RAT-35.
        if closed.is_some_and(|chain| n >= chain.count) {
            return Err(OpenError::Alarm(Alarm::Closed));
        }
        // RAT-36.
        if seen.is_some() {
            return Err(OpenError::Alarm(Alarm::Index));
        }
        let mut next = self.clone();
        let heard = next.turn.heard_mut().ok_or(OpenError::NotOurs)?;
        let waiting = match place {
            Place::Closed(at) => Arc::make_mut(&mut heard.closed).get_mut(at).map(|chain| &mut chain.waiting),
            Place::Current | Place::Next => Some(&mut heard.chain.waiting),
        };
        // RAT-37.
        if let Some(WaitingKey { key, since: _, expect }) = waiting.and_then(|waiting| waiting.take(n)) {
            return Ok(Draft { next, key, expect, lost: Vec::new() });
        }
        if closed.is_some() || n < heard.chain.n {
            // RAT-38, RAT-66.
            return Err(OpenError::Old);
        }
        let key = heard.chain.skip(n, today)?;
        let lost = heard.trim();
        Ok(Draft { next, key, expect: None, lost })
    }

    /// Steps 4 and 5: the peer's next epoch.
    fn in_next_epoch(&self, me: &Identity, known: &Known<'_>, today: Day) -> Result<Draft, OpenError> {
        let header = &known.header;
        let (sending, heard) = match &self.turn {
            Turn::Calling { sending } => (sending, None),
            Turn::Leading { sending, heard } => (sending, Some(heard)),
            // RAT-40.
            // The peer answers an epoch that this state has not sealed yet.
            Turn::Called { .. } | Turn::Following { .. } => return Err(OpenError::OwnRollback),
        };
        let unheard = match heard {
            // RAT-41.
            None if header.pn == 0 => 0,
            None => return Err(OpenError::Malformed),
            // RAT-42.
            Some(heard) => header.pn.checked_sub(heard.chain.n).ok_or(OpenError::Alarm(Alarm::Pn))?,
        };
        // RAT-43.
        let theirs = Published { dh: PublicKey::from_bytes(*header.dh)?, ek: EncapsKey::parse(header.ek)? };
        let agreed = sending.own.dh.agree(&theirs.dh)?;
        // RAT-44.
        if unheard.checked_add(header.n).is_none_or(|skipped| skipped > MAX_SKIP) {
            return Err(OpenError::TooFar);
        }
        let ct = Ciphertext::from_bytes(header.ct);
        let encapsulated = sending.decapsulate(me, &ct);
        let (id, epoch) = (self.id, header.epoch);
        let before = &*sending.public;
        let step = StepInput { id, epoch, before, after: &theirs, ct: &ct, agreed, encapsulated };
        let keys = self.root.step(&step);
        let chain = ReceivingChain {
            epoch,
            chain: keys.chain,
            header: self.next_receiving.clone(),
            n: 0,
            id: known.id,
            base: known.base,
            waiting: Waiting::default(),
        };
        let mut heard = match heard {
            None => Heard::start(chain, self.id),
            // RAT-45.
            Some(heard) => heard.turned(chain, header.pn, today),
        };
        let key = heard.chain.skip(header.n, today)?;
        let lost = heard.trim();
        // RAT-46.
        let turn = Turn::Following { ended: sending.end(), heard, peer: Arc::new(theirs) };
        let next = Self { root: keys.root, next_receiving: keys.header, turn, ..self.clone() };
        Ok(Draft { next, key, expect: None, lost })
    }
}

impl Session {
    /// Whether cell `seq` names the predecessor that was opened, as far as that is known.
    fn follows(&self, seq: u32, prev: CellHash) -> bool {
        // RAT-50.
        let Some(before) = seq.checked_sub(1) else { return prev.0 == self.id.0 };
        let seen = self.turn.heard().and_then(|heard| heard.seen.get(before));
        seen.is_none_or(|mark| mark == prev.mark())
    }
}

/// `base + n`, below the highest number.
fn number(base: u32, n: u32) -> Result<u32, OpenError> {
    // RAT-32.
    base.checked_add(n).filter(|seq| *seq < MAX_SEQ).ok_or(OpenError::Malformed)
}

impl SendingChain {
    fn decapsulate(&self, me: &Identity, ct: &Ciphertext) -> crate::secret::Secret<crate::kem::Encapsulated> {
        match &self.own.kem {
            EpochKem::Identity => me.kem().decapsulate(ct.as_bytes()),
            EpochKem::Fresh(seed) => seed.decapsulate(ct.as_bytes()),
        }
    }
}

impl ReceivingChain {
    /// Step 5: the key of cell `n >= self.n`, keeping those of the cells between.
    fn skip(&mut self, n: u32, today: Day) -> Result<MessageKey, OpenError> {
        // RAT-47.
        if n.checked_sub(self.n).is_none_or(|skipped| skipped > MAX_SKIP) {
            return Err(OpenError::TooFar);
        }
        self.skip_to(n, today);
        Ok(self.advance())
    }
}

impl Draft {
    /// Step 7: the body has opened; what the header says is taken in.
    fn settle(self, known: &Known<'_>, now: Millis) -> (Session, Vec<SessionEvent>) {
        let Self { mut next, key: _, expect, lost } = self;
        let Known { header, base: _, seq, high, low, hash, id: _ } = known;
        let mut events = Vec::new();
        // RAT-49.
        if seq > high {
            events.push(SessionEvent::Gap { from: *high, to: seq - 1 });
        }
        events.extend(lost.into_iter().map(|seq| SessionEvent::Lost { seq }));
        let follows = next.follows(*seq, header.prev);
        // RAT-51.
        if !follows || expect.is_some_and(|expect| expect != hash.mark()) {
            events.push(SessionEvent::Alarm(Alarm::Prev));
        }
        if let Some(heard) = next.turn.heard_mut() {
            heard.note(known.seq, header.prev, *hash);
            if seq >= high {
                heard.last = *hash;
            }
        }
        match next.sent.acknowledge(&header.acks) {
            Acknowledged::Fine => {}
            Acknowledged::Another => events.push(SessionEvent::Alarm(Alarm::Ack)),
            Acknowledged::Unknown => events.push(SessionEvent::OwnRollback),
        }
        if let Some(heard) = next.turn.heard_mut() {
            let lows = (*low, heard.low());
            heard.tally.opened(header.quiet, lows, now);
        }
        for event in &events {
            match event {
                SessionEvent::Alarm(alarm) => next.latch = next.latch.with(*alarm),
                SessionEvent::OwnRollback => next.latch = next.latch.with(Alarm::OwnRollback),
                SessionEvent::Gap { .. } | SessionEvent::Lost { .. } | SessionEvent::Raised(_) => {}
            }
        }
        // HS-40.
        let level = next.level.after_body(next.role, header.epoch);
        if level != next.level {
            next.level = level;
            events.push(SessionEvent::Raised(level));
        }
        (next, events)
    }
}
