//! An opened cell: what its header says, its part of a content, and what is answered by itself.
//!
//! Spec: docs/spec/ratchet.md, "Opening"; docs/spec/content.md, "Parts". Invariant: state, content and events are kept in
//! one transition.

use alloc::vec::Vec;

use rand_core::CryptoRng;
use subrosa_codec::Millis;
use subrosa_crypto::{Opened, Part as Piece, SessionEvent, assemble};
use zeroize::Zeroizing;

use super::crossing::level_number;
use crate::api::{ContactId, Notice, Position};
use crate::id::{OutboxId, SessionKey};
use crate::rows::{
    Alarm, Bad, Bytes, Contact, Corrupt, Hidden, OutCell, Outbox, Part, Role, Rows, Session, Span,
    StandingRow, Table, TimerKind,
};
use crate::tx::Tx;

/// Where a content came from: the contact, the session, the number of its last cell, and its slot when it was
/// missing before.
#[derive(Clone, Copy)]
pub(super) struct Origin {
    pub(super) contact: ContactId,
    pub(super) session: SessionKey,
    pub(super) seq: u32,
    pub(super) slot: Option<Position>,
}

impl<R: Rows, G: CryptoRng> Tx<'_, R, G> {
    pub(super) fn opened(&mut self, id: ContactId, key: SessionKey, opened: Opened) -> Result<(), Corrupt> {
        let Opened { next, part, seq, epoch, events, outbox_low, .. } = opened;
        self.put_ratchet(key, next);
        if self.load::<Bad>(Bad::key(key, seq))?.is_some() {
            self.erase(Bad::key(key, seq));
        }
        self.trim(key, outbox_low)?;
        self.note_stuck(key)?;
        if !self.session(key)?.heard && epoch > 0 {
            self.first_heard(id, key)?;
        }
        self.happened(key, &events)?;
        self.confirm_later(key, epoch)?;
        // A session that lost before anyone spoke in it: its texts come again in the winner.
        // RAT-81.
        if self.session(key)?.role != Role::Void {
            let slot = self.fill_gap(id, key, seq)?;
            let origin = Origin { contact: id, session: key, seq, slot };
            if let Some(content) = self.whole(key, seq, part)? {
                self.content(origin, &content)?;
            }
        }
        self.settle_session(key)
    }

    /// The first cell that only they can have answered with: the handshake arrived.
    fn first_heard(&mut self, id: ContactId, key: SessionKey) -> Result<(), Corrupt> {
        let mut session = self.session(key)?;
        session.heard = true;
        self.put_session(key, &session);
        let first = OutboxId { session: key, seq: OutboxId::FIRST };
        self.erase(Outbox::key(first));
        self.erase(OutCell::key(first));
        // They answered before the relay did: what waited behind the cell that began the session may go.
        self.send_waiting(key)?;
        self.clear_timer(TimerKind::NoAnswer, key.0)?;
        if session.role == Role::Trial {
            // RAT-80.
            // They answer in it: this is the session that they use.
            self.promote(id, key)?;
        }
        let mut contact = self.contact(id)?;
        let waited =
            // REC-34.
            matches!(contact.standing, StandingRow::Pending | StandingRow::Closed | StandingRow::Restored);
        if waited && contact.session == Some(key.0) {
            contact.standing = StandingRow::Contact;
            self.put_contact(id, &contact);
            self.tell(Notice::Chats);
            self.tell(Notice::Chat(id));
        }
        Ok(())
    }

    /// Gaps, losses, alarms, levels.
    pub(super) fn happened(&mut self, key: SessionKey, events: &[SessionEvent]) -> Result<(), Corrupt> {
        let mut lost: Vec<u32> = Vec::new();
        for event in events {
            match *event {
                SessionEvent::Gap { from, to } => self.open_gap(key, from, to)?,
                SessionEvent::Lost { seq } => lost.push(seq),
                SessionEvent::Alarm(_) => self.alarm_in(key, Alarm::Fork)?,
                SessionEvent::OwnRollback => self.alarm_in(key, Alarm::OwnRollback)?,
                SessionEvent::Raised(level) => self.raised(key, level_number(level))?,
                // Nothing that this version could do anything about.
                _ => {}
            }
        }
        lost.sort_unstable();
        self.lose(key, &lost)
    }

    fn raised(&mut self, key: SessionKey, level: u8) -> Result<(), Corrupt> {
        let id = ContactId(self.session(key)?.contact);
        let mut contact: Contact = self.contact(id)?;
        if contact.session == Some(key.0) && contact.level < level {
            contact.level = level;
            self.put_contact(id, &contact);
            self.tell(Notice::Chats);
            self.tell(Notice::Chat(id));
        }
        Ok(())
    }

    /// The whole content, when this was the last part of it that was missing.
    fn whole(&mut self, key: SessionKey, seq: u32, part: Piece) -> Result<Option<Bytes>, Corrupt> {
        // CEL-14.
        if part.count == 1 {
            return Ok(Some(part.content));
        }
        // An index beyond the number can't be: nothing of it is kept.
        let Some(first) = seq.checked_sub(u32::from(part.index)) else { return Ok(None) };
        let Some(last) = first.checked_add(u32::from(part.count) - 1) else { return Ok(None) };
        let row = Part {
            index: part.index,
            count: part.count,
            content: Hidden::from_zeroizing(part.content),
            at: self.now.0,
        };
        self.put(Part::key(key, seq), &row);
        self.timer_unless_set(TimerKind::Age, key.0, self.now.plus(Millis::DAY))?;
        let span = Span::under(Table::Part, key.0).from(i64::from(first)).to(i64::from(last));
        let pieces: Vec<Piece> = self
            .list::<Part>(span)?
            .into_iter()
            .map(|(_, row)| Piece {
                index: row.index,
                count: row.count,
                content: Zeroizing::new(row.content.expose().to_vec()),
            })
            .collect();
        // CON-01.
        let Ok(content) = assemble(&pieces) else { return Ok(None) };
        for seq in first..=last {
            self.erase(Part::key(key, seq));
        }
        Ok(Some(content))
    }

    /// What may be due after a cell of this session came or went.
    pub(super) fn settle_session(&mut self, key: SessionKey) -> Result<(), Corrupt> {
        let Some(session) = self.load::<Session>(Session::key(key))? else { return Ok(()) };
        if session.is_current() { self.settle(ContactId(session.contact)) } else { Ok(()) }
    }
}
