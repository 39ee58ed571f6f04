//! Which of several sessions with one identity is the current one.
//!
//! Spec: docs/spec/ratchet.md, "Several sessions with one identity" (A35).
//! Invariant: no handshake replaces a session silently,
//! unless two invites crossed and both sides decide alike; texts that were not acknowledged go on in the winner.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use rand_core::CryptoRng;
use subrosa_crypto::{Level, QueueDescriptor, Role as End, Session as Ratchet, SessionId};

use crate::api::{ContactId, Notice, Position};
use crate::id::{InboundId, SessionKey};
use crate::limits::RETENTION;
use crate::rows::{
    Contact, Corrupt, Hidden, Message, Outbox, Role, Rows, Session, Span, StandingRow, Table, TimerKind,
    Unsealed,
};
use crate::tx::Tx;

/// What a handshake from a known identity leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crossing {
    /// Mine stays; theirs only receives, and nothing that comes in it is shown.
    Keep,
    /// Theirs becomes current.
    Switch,
    /// The person decides.
    Ask,
}

impl Crossing {
    /// Decides between my current session and a new one that the same identity began.
    ///
    /// Invites cross while my handshake was not confirmed from end to end; later it is something else.
    pub(super) fn decide(current: &Ratchet, recovery: bool, new: SessionId) -> Self {
        let crossing = current.role() == End::Joiner && current.level() < Level::MutualPq && !recovery;
        match (crossing, current.id() < new, current.level()) {
            // RAT-83.
            (true, true, _) => Self::Keep,
            // RAT-84.
            (true, false, Level::Sent) => Self::Switch,
            _ => Self::Ask,
        }
    }

    /// The same between two recoveries that met: mine, unanswered, and theirs.
    pub(super) fn of_recoveries(mine: SessionId, theirs: SessionId) -> Self {
        // REC-31, REC-32.
        if mine < theirs { Self::Keep } else { Self::Switch }
    }
}

/// A session to be kept.
pub(super) struct NewSession<'a> {
    pub(super) role: Role,
    pub(super) queue: &'a QueueDescriptor,
    pub(super) inbound: InboundId,
    pub(super) recovery: bool,
    pub(super) at_address: bool,
}

impl<'a> NewSession<'a> {
    /// One that began with somebody's handshake at an invite of mine.
    pub(super) const fn met(role: Role, queue: &'a QueueDescriptor, inbound: InboundId) -> Self {
        Self { role, queue, inbound, recovery: false, at_address: false }
    }
}

/// The number of a level in a contact's row.
pub(super) const fn level_number(level: Level) -> u8 {
    match level {
        Level::Sent => 0,
        Level::Invited | Level::PeerPq => 1,
        Level::MutualPq => 2,
    }
}

impl<R: Rows, G: CryptoRng> Tx<'_, R, G> {
    /// Keeps a new session of `contact`: as the current one when it says so and there is none, else beside it.
    pub(super) fn install(
        &mut self,
        id: ContactId,
        ratchet: Ratchet,
        new: &NewSession<'_>,
    ) -> Result<SessionKey, Corrupt> {
        let key = SessionKey(self.next_id()?);
        let session = Session {
            contact: id.0,
            role: new.role,
            queue: Hidden::from_zeroizing(new.queue.write()),
            entry: 0,
            inbound: new.inbound.0,
            until: None,
            recovery: new.recovery,
            heard: false,
            confirmed: false,
            hold: None,
            refusals: 0,
            missing_since: None,
            stuck: None,
            beat_at: None,
            since: self.now.0,
            spoke: None,
            owed: None,
            at_address: new.at_address,
        };
        let mut contact = self.contact(id)?;
        match new.role {
            Role::Current | Role::Request => {
                contact.session = Some(key.0);
                contact.level = level_number(ratchet.level());
            }
            _ => contact.others.push(key.0),
        }
        self.put_session(key, &session);
        self.put_ratchet(key, ratchet);
        self.put_contact(id, &contact);
        if new.role == Role::Void {
            self.end_later(key)?;
        }
        Ok(key)
    }

    /// Makes a session the current one; the one before drains, and its unacknowledged texts go on in the new one.
    pub(super) fn promote(&mut self, id: ContactId, key: SessionKey) -> Result<(), Corrupt> {
        let mut contact = self.contact(id)?;
        if contact.session == Some(key.0) {
            return Ok(());
        }
        contact.others.retain(|other| *other != key.0);
        // RAT-78.
        let old = contact.session.replace(key.0).map(SessionKey);
        contact.level = level_number(self.ratchet(key)?.level());
        if let Some(old) = old {
            contact.others.push(old.0);
        }
        if contact.standing == StandingRow::Closed {
            contact.standing = StandingRow::Contact;
        }
        self.put_contact(id, &contact);
        let mut session = self.session(key)?;
        (session.role, session.until) = (Role::Current, None);
        self.put_session(key, &session);
        self.clear_timer(TimerKind::Drain, key.0)?;
        if let Some(old) = old {
            self.retire(old)?;
            self.seal_again(id, old)?;
        }
        self.tell(Notice::Chats);
        self.tell(Notice::Chat(id));
        Ok(())
    }

    /// A current session becomes one that only receives.
    fn retire(&mut self, key: SessionKey) -> Result<(), Corrupt> {
        // RAT-79.
        let mut session = self.session(key)?;
        // Mine, and never answered: should they answer it after all, it is the one that they use.
        let on_trial = !session.heard && self.ratchet(key)?.role() == End::Joiner;
        session.role = if on_trial { Role::Trial } else { Role::Draining };
        (session.beat_at, session.owed) = (None, None);
        self.put_session(key, &session);
        self.clear_timer(TimerKind::Confirm, key.0)?;
        self.clear_timer(TimerKind::Heartbeat, key.0)?;
        self.end_later(key)
    }

    /// The session is erased after the relay's retention.
    pub(super) fn end_later(&mut self, key: SessionKey) -> Result<(), Corrupt> {
        let until = self.now.plus(RETENTION);
        let mut session = self.session(key)?;
        session.until = Some(until.0);
        self.put_session(key, &session);
        self.timer(TimerKind::Drain, key.0, until);
        Ok(())
    }

    /// Texts that `old` did not get acknowledged wait to be sealed in the current session, under the same ids.
    fn seal_again(&mut self, id: ContactId, old: SessionKey) -> Result<(), Corrupt> {
        // RAT-88.
        let mut again = BTreeSet::new();
        for (key, mut row) in self.list::<Outbox>(Span::under(Table::Outbox, old.0))? {
            if let Some(position) = row.message.take() {
                again.insert(position);
                self.put(key, &row);
            }
        }
        for position in again.into_iter().map(Position) {
            self.wait_again(id, position)?;
        }
        Ok(())
    }

    /// A message of mine waits to be sealed (again).
    pub(super) fn wait_again(&mut self, id: ContactId, position: Position) -> Result<(), Corrupt> {
        let Some(mut message) = self.load::<Message>(Message::key(id, position))? else { return Ok(()) };
        let Some(progress) = &mut message.progress else { return Ok(()) };
        if !progress.delivered && !progress.read {
            (progress.cells, progress.unsent, progress.unacked, progress.failed) = (0, 0, 0, 0);
            self.put(Message::key(id, position), &message);
            self.put(Unsealed::key(id, position), &Unsealed { since: self.now.0 });
        }
        Ok(())
    }

    /// Erases a session that is not the current one, with all that belongs to it.
    pub(super) fn drop_session(&mut self, key: SessionKey) -> Result<(), Corrupt> {
        let Some(session) = self.load::<Session>(Session::key(key))? else { return Ok(()) };
        if let Some(mut contact) = self.load::<Contact>(Contact::key(ContactId(session.contact)))? {
            contact.others.retain(|other| *other != key.0);
            if contact.session == Some(key.0) {
                contact.session = None;
            }
            self.put_contact(ContactId(session.contact), &contact);
        }
        self.erase(Session::key(key));
        self.erase_ratchet(key);
        for table in [Table::Outbox, Table::Cell, Table::Part, Table::Gap, Table::Bad] {
            self.erase_all(table, key.0);
        }
        for kind in TimerKind::OF_SESSIONS {
            self.clear_timer(kind, key.0)?;
        }
        self.close_queue_if_idle(InboundId(session.inbound))
    }

    /// The sessions of a contact in the order in which a cell is tried: the current one first.
    pub(super) fn sessions_of(&self, contact: &Contact) -> Vec<SessionKey> {
        contact.session.iter().chain(contact.others.iter().rev()).copied().map(SessionKey).collect()
    }
}
