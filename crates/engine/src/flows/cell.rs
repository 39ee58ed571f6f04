//! A cell of one of my queues: whose is it?
//!
//! Spec: docs/spec/ratchet.md, "Opening"; docs/ARCHITECTURE.md, "One message". Invariant: whatever it is, it is
//! acknowledged in the transition that keeps what it said, and the second time it changes nothing.

use minicbor::bytes::ByteArray;
use rand_core::CryptoRng;
use subrosa_codec::Cell;
use subrosa_crypto::{Alarm as RatchetAlarm, OpenError};

use crate::api::{ContactId, Notice};
use crate::event::Effect;
use crate::id::{InboundId, SessionKey};
use crate::limits::{BAD_BODIES, STRANGE};
use crate::rows::{Alarm, Bad, Contact, Corrupt, Inbound, InboundState, Rows, Span, StandingRow, Table};
use crate::tx::Tx;

impl<R: Rows, G: CryptoRng> Tx<'_, R, G> {
    pub(super) fn cell(&mut self, queue: InboundId, seq: u64, cell: &Cell) -> Result<(), Corrupt> {
        let Some(inbound) = self.load::<Inbound>(Inbound::key(queue))? else { return Ok(()) };
        if inbound.state == InboundState::Open {
            self.sort(queue, &inbound, cell)?;
        }
        // CON-14, HS-16, REL-63.
        self.effect(Effect::Ack(queue, seq));
        Ok(())
    }

    /// The contact's sessions first, then handshakes, recoveries last.
    fn sort(&mut self, queue: InboundId, inbound: &Inbound, cell: &Cell) -> Result<(), Corrupt> {
        // RAT-82.
        let contact = inbound.contact.map(ContactId);
        if let Some(id) = contact {
            let row: Contact = self.contact(id)?;
            for key in self.sessions_of(&row) {
                if self.try_session(id, key, cell)? {
                    return Ok(());
                }
            }
        }
        if self.knock(queue, inbound, cell)? {
            return Ok(());
        }
        let Some(id) = contact else { return Ok(()) };
        if self.try_recovery(id, queue, cell)? { Ok(()) } else { self.strange(queue, id, cell) }
    }

    /// Whether the cell belongs to this session.
    fn try_session(&mut self, id: ContactId, key: SessionKey, cell: &Cell) -> Result<bool, Corrupt> {
        let me = self.identity()?;
        let ratchet = self.ratchet(key)?;
        match ratchet.open(&me, cell, self.now) {
            Ok(opened) => self.opened(id, key, opened)?,
            Err(OpenError::NotOurs) => return Ok(false),
            Err(OpenError::Alarm(alarm)) => {
                // RAT-26.
                self.put_ratchet(key, ratchet.latched(alarm));
                self.alarm_in(key, Alarm::Fork)?;
            }
            Err(OpenError::OwnRollback) => {
                self.put_ratchet(key, ratchet.latched(RatchetAlarm::OwnRollback));
                self.alarm_in(key, Alarm::OwnRollback)?;
            }
            Err(OpenError::BadBody { seq, body, .. }) => self.bad_body(key, seq, body)?,
            Err(OpenError::NewerVersion) => self.tell(Notice::Trouble(
                "A contact uses a newer subrosa: update to read what they write.".into(),
            )),
            Err(OpenError::Duplicate | OpenError::Old) => self.repeated(key)?,
            // Against the rules, or too far ahead: the peer keeps it until my acknowledgement passes it.
            Err(_) => {}
        }
        Ok(true)
    }

    /// A header of theirs with a body that somebody changed: after three different ones the cell is given up.
    fn bad_body(&mut self, key: SessionKey, seq: u32, body: [u8; 32]) -> Result<(), Corrupt> {
        // RAT-67.
        let mut bad: Bad = self.load(Bad::key(key, seq))?.unwrap_or_default();
        let body = ByteArray::from(body);
        if bad.bodies.contains(&body) {
            return Ok(());
        }
        bad.bodies.push(body);
        if bad.bodies.len() >= BAD_BODIES
            && let Some((next, event)) = self.ratchet(key)?.give_up(seq, self.now)
        {
            self.put_ratchet(key, next);
            self.erase(Bad::key(key, seq));
            return self.happened(key, &[event]);
        }
        bad.bodies.truncate(BAD_BODIES);
        self.put(Bad::key(key, seq), &bad);
        let cells = self.span(Span::under(Table::Bad, key.0))?.len();
        if cells >= STRANGE { self.alarm_in(key, Alarm::OutOfStep) } else { Ok(()) }
    }

    /// Nobody's cell in a contact's own queue: three different ones mean that we are out of step. The relay can
    /// cause it, so nothing else follows.
    fn strange(&mut self, queue: InboundId, id: ContactId, cell: &Cell) -> Result<(), Corrupt> {
        // RAT-73.
        let mut inbound: Inbound = self.need(Inbound::key(queue))?;
        let Some(nonce) = cell.as_bytes().first_chunk::<24>() else { return Ok(()) };
        let nonce = ByteArray::from(*nonce);
        if inbound.strange.len() >= STRANGE || inbound.strange.contains(&nonce) {
            return Ok(());
        }
        inbound.strange.push(nonce);
        let enough = inbound.strange.len() >= STRANGE;
        self.put(Inbound::key(queue), &inbound);
        if enough && self.contact(id)?.standing == StandingRow::Contact {
            self.alarm(id, Alarm::OutOfStep)?;
        }
        Ok(())
    }
}
