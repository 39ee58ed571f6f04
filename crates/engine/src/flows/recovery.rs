//! Recovery: a new session under a recovery key, by a person's choice, visible to both.
//!
//! Spec: docs/spec/recovery.md (A30). Invariant: keys are used up in the transition that uses them; no text is
//! sealed before both sides are proven.

use alloc::vec::Vec;

use rand_core::CryptoRng;
use subrosa_codec::Cell;
use subrosa_crypto::{
    IdentityPublic, Level, RecoverError, Recovered, RecoveryIntro, RecoveryKey, Role as End, Weight,
};

use super::crossing::{Crossing, NewSession};
use super::knock::unasked;
use crate::api::{CommandError, ContactId, Notice};
use crate::content::{Content, Control, Kind};
use crate::id::{InboundId, OutboxId, SessionKey};
use crate::limits::NO_RECOVERY;
use crate::rows::{Alarm, Contact, Corrupt, Occurrence, Role, Rows, Session, StandingRow, Table, TimerKind};
use crate::tx::{Stop, Tx};

const BROKEN: Corrupt = Corrupt { table: Table::Contact };

/// The reason in a recovery cell: restored from a backup, so that no older queue is read any more.
pub(super) const RESTORED: u8 = 1;
/// The reason in a recovery cell: own rollback.
const OWN_ROLLBACK: u8 = 2;
/// The reason in a recovery cell: an alarm, or out of step.
const ALARMED: u8 = 3;
/// The reason in a recovery cell: whatever it is, a recovery of theirs had arrived before, which they may not know yet.
const AFTER_YOURS: u8 = 4;

impl<R: Rows, G: CryptoRng> Tx<'_, R, G> {
    /// The side that starts it (role J).
    pub(super) fn recover(&mut self, id: ContactId) -> Result<(), Stop> {
        // REC-01.
        let mut contact = self.accepted_contact(id)?;
        let restored = contact.standing == StandingRow::Restored;
        let old = contact.session.map(SessionKey);
        let theirs = match (old, contact.queue.take()) {
            (Some(old), _) => self.session(old)?.queue,
            (None, Some(queue)) => queue,
            (None, None) => return Err(CommandError::Closed.into()),
        };
        let Some(key) = contact.received.take() else { return Err(CommandError::NoRecoveryKey.into()) };
        let key = RecoveryKey::parse(key.expose()).map_err(|_| BROKEN)?;
        let reason = match contact.alarm {
            _ if restored => RESTORED,
            Some(Alarm::OwnRollback) => OWN_ROLLBACK,
            _ if self.just_begun(old)? => AFTER_YOURS,
            _ => ALARMED,
        };
        contact.alarm = None;
        self.note(&mut contact, id, if restored { Occurrence::Restored } else { Occurrence::IRecovered });
        self.put_contact(id, &contact);
        let queue = self.new_queue(Some(id))?;
        let me = self.identity()?;
        let peer = IdentityPublic::parse(&contact.identity).map_err(|_| BROKEN)?;
        // What I saw last is not told: the peer shows it at most, and an old copy would say something wrong.
        let intro = RecoveryIntro { descriptor: queue.descriptor, reason, ack_high: 0, ack_hash: [0; 32] };
        let (session, cell) =
            subrosa_crypto::recover(&me, &peer, &key, &intro, self.rng).map_err(|_| BROKEN)?;
        let descriptor = subrosa_crypto::QueueDescriptor::parse(theirs.expose()).map_err(|_| BROKEN)?;
        let (role, inbound) = (Role::Trial, queue.id);
        let new = NewSession { role, queue: &descriptor, inbound, recovery: true, at_address: false };
        let key = self.install(id, session, &new)?;
        self.promote(id, key)?;
        self.forget_strange(id)?;
        // REC-17.
        self.first_cell(OutboxId { session: key, seq: OutboxId::FIRST }, cell)?;
        // Unlike a handshake's, its answer may come at any time; but the person should know.
        self.timer(TimerKind::NoAnswer, key.0, self.now.plus(NO_RECOVERY));
        Ok(())
    }

    /// Whether they recovered into this session, and nothing shows yet that they know of my answer.
    fn just_begun(&mut self, current: Option<SessionKey>) -> Result<bool, Corrupt> {
        // REC-40.
        let Some(current) = current else { return Ok(false) };
        Ok(self.session(current)?.recovery && self.ratchet(current)?.level() == Level::Invited)
    }

    /// The other side (role I): whether the cell was a recovery of this contact.
    pub(super) fn try_recovery(
        &mut self,
        id: ContactId,
        queue: InboundId,
        cell: &Cell,
    ) -> Result<bool, Corrupt> {
        // REC-25.
        let contact: Contact = self.contact(id)?;
        let keys: Result<Vec<RecoveryKey>, _> =
            contact.given.iter().map(|key| RecoveryKey::parse(key.expose())).collect();
        let keys = keys.map_err(|_| BROKEN)?;
        if keys.is_empty() {
            return Ok(false);
        }
        let peer = IdentityPublic::parse(&contact.identity).map_err(|_| BROKEN)?;
        let me = self.identity()?;
        match subrosa_crypto::accept_recovery(&me, &peer, &keys, cell) {
            Ok(recovered) => self.recovered(id, queue, recovered)?,
            // REC-30.
            Err(RecoverError::NotOurs) => return Ok(false),
            Err(RecoverError::NewerVersion) => {
                let name = crate::sanitize::name(contact.shown());
                self.tell(Notice::Trouble(alloc::format!(
                    "{name} recovered with a newer subrosa. Update to go on."
                )));
            }
            Err(_) => {}
        }
        Ok(true)
    }

    fn recovered(&mut self, id: ContactId, inbound: InboundId, recovered: Recovered) -> Result<(), Corrupt> {
        // REC-26.
        let Recovered { session, intro, .. } = recovered;
        let mut contact: Contact = self.contact(id)?;
        // REC-06, REC-39.
        contact.given.clear();
        self.note(&mut contact, id, Occurrence::TheyRecovered);
        // ID-09.
        let verified = core::mem::take(&mut contact.verified);
        self.put_contact(id, &contact);
        let current = contact.session.map(SessionKey);
        let (decision, given_up) = self.met(current, &session, intro.reason)?;
        let role = if decision == Crossing::Keep { Role::Void } else { Role::Trial };
        let queue = &intro.descriptor;
        let new = NewSession { role, queue, inbound, recovery: true, at_address: false };
        let replaced = session.id();
        let key = self.install(id, session, &new)?;
        let met = !given_up.is_empty();
        for old in given_up {
            self.drop_session(old)?;
        }
        if decision != Crossing::Keep {
            if !met {
                self.say_replaced(current, replaced.0)?;
            }
            self.promote(id, key)?;
            let mut contact = self.contact(id)?;
            contact.standing = StandingRow::Contact;
            self.put_contact(id, &contact);
            // REC-29.
            unasked(self.welcome(id, key))?;
            self.forget_strange(id)?;
        }
        if verified {
            // REC-28.
            self.alarm(id, Alarm::Recovered)?;
        }
        self.settle(id)
    }

    /// Whether a recovery of mine is on its way, too: which of the two stays, and the sessions that both gave up.
    fn met(
        &mut self,
        current: Option<SessionKey>,
        theirs: &subrosa_crypto::Session,
        reason: u8,
    ) -> Result<(Crossing, Vec<SessionKey>), Corrupt> {
        let Some(current) = current else { return Ok((Crossing::Switch, Vec::new())) };
        let (session, mine) = (self.session(current)?, self.ratchet(current)?);
        if !session.recovery || session.heard || mine.role() != End::Joiner {
            return Ok((Crossing::Switch, Vec::new()));
        }
        // REC-33, REC-40.
        if matches!(reason, RESTORED | AFTER_YOURS) {
            // They left mine behind, or never saw it: an answer in it that comes late must not bring it back.
            let left = Session { heard: true, ..session };
            self.put_session(current, &left);
            return Ok((Crossing::Switch, Vec::new()));
        }
        let contact: Contact = self.contact(ContactId(session.contact))?;
        let mut given_up = Vec::new();
        for key in contact.others.into_iter().map(SessionKey) {
            if self.session(key)?.role == Role::Draining {
                given_up.push(key);
            }
        }
        Ok((Crossing::of_recoveries(mine.id(), theirs.id()), given_up))
    }

    /// Tells whoever still holds the old session, in spite of a latch; left out when it can't be sealed.
    fn say_replaced(&mut self, old: Option<SessionKey>, by: [u8; 32]) -> Result<(), Corrupt> {
        // REC-27.
        let Some(old) = old else { return Ok(()) };
        let notice = Content::of(Kind::Control(Control::Replaced { session: by }));
        self.seal_content(old, &notice, Weight::Replaced)?.ok();
        Ok(())
    }
}
