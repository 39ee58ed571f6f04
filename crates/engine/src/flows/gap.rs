//! Missing cells: shown where they are missing, until they come or are given up.
//!
//! Spec: docs/spec/ratchet.md, "Giving up"; docs/guide/chat.md. Invariant: every missing number has a slot of its own in
//! the chat, so that what comes late stands before its successors and no position ever moves.

use rand_core::CryptoRng;

use crate::api::{ContactId, Notice, Position};
use crate::id::SessionKey;
use crate::limits::STUCK;
use crate::rows::{Contact, Corrupt, Gap, Message, MessageBody, Role, Rows, Span, Table, TimerKind};
use crate::tx::Tx;

impl<R: Rows, G: CryptoRng> Tx<'_, R, G> {
    /// Numbers `from..=to` are missing: a slot for each of them at the end of the chat.
    pub(super) fn open_gap(&mut self, key: SessionKey, from: u32, to: u32) -> Result<(), Corrupt> {
        let session = self.session(key)?;
        if session.role == Role::Void || from > to {
            return Ok(());
        }
        let id = ContactId(session.contact);
        let mut contact: Contact = self.contact(id)?;
        let at = contact.take_positions((to - from).saturating_add(1));
        self.put_contact(id, &contact);
        self.show_gap((id, key), from, Gap { to, at: at.0 });
        self.timer_unless_set(TimerKind::Age, key.0, self.now.plus(STUCK))?;
        self.tell(Notice::Chat(id));
        Ok(())
    }

    fn show_gap(&mut self, (id, key): (ContactId, SessionKey), from: u32, gap: Gap) {
        self.put(Gap::key(key, from), &gap);
        let cells = (gap.to - from).saturating_add(1);
        let note = Message::note(MessageBody::Gap(cells), self.now);
        self.put(Message::key(id, Position(gap.at)), &note);
    }

    /// Takes `from..=to` out of the gap that holds `from`, and answers the slot of `from`.
    fn take_out(
        &mut self,
        (id, key): (ContactId, SessionKey),
        from: u32,
        to: u32,
    ) -> Result<Option<Position>, Corrupt> {
        let span = Span::under(Table::Gap, key.0).to(i64::from(from)).newest_first().limit(1);
        let Some((at, gap)) = self.list::<Gap>(span)?.pop() else { return Ok(None) };
        let Ok(first) = u32::try_from(at.id) else { return Err(Corrupt { table: Table::Gap }) };
        if gap.to < from {
            return Ok(None);
        }
        let to = to.min(gap.to);
        self.erase(at);
        self.erase(Message::key(id, Position(gap.at)));
        if first < from {
            self.show_gap((id, key), first, Gap { to: from - 1, at: gap.at });
        }
        if to < gap.to {
            self.show_gap((id, key), to + 1, Gap { to: gap.to, at: gap.slot(first, to + 1).0 });
        }
        self.tell(Notice::Chat(id));
        Ok(Some(gap.slot(first, from)))
    }

    /// A number came: its slot, when it was missing before.
    pub(super) fn fill_gap(
        &mut self,
        id: ContactId,
        key: SessionKey,
        seq: u32,
    ) -> Result<Option<Position>, Corrupt> {
        self.take_out((id, key), seq, seq)
    }

    /// These numbers, in order, will never come: each run of them is one row.
    pub(super) fn lose(&mut self, key: SessionKey, lost: &[u32]) -> Result<(), Corrupt> {
        let mut rest = lost;
        while let Some((&from, tail)) = rest.split_first() {
            let run = tail.iter().zip(from.saturating_add(1)..).take_while(|(seq, next)| **seq == *next);
            let more = run.count();
            rest = tail.get(more..).unwrap_or_default();
            let to = from.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
            self.lose_run(key, from, to)?;
        }
        Ok(())
    }

    fn lose_run(&mut self, key: SessionKey, mut from: u32, to: u32) -> Result<(), Corrupt> {
        let id = ContactId(self.session(key)?.contact);
        // A run may touch several gaps, when some of its numbers were taken out before.
        while from <= to {
            let span = Span::under(Table::Gap, key.0).to(i64::from(from)).newest_first().limit(1);
            let end = self.list::<Gap>(span)?.pop().map_or(from, |(_, gap)| gap.to.max(from)).min(to);
            if let Some(slot) = self.take_out((id, key), from, end)? {
                let cells = (end - from).saturating_add(1);
                self.put(Message::key(id, slot), &Message::note(MessageBody::Lost(cells), self.now));
            }
            let Some(next) = end.checked_add(1) else { return Ok(()) };
            from = next;
        }
        Ok(())
    }
}
