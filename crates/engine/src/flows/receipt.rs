//! Receipts: owed, batched, sent a little later; and theirs.
//!
//! Spec: docs/spec/content.md, "5 receipt" (A22). Invariant: only to accepted contacts, only for messages that were shown
//! or stored as such, never when they are switched off.

use alloc::vec::Vec;

use rand_core::CryptoRng;
use subrosa_crypto::Weight;

use super::content::named_by_them;
use crate::api::{ContactId, MessageId, Notice, Position};
use crate::content::{Content, Kind, RECEIPT_MAX, Reached, Receipt as ReceiptContent};
use crate::id::SessionKey;
use crate::limits::{RECEIPT_EARLIEST, RECEIPT_LATEST};
use crate::rows::{Contact, Corrupt, Key, Message, Receipt, Rows, Span, StandingRow, Table, TimerKind};
use crate::tx::{Stop, Tx};
use subrosa_codec::Millis;

impl<R: Rows, G: CryptoRng> Tx<'_, R, G> {
    /// A message of theirs is on this disk, or was on the screen: a receipt for it goes out soon.
    pub(super) fn owe(&mut self, id: ContactId, position: Position, receipt: Receipt) -> Result<(), Corrupt> {
        // CON-19.
        if !self.me()?.receipts || self.contact(id)?.standing != StandingRow::Contact {
            return Ok(());
        }
        self.put(Receipt::key(id, position), &receipt);
        let span = Millis(RECEIPT_LATEST.0 - RECEIPT_EARLIEST.0);
        let at = self.now.plus(RECEIPT_EARLIEST).plus(self.jitter(span));
        self.timer_unless_set(TimerKind::Receipts, id.0, at)
    }

    /// Sends the receipts that wait, as many as fit the window.
    pub(super) fn send_receipts(&mut self, id: ContactId) -> Result<(), Corrupt> {
        let Some(contact) = self.load::<Contact>(Contact::key(id))? else { return Ok(()) };
        let Some(key) = contact.session.map(SessionKey) else { return Ok(()) };
        if contact.standing != StandingRow::Contact || contact.stopped().is_some() {
            return Ok(());
        }
        let owed: Vec<(Key, Receipt)> = self.list(Span::under(Table::Receipt, id.0))?;
        for reached in [Reached::Read, Reached::Delivered] {
            let read = reached == Reached::Read;
            let of_kind: Vec<&(Key, Receipt)> = owed.iter().filter(|(_, row)| row.read == read).collect();
            for batch in of_kind.chunks(RECEIPT_MAX) {
                let ids = batch.iter().map(|(_, row)| MessageId(row.id)).collect();
                let content = Content::of(Kind::Receipt(ReceiptContent { reached, ids }));
                if self.seal_content(key, &content, Weight::Quiet)?.is_err() {
                    // The window is full, or an alarm stands: once more, later.
                    self.timer(TimerKind::Receipts, id.0, self.now.plus(Millis::HOUR));
                    return Ok(());
                }
                batch.iter().for_each(|(at, _)| self.erase(*at));
            }
        }
        self.settle(id)
    }

    /// Receipts were switched off: none that waits is sent.
    pub(super) fn drop_receipts(&mut self) -> Result<(), Corrupt> {
        // CON-21.
        for (key, _) in self.span(Span::table(Table::Receipt))? {
            self.erase(key);
        }
        Ok(())
    }

    /// Theirs: messages of mine reached them. Ids that I never wrote change nothing.
    pub(super) fn receipt(&mut self, id: ContactId, receipt: &ReceiptContent) -> Result<(), Corrupt> {
        for message in &receipt.ids {
            // CON-18.
            let Some(position) = self.position(id, true, *message)? else { continue };
            let Some(mut row) = self.load::<Message>(Message::key(id, position))? else { continue };
            let Some(progress) = &mut row.progress else { continue };
            let before = *progress;
            // CON-17.
            progress.delivered = true;
            progress.read |= receipt.reached == Reached::Read;
            if *progress != before {
                self.put(Message::key(id, position), &row);
                self.tell(Notice::Chat(id));
            }
        }
        Ok(())
    }

    /// Everything up to and including `upto` was on the screen.
    pub(super) fn seen(&mut self, id: ContactId, upto: Position) -> Result<(), Stop> {
        // CON-20.
        let contact = self.known(id)?;
        // A position that nobody was shown can't have been seen.
        let upto = upto.0.min(contact.next.saturating_sub(1));
        let moved = contact.seen.is_none_or(|seen| seen < upto);
        if contact.unread > 0 {
            let span = Span::under(Table::Message, id.0).from(contact.unread_from).to(upto);
            for (key, mut row) in self.list::<Message>(span)? {
                if core::mem::take(&mut row.unread) {
                    self.put(key, &row);
                    if named_by_them(&row) {
                        self.owe(id, Position(key.id), Receipt { id: row.id, read: true })?;
                    }
                }
            }
        }
        self.recount(id, upto, moved)?;
        Ok(())
    }

    fn recount(&mut self, id: ContactId, upto: i64, moved: bool) -> Result<(), Corrupt> {
        let mut contact = self.contact(id)?;
        let before = contact.clone();
        if moved {
            contact.seen = Some(upto);
        }
        if contact.unread > 0 && upto >= contact.unread_from {
            let span = Span::under(Table::Message, id.0).from(upto.saturating_add(1));
            let rest: Vec<(Key, Message)> = self.list(span)?;
            contact.unread =
                u32::try_from(rest.iter().filter(|(_, row)| row.unread).count()).unwrap_or(u32::MAX);
            contact.unread_from = upto.saturating_add(1);
        }
        if contact != before {
            self.put_contact(id, &contact);
            self.tell(Notice::Chats);
            self.tell(Notice::Chat(id));
        }
        Ok(())
    }
}
