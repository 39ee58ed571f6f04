//! The state's own encoding, version 1.
//!
//! Spec: docs/spec/ratchet.md, "Stored state". Invariant: what `write` gives, `parse` takes back to the byte; what breaks
//! any rule of the state is refused before it becomes one.

use alloc::sync::Arc;
use alloc::vec::Vec;

use subrosa_codec::{Day, Malformed, Reader, Writer};
use zeroize::Zeroizing;

use super::chain::{ClosedChain, EndedChain, ReceivingChain, SendingChain, Waiting, WaitingKey};
use super::hash::{CellHash, Mark, PubId};
use super::heard::Heard;
use super::keys::{EpochKem, EpochKeys, Key, Published};
use super::seen::Seen;
use super::sent::Sent;
use super::turn::{Latch, Turn};
use super::unanswered::{Tally, flag};
use super::{Alarm, Level, MAX_CLOSED, MAX_CLOSED_WITH_KEYS, MAX_SKIPPED, Role, Session, SessionId};
use crate::dh::{PublicKey, SecretKey};
use crate::kem::{CT_LEN, Ciphertext, EK_LEN, EncapsKey, KemSeed, SEED_LEN};

const VERSION: u8 = 1;

/// `version | role | turn | level | latch | sealing allowed | waits for peer | 0`, id, root, two header keys.
const FRONT_LEN: usize = 8 + 4 * 32;
const PUBLISHED_LEN: usize = 32 + EK_LEN;
/// Longest form: with a seed.
const SENDING_LEN: usize = 12 + 3 * 32 + 1 + SEED_LEN + PUBLISHED_LEN + CT_LEN;
const ENDED_LEN: usize = 4;
const CHAIN_LEN: usize = 12 + 3 * 32 + 2;
const CLOSED_LEN: usize = 8 + 2 * 32 + 2;
const WAITING_LEN: usize = 4 + 4 + 1 + 16 + 32;

impl Session {
    /// The session as bytes, to be stored sealed, never sent, never in a backup (A9).
    #[must_use]
    pub fn write(&self) -> Zeroizing<Vec<u8>> {
        // RAT-90.
        let capacity = self.written_len();
        let mut w = Writer::with_capacity(capacity);
        let (latch, allowed) = latch_code(self.latch);
        w.u8(VERSION).u8(role_code(self.role)).u8(turn_code(&self.turn)).u8(level_code(self.level));
        w.u8(latch).u8(u8::from(allowed)).u8(u8::from(self.waits_for_peer)).u8(0);
        w.put(&self.id.0).put(self.root.expose());
        w.put(self.next_sending.expose()).put(self.next_receiving.expose());
        match &self.turn {
            Turn::Calling { sending } => write_sending(&mut w, sending),
            Turn::Called { heard, peer } => {
                write_published(&mut w, peer);
                write_heard(&mut w, heard);
            }
            Turn::Leading { sending, heard } => {
                write_sending(&mut w, sending);
                write_heard(&mut w, heard);
            }
            Turn::Following { ended, heard, peer } => {
                w.u32(ended.n);
                write_published(&mut w, peer);
                write_heard(&mut w, heard);
            }
        }
        self.sent.write(&mut w);
        // A Vec that grows leaves secrets behind.
        debug_assert!(w.len() <= capacity);
        Zeroizing::new(w.into_vec())
    }

    fn written_len(&self) -> usize {
        let heard = self.turn.heard().map_or(0, |heard| {
            let waiting = heard.waiting() * WAITING_LEN;
            let chains = CHAIN_LEN + 1 + heard.closed.len() * CLOSED_LEN;
            chains + waiting + heard.seen.written_len() + 32 + Tally::WRITTEN_LEN
        });
        FRONT_LEN + SENDING_LEN.max(ENDED_LEN + PUBLISHED_LEN) + heard + self.sent.written_len()
    }

    /// Reads what [`write`](Self::write) gave.
    ///
    /// # Errors
    /// [`Malformed`] on anything that no session can be: another version, lengths, limits, order, keys that are not
    /// canonical, combinations that the chart does not know, trailing bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        // RAT-89.
        let mut r = Reader::new(bytes);
        let r = &mut r;
        if r.u8()? != VERSION {
            return Err(Malformed);
        }
        let (role, turn, level) = (role(r.u8()?)?, r.u8()?, level(r.u8()?)?);
        let (latch, waits_for_peer) = (latch(r.u8()?, flag(r)?)?, flag(r)?);
        r.zeros(1)?;
        if !level.fits(role) || (waits_for_peer && role == Role::Inviter) {
            return Err(Malformed);
        }
        let id = SessionId(r.array()?);
        let (root, next_sending, next_receiving) = (Key::parse(r)?, Key::parse(r)?, Key::parse(r)?);
        let turn = parse_turn(r, role, turn)?;
        let sent = Sent::parse(r, id)?;
        r.clone().finish()?;
        let spoken = match &turn {
            Turn::Calling { sending } => sending.n == sent.next(),
            Turn::Called { .. } => sent.next() == 0,
            Turn::Leading { sending, .. } => sending.n >= 1 && sending.n <= sent.next(),
            Turn::Following { ended, .. } => ended.n <= sent.next(),
        };
        if !spoken {
            return Err(Malformed);
        }
        Ok(Self { id, role, level, latch, waits_for_peer, root, next_sending, next_receiving, turn, sent })
    }
}

fn parse_turn(r: &mut Reader<'_>, role: Role, code: u8) -> Result<Turn, Malformed> {
    let ours = match role {
        Role::Joiner => 0,
        Role::Inviter => 1,
    };
    let turn = match (code, role) {
        (0, Role::Joiner) => Turn::Calling { sending: parse_sending(r)? },
        (1, Role::Inviter) => {
            let peer = Arc::new(parse_published(r)?);
            Turn::Called { heard: parse_heard(r)?, peer }
        }
        (2, _) => Turn::Leading { sending: parse_sending(r)?, heard: parse_heard(r)? },
        (3, _) => {
            let (n, peer) = (r.u32()?, Arc::new(parse_published(r)?));
            let heard = parse_heard(r)?;
            // Our epoch is the one before; an inviter that only heard epoch 0 is in the state above.
            let epoch = heard.chain.epoch.checked_sub(1).ok_or(Malformed)?;
            Turn::Following { ended: EndedChain { epoch, n }, heard, peer }
        }
        _ => return Err(Malformed),
    };
    let legal = match &turn {
        Turn::Calling { sending } => sending.epoch == 0,
        Turn::Called { heard, .. } => heard.chain.epoch == 0,
        Turn::Leading { sending, heard } => heard.chain.epoch.checked_add(1) == Some(sending.epoch),
        Turn::Following { .. } => true,
    };
    // RAT-01.
    let epochs = [turn.epoch_sent().map(|k| k & 1), turn.heard().map(|heard| (heard.chain.epoch & 1) ^ 1)];
    let parity = epochs.into_iter().flatten().all(|parity| parity == ours);
    if legal && parity { Ok(turn) } else { Err(Malformed) }
}

/// `epoch 4 | n 4 | pn 4 | CK 32 | HK 32 | x25519 32 | kem 1 (0 identity, 1 seed 64 follows) | dh 32 | ek 1,184 | ct 1,088`
fn write_sending(w: &mut Writer, sending: &SendingChain) {
    let SendingChain { epoch, chain, header, n, pn, own, public, ct } = sending;
    w.u32(*epoch).u32(*n).u32(*pn).put(chain.expose()).put(header.expose()).put(own.dh.expose());
    match &own.kem {
        EpochKem::Identity => w.u8(0),
        EpochKem::Fresh(seed) => w.u8(1).put(seed.expose()),
    };
    write_published(w, public);
    w.put(ct.as_bytes());
}

fn parse_sending(r: &mut Reader<'_>) -> Result<SendingChain, Malformed> {
    let (epoch, n, pn) = (r.u32()?, r.u32()?, r.u32()?);
    let (chain, header, dh) = (Key::parse(r)?, Key::parse(r)?, SecretKey::from_bytes(r.array_ref()?));
    let kem = match r.u8()? {
        0 => EpochKem::Identity,
        1 => EpochKem::Fresh(KemSeed::from_bytes(r.array_ref::<SEED_LEN>()?)),
        _ => return Err(Malformed),
    };
    // Epoch 0, and only it, is under the identity's key.
    if matches!(kem, EpochKem::Identity) != (epoch == 0) {
        return Err(Malformed);
    }
    let (public, ct) = (Arc::new(parse_published(r)?), Arc::new(Ciphertext::from_bytes(r.array_ref()?)));
    Ok(SendingChain { epoch, chain, header, n, pn, own: Arc::new(EpochKeys { dh, kem }), public, ct })
}

/// `dh 32 | ek 1,184`
fn write_published(w: &mut Writer, published: &Published) {
    w.put(published.dh.as_bytes()).put(published.ek.as_bytes());
}

fn parse_published(r: &mut Reader<'_>) -> Result<Published, Malformed> {
    Ok(Published { dh: PublicKey::from_bytes(r.array()?)?, ek: EncapsKey::parse(r.take(EK_LEN)?)? })
}

/// `epoch 4 | n 4 | base 4 | CK 32 | HK 32 | pubid 32 | waiting | closed 1 | closed chains, oldest first | seen | last 32 |
/// tally`
fn write_heard(w: &mut Writer, heard: &Heard) {
    let Heard { chain, closed, seen, last, tally } = heard;
    let ReceivingChain { epoch, chain, header, n, id, base, waiting } = chain;
    w.u32(*epoch).u32(*n).u32(*base).put(chain.expose()).put(header.expose()).put(&id.0);
    write_waiting(w, waiting);
    w.u8(closed.len() as u8);
    for ClosedChain { epoch: _, header, id, base, count, waiting } in closed.iter() {
        w.u32(*base).u32(*count).put(header.expose()).put(&id.0);
        write_waiting(w, waiting);
    }
    seen.write(w);
    w.put(&last.0);
    tally.write(w);
}

fn parse_heard(r: &mut Reader<'_>) -> Result<Heard, Malformed> {
    let (epoch, n, base) = (r.u32()?, r.u32()?, r.u32()?);
    let (chain, header, id) = (Key::parse(r)?, Key::parse(r)?, PubId(r.array()?));
    let waiting = parse_waiting(r, n)?;
    // The highest number plus one fits, as every number was checked to do.
    base.checked_add(n).ok_or(Malformed)?;
    let chain = ReceivingChain { epoch, chain, header, n, id, base, waiting };
    let closed = Arc::new(parse_closed(r, &chain)?);
    let mut heard = Heard::start(chain, SessionId([0; 32]));
    heard.closed = closed;
    let high = heard.high();
    heard.seen = Seen::parse(r, high)?;
    heard.last = CellHash(r.array()?);
    heard.tally = Tally::parse(r, high)?;
    if heard.waiting() > MAX_SKIPPED || (heard.chain.n == 0 && heard.chain.epoch != 0) {
        return Err(Malformed);
    }
    Ok(heard)
}

/// Closed chains: `base 4 | count 4 | HK 32 | pubid 32 | waiting`, each ending where the next begins.
fn parse_closed(r: &mut Reader<'_>, newest: &ReceivingChain) -> Result<Vec<ClosedChain>, Malformed> {
    let count = u32::from(r.u8()?);
    // Epochs of one side are two apart: the oldest of `count` before the newest.
    let oldest = newest.epoch.checked_sub(2 * count).ok_or(Malformed)?;
    let mut closed = Vec::with_capacity(count as usize);
    for at in 0..count {
        let (base, count) = (r.u32()?, r.u32()?);
        let (header, id) = (Key::parse(r)?, PubId(r.array()?));
        let waiting = parse_waiting(r, count)?;
        closed.push(ClosedChain { epoch: oldest + 2 * at, header, id, base, count, waiting });
    }
    let ends = closed.iter().map(|chain| chain.base.checked_add(chain.count));
    let begins = closed.iter().skip(1).map(|chain| chain.base).chain([newest.base]);
    let seamless = ends.zip(begins).all(|(end, begin)| end == Some(begin));
    let with_keys = closed.iter().filter(|chain| !chain.waiting.is_empty()).count();
    // What is forgotten is forgotten from the front, and only at the limit.
    let first = closed.first().map_or(newest.base, |chain| chain.base);
    let complete = closed.len() == MAX_CLOSED || (first == 0 && oldest < 2);
    // An epoch begins with a cell; only the joiner's first one begins with the handshake.
    let spoken = closed.iter().all(|chain| chain.count > 0 || chain.epoch == 0);
    if spoken && seamless && complete && closed.len() <= MAX_CLOSED && with_keys <= MAX_CLOSED_WITH_KEYS {
        Ok(closed)
    } else {
        Err(Malformed)
    }
}

/// `keys u16 | (n 4 | since day 4 | 0 or 1 | mark 16 | mk 32)..`; the mark is zero when nothing is known.
fn write_waiting(w: &mut Writer, waiting: &Waiting) {
    w.u16(waiting.len() as u16);
    for (n, WaitingKey { key, since, expect }) in waiting.iter() {
        w.u32(n).u32(since.0).u8(u8::from(expect.is_some()));
        w.put(&expect.map_or([0; 16], |mark| mark.0)).put(key.expose());
    }
}

fn parse_waiting(r: &mut Reader<'_>, below: u32) -> Result<Waiting, Malformed> {
    let count = usize::from(r.u16()?);
    if count > MAX_SKIPPED || count * WAITING_LEN > r.remaining() {
        return Err(Malformed);
    }
    let mut keys = Vec::with_capacity(count);
    let mut from = 0;
    for _ in 0..count {
        let (n, since, known, mark) = (r.u32()?, Day(r.u32()?), flag(r)?, Mark(r.array()?));
        if n < from || n >= below || (!known && mark.0 != [0; 16]) {
            return Err(Malformed);
        }
        from = n + 1;
        keys.push((n, WaitingKey { key: Key::parse(r)?, since, expect: known.then_some(mark) }));
    }
    let mut waiting = Waiting::default();
    waiting.extend(keys);
    Ok(waiting)
}

const fn role_code(role: Role) -> u8 {
    match role {
        Role::Joiner => 0,
        Role::Inviter => 1,
    }
}

const fn role(code: u8) -> Result<Role, Malformed> {
    match code {
        0 => Ok(Role::Joiner),
        1 => Ok(Role::Inviter),
        _ => Err(Malformed),
    }
}

const fn turn_code(turn: &Turn) -> u8 {
    match turn {
        Turn::Calling { .. } => 0,
        Turn::Called { .. } => 1,
        Turn::Leading { .. } => 2,
        Turn::Following { .. } => 3,
    }
}

const LEVELS: [Level; 4] = [Level::Invited, Level::Sent, Level::PeerPq, Level::MutualPq];

const fn level_code(level: Level) -> u8 {
    match level {
        Level::Invited => 0,
        Level::Sent => 1,
        Level::PeerPq => 2,
        Level::MutualPq => 3,
    }
}

fn level(code: u8) -> Result<Level, Malformed> {
    LEVELS.get(usize::from(code)).copied().ok_or(Malformed)
}

/// Codes from 1 on; 0 is no alarm.
const ALARMS: [Alarm; 7] =
    [Alarm::Keys, Alarm::Closed, Alarm::Index, Alarm::Pn, Alarm::Prev, Alarm::Ack, Alarm::OwnRollback];

fn latch_code(latch: Latch) -> (u8, bool) {
    let code = |alarm| ALARMS.iter().zip(1..).find(|(known, _)| **known == alarm).map_or(0, |(_, code)| code);
    match latch {
        Latch::Clear => (0, false),
        Latch::Peer { alarm, sending } => (code(alarm), sending),
        Latch::OwnRollback => (code(Alarm::OwnRollback), false),
    }
}

fn latch(code: u8, sending: bool) -> Result<Latch, Malformed> {
    let alarm =
        usize::from(code).checked_sub(1).map(|at| ALARMS.get(at).copied().ok_or(Malformed)).transpose()?;
    match (alarm, sending) {
        (None, false) => Ok(Latch::Clear),
        (Some(Alarm::OwnRollback), false) => Ok(Latch::OwnRollback),
        (None | Some(Alarm::OwnRollback), true) => Err(Malformed),
        (Some(alarm), sending) => Ok(Latch::Peer { alarm, sending }),
    }
}
