//! [`Tx`]: one transition in the making: rows as they will be, and what follows.
//!
//! Spec: docs/ARCHITECTURE.md, "One message". Invariant: reads see the transition's own writes; the rows beneath are
//! never touched.

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec::Vec;

use rand_core::CryptoRng;
use subrosa_codec::Millis;
use subrosa_crypto::{Identity, IdentitySeed, Session as Ratchet};
use zeroize::Zeroizing;

use crate::api::{CommandError, ContactId, Done, MessageId, Notice, Position};
use crate::event::{Effect, Transition};
use crate::id::SessionKey;
use crate::rows::{
    Bytes, Change, Contact, Corrupt, Counter, Key, Me, RatchetRow, Row, Rows, Session, Span, Table, Timer,
    TimerKind,
};

/// Why a flow ends early: a damaged vault, or a command that can't be done.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Nothing can be committed.
    Corrupt(Corrupt),
    /// Nothing is to be committed.
    No(CommandError),
}

impl From<Corrupt> for Stop {
    fn from(corrupt: Corrupt) -> Self {
        Self::Corrupt(corrupt)
    }
}

impl From<CommandError> for Stop {
    fn from(error: CommandError) -> Self {
        Self::No(error)
    }
}

/// One transition in the making. The flows are methods of it.
pub(crate) struct Tx<'a, R, G> {
    rows: &'a R,
    pub(crate) rng: &'a mut G,
    pub(crate) now: Millis,
    written: BTreeMap<Key, Option<Bytes>>,
    emptied: Vec<(Table, i64)>,
    /// Ratchets as they will be: parsed once, written once.
    ratchets: BTreeMap<SessionKey, (Ratchet, bool)>,
    effects: Vec<Effect>,
    tells: Vec<Notice>,
    wake: Option<Millis>,
    identity: Option<Rc<Identity>>,
}

impl<'a, R: Rows, G: CryptoRng> Tx<'a, R, G> {
    pub(crate) const fn new(rows: &'a R, now: Millis, rng: &'a mut G) -> Self {
        Self {
            rows,
            rng,
            now,
            written: BTreeMap::new(),
            emptied: Vec::new(),
            ratchets: BTreeMap::new(),
            effects: Vec::new(),
            tells: Vec::new(),
            wake: None,
            identity: None,
        }
    }

    /// The transition: erasures of whole parents first, as later writes under them are in `written`.
    pub(crate) fn finish(mut self, done: Option<Result<Done, CommandError>>) -> Transition {
        for (key, (ratchet, changed)) in core::mem::take(&mut self.ratchets) {
            if changed {
                self.written.insert(RatchetRow::key(key), Some(ratchet.write()));
            }
        }
        let emptied = self.emptied.into_iter().map(|(table, parent)| Change::EraseAll { table, parent });
        let written = self.written.into_iter().map(|(key, row)| match row {
            Some(bytes) => Change::Put(key, bytes),
            None => Change::Erase(key),
        });
        let changes = emptied.chain(written).collect();
        let mut effects = self.effects;
        effects.extend(self.wake.map(Effect::Wake));
        effects.extend(self.tells.into_iter().map(Effect::Tell));
        Transition { changes, effects, done }
    }

    // Rows.

    pub(crate) fn load<T: Row>(&self, key: Key) -> Result<Option<T>, Corrupt> {
        self.get(key)?.map(|bytes| T::parse(&bytes)).transpose()
    }

    /// A row that must be there, since another names it.
    pub(crate) fn need<T: Row>(&self, key: Key) -> Result<T, Corrupt> {
        self.load(key)?.ok_or(Corrupt { table: key.table })
    }

    pub(crate) fn list<T: Row>(&self, span: Span) -> Result<Vec<(Key, T)>, Corrupt> {
        self.span(span)?.into_iter().map(|(key, bytes)| Ok((key, T::parse(&bytes)?))).collect()
    }

    pub(crate) fn put<T: Row>(&mut self, key: Key, row: &T) {
        self.written.insert(key, Some(row.write()));
    }

    pub(crate) fn erase(&mut self, key: Key) {
        self.written.insert(key, None);
    }

    pub(crate) fn erase_all(&mut self, table: Table, parent: i64) {
        self.written.retain(|key, _| (key.table, key.parent) != (table, parent));
        self.emptied.push((table, parent));
    }

    /// The next id: one counter for all of them.
    pub(crate) fn next_id(&mut self) -> Result<i64, Corrupt> {
        let mut counter: Counter = self.load(Counter::KEY)?.unwrap_or_default();
        counter.last = counter.last.saturating_add(1);
        self.put(Counter::KEY, &counter);
        Ok(counter.last)
    }

    pub(crate) fn me(&self) -> Result<Me, Corrupt> {
        self.need(Me::KEY)
    }

    pub(crate) fn identity(&mut self) -> Result<Rc<Identity>, Corrupt> {
        if let Some(identity) = &self.identity {
            return Ok(Rc::clone(identity));
        }
        let seed = Zeroizing::new(self.me()?.seed.array().ok_or(Corrupt { table: Table::Meta })?);
        let identity = Rc::new(Identity::derive(&IdentitySeed::from_bytes(*seed), 0));
        self.identity = Some(Rc::clone(&identity));
        Ok(identity)
    }

    pub(crate) fn contact(&self, id: ContactId) -> Result<Contact, Corrupt> {
        self.need(Contact::key(id))
    }

    pub(crate) fn put_contact(&mut self, id: ContactId, contact: &Contact) {
        self.put(Contact::key(id), contact);
    }

    pub(crate) fn session(&self, key: SessionKey) -> Result<Session, Corrupt> {
        self.need(Session::key(key))
    }

    pub(crate) fn put_session(&mut self, key: SessionKey, session: &Session) {
        self.put(Session::key(key), session);
    }

    // Ratchets.

    /// A copy of pointers: cheap.
    pub(crate) fn ratchet(&mut self, key: SessionKey) -> Result<Ratchet, Corrupt> {
        if let Some((ratchet, _)) = self.ratchets.get(&key) {
            return Ok(ratchet.clone());
        }
        let row: RatchetRow = self.need(RatchetRow::key(key))?;
        let ratchet = Ratchet::parse(&row.0).map_err(|_| Corrupt { table: Table::Ratchet })?;
        self.ratchets.insert(key, (ratchet.clone(), false));
        Ok(ratchet)
    }

    pub(crate) fn put_ratchet(&mut self, key: SessionKey, ratchet: Ratchet) {
        self.ratchets.insert(key, (ratchet, true));
    }

    pub(crate) fn erase_ratchet(&mut self, key: SessionKey) {
        self.ratchets.remove(&key);
        self.erase(RatchetRow::key(key));
    }

    // What follows.

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(crate) fn tell(&mut self, notice: Notice) {
        if !self.tells.contains(&notice) {
            self.tells.push(notice);
        }
    }

    /// Sets a timer, or moves it.
    pub(crate) fn timer(&mut self, kind: TimerKind, subject: i64, at: Millis) {
        self.put(Timer::key(kind, subject), &Timer { at: at.0 });
        self.wake_at(at);
    }

    /// Sets a timer unless it is set already.
    pub(crate) fn timer_unless_set(
        &mut self,
        kind: TimerKind,
        subject: i64,
        at: Millis,
    ) -> Result<(), Corrupt> {
        if self.get(Timer::key(kind, subject))?.is_none() {
            self.timer(kind, subject, at);
        }
        Ok(())
    }

    /// Sets a timer, or moves it when it would ring later.
    pub(crate) fn timer_no_later(
        &mut self,
        kind: TimerKind,
        subject: i64,
        at: Millis,
    ) -> Result<(), Corrupt> {
        let set: Option<Timer> = self.load(Timer::key(kind, subject))?;
        if set.is_none_or(|set| set.at > at.0) {
            self.timer(kind, subject, at);
        }
        Ok(())
    }

    pub(crate) fn clear_timer(&mut self, kind: TimerKind, subject: i64) -> Result<(), Corrupt> {
        if self.get(Timer::key(kind, subject))?.is_some() {
            self.erase(Timer::key(kind, subject));
        }
        Ok(())
    }

    pub(crate) fn wake_at(&mut self, at: Millis) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    // Randomness.

    /// A span below `below`; zero when that is zero. Its tiny bias does not matter for delays.
    pub(crate) fn jitter(&mut self, below: Millis) -> Millis {
        Millis(self.rng.next_u64().checked_rem(below.0).unwrap_or_default())
    }

    pub(crate) fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }
}

/// The rows as they will be.
impl<R: Rows, G> Rows for Tx<'_, R, G> {
    fn get(&self, key: Key) -> Result<Option<Bytes>, Corrupt> {
        match self.written.get(&key) {
            Some(row) => Ok(row.clone()),
            None if self.emptied.contains(&(key.table, key.parent)) => Ok(None),
            None => self.rows.get(key),
        }
    }

    fn span(&self, span: Span) -> Result<Vec<(Key, Bytes)>, Corrupt> {
        let first = Key::new(span.table, span.parent.unwrap_or(i64::MIN), i64::MIN);
        let last = Key::new(span.table, span.parent.unwrap_or(i64::MAX), i64::MAX);
        let mine: Vec<_> = self.written.range(first..=last).filter(|(key, _)| span.holds(**key)).collect();
        let emptied = self.emptied.iter().any(|(table, _)| *table == span.table);
        if mine.is_empty() && !emptied {
            return self.rows.span(span);
        }
        // Rows that are written over or erased must not use up the limit.
        let spare = if emptied { u32::MAX } else { u32::try_from(mine.len()).unwrap_or(u32::MAX) };
        let wide = Span { limit: span.limit.saturating_add(spare), ..span };
        let mut rows: BTreeMap<Key, Bytes> = self.rows.span(wide)?.into_iter().collect();
        rows.retain(|key, _| !self.emptied.contains(&(key.table, key.parent)));
        for (key, row) in mine {
            match row {
                Some(bytes) => rows.insert(*key, bytes.clone()),
                None => rows.remove(key),
            };
        }
        let limit = usize::try_from(span.limit).unwrap_or(usize::MAX);
        if span.newest_first {
            Ok(rows.into_iter().rev().take(limit).collect())
        } else {
            Ok(rows.into_iter().take(limit).collect())
        }
    }

    /// Only what was committed before: no flow looks for a message that it wrote itself.
    fn position(&self, chat: ContactId, mine: bool, id: MessageId) -> Result<Option<Position>, Corrupt> {
        self.rows.position(chat, mine, id)
    }
}
