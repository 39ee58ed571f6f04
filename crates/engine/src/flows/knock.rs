//! Handshakes that come in by my invites.
//!
//! Spec: docs/spec/handshake.md, "The inviter", "Edge cases" (A5, A25, A28). Invariant: whatever is wrong with one, it
//! is acknowledged and never answered; the same one is never accepted twice.

use alloc::vec::Vec;

use rand_core::CryptoRng;
use subrosa_codec::Cell;
use subrosa_crypto::{AcceptError, Accepted};

use super::crossing::{Crossing, NewSession};
use super::invite::keys_of;
use crate::api::{ContactId, InviteId, Notice};
use crate::id::{InboundId, SessionKey};
use crate::limits::{REQUESTS, STUCK};
use crate::rows::{
    Contact, Corrupt, Handshake, Inbound, Invite, InviteStage, Role, Rows, Span, StandingRow, Table,
    TimerKind,
};
use crate::sanitize;
use crate::tx::{Stop, Tx};

/// A flow that no command started can't fail for a reason of a person's.
pub(super) fn unasked<T>(result: Result<T, Stop>) -> Result<T, Corrupt> {
    result.map_err(|stop| match stop {
        Stop::Corrupt(corrupt) => corrupt,
        // No relay of mine, although an invite of mine lies at one.
        Stop::No(_) => Corrupt { table: Table::Meta },
    })
}

impl<R: Rows, G: CryptoRng> Tx<'_, R, G> {
    /// Tries a cell as a handshake for the invite of this queue. Whether it was one.
    pub(super) fn knock(
        &mut self,
        queue: InboundId,
        inbound: &Inbound,
        cell: &Cell,
    ) -> Result<bool, Corrupt> {
        let Some(id) = inbound.invite.map(InviteId) else { return Ok(false) };
        let Some(mut row) = self.load::<Invite>(Invite::key(id))? else { return Ok(false) };
        let Some(mine) = &row.mine else { return Ok(false) };
        let keys = keys_of(mine)?;
        let seen: Vec<[u8; 32]> = self
            .list::<Handshake>(Span::under(Table::Handshake, id.0))?
            .into_iter()
            .map(|(_, handshake)| handshake.id)
            .collect();
        let me = self.identity()?;
        match subrosa_crypto::accept(&me, &keys, cell, |handshake| seen.contains(&handshake.0)) {
            Ok(accepted) => self.accepted((id, &mut row), queue, accepted)?,
            Err(AcceptError::NotOurs) => return Ok(false),
            Err(AcceptError::Spent) => self.someone_else(id, row)?,
            Err(AcceptError::NewerVersion) => {
                self.tell(Notice::Trouble(
                    "Someone tried to join with a newer subrosa. Update to let them in.".into(),
                ));
            }
            // INV-39.
            // A repeat, or not what a handshake should be: acknowledged, no more.
            Err(_) => {}
        }
        Ok(true)
    }

    /// A one-time invite was used, and here is another joiner: told once.
    fn someone_else(&mut self, id: InviteId, mut row: Invite) -> Result<(), Corrupt> {
        if let (InviteStage::Used, false, Some(mine)) = (row.stage, row.reusable, &mut row.mine)
            && !mine.tried
        {
            mine.tried = true;
            self.put(Invite::key(id), &row);
            self.tell(Notice::SomeoneElseTried(id));
        }
        Ok(())
    }

    fn accepted(
        &mut self,
        (id, row): (InviteId, &mut Invite),
        queue: InboundId,
        accepted: Accepted,
    ) -> Result<(), Corrupt> {
        let address = row.reusable;
        let known = self.contact_of_identity(accepted.peer.as_bytes())?;
        if address && known.is_none() && !self.has_room(accepted.peer.as_bytes())? {
            // HS-32.
            // A flood of requests: dropped, and not even remembered.
            return Ok(());
        }
        let counted = self.next_id()?;
        // HS-27.
        self.put(Handshake::key(id, counted), &Handshake { id: accepted.id.0 });
        if !address {
            self.burn(id, row)?;
        }
        let inbound = if address { InboundId(0) } else { queue };
        match known {
            // HS-28.
            None if address => self.request(accepted, inbound, (StandingRow::Request, None)),
            None => self.befriend(id, accepted, inbound),
            Some(known) => self.crossed(known, accepted, inbound),
        }
    }

    /// Whether another request may wait; a repeated one of the same identity takes the place of the first.
    fn has_room(&mut self, identity: &[u8]) -> Result<bool, Corrupt> {
        let contacts: Vec<(_, Contact)> = self.list(Span::table(Table::Contact))?;
        let mut requests = 0;
        for (key, contact) in contacts {
            if contact.standing != StandingRow::Request {
                continue;
            }
            // HS-31.
            if contact.identity == identity {
                self.erase_contact(ContactId(key.id))?;
            } else {
                requests += 1;
            }
        }
        Ok(requests < REQUESTS)
    }

    /// Someone joined by a one-time invite: a contact at once.
    fn befriend(&mut self, invite: InviteId, accepted: Accepted, inbound: InboundId) -> Result<(), Corrupt> {
        let Accepted { peer, intro, session, .. } = accepted;
        let claim = sanitize::name(&intro.name);
        let id = ContactId(self.next_id()?);
        let contact = Contact::new(peer.as_bytes().to_vec(), claim, StandingRow::Contact, self.now);
        self.put_contact(id, &contact);
        let new = NewSession::met(Role::Current, &intro.descriptor, inbound);
        let key = self.install(id, session, &new)?;
        self.own_queue(inbound, id)?;
        unasked(self.welcome(id, key))?;
        self.tell(Notice::Joined { invite, contact: id });
        self.tell(Notice::Chats);
        Ok(())
    }

    /// Someone asks: nothing is answered before the person decided.
    fn request(
        &mut self,
        accepted: Accepted,
        inbound: InboundId,
        (standing, known): (StandingRow, Option<ContactId>),
    ) -> Result<(), Corrupt> {
        let Accepted { peer, intro, session, .. } = accepted;
        let id = ContactId(self.next_id()?);
        let mut contact =
            Contact::new(peer.as_bytes().to_vec(), sanitize::name(&intro.name), standing, self.now);
        contact.known = known.map(|known| known.0);
        contact.greeting = Some(sanitize::greeting(&intro.greeting)).filter(|greeting| !greeting.is_empty());
        self.put_contact(id, &contact);
        let new = NewSession::met(Role::Request, &intro.descriptor, inbound);
        self.install(id, session, &new)?;
        self.own_queue(inbound, id)?;
        self.tell(Notice::Request(id));
        self.tell(Notice::Chats);
        Ok(())
    }

    /// A known identity, by another handshake.
    fn crossed(&mut self, known: ContactId, accepted: Accepted, inbound: InboundId) -> Result<(), Corrupt> {
        let contact = self.contact(known)?;
        let decision = match contact.session.map(SessionKey) {
            Some(current) if contact.standing != StandingRow::Closed => {
                let recovery = self.session(current)?.recovery;
                Crossing::decide(&self.ratchet(current)?, recovery, accepted.session.id())
            }
            _ => Crossing::Ask,
        };
        let Accepted { intro, .. } = &accepted;
        let new = |role| NewSession::met(role, &intro.descriptor, inbound);
        match decision {
            // RAT-85.
            Crossing::Ask => self.request(accepted, inbound, (StandingRow::KnownAgain, Some(known))),
            Crossing::Keep => {
                let key = self.install(known, accepted.session.clone(), &new(Role::Void))?;
                self.own_queue(inbound, known)?;
                // Should mine stay without an answer, the person is asked after all.
                self.timer(TimerKind::NoAnswer, key.0, self.now.plus(STUCK));
                Ok(())
            }
            Crossing::Switch => {
                let key = self.install(known, accepted.session.clone(), &new(Role::Trial))?;
                self.own_queue(inbound, known)?;
                self.switch(known, key)
            }
        }
    }

    /// I joined someone who was asking at my address: the two handshakes crossed, and the request is answered by that.
    pub(super) fn absorb_requests(&mut self, id: ContactId) -> Result<(), Corrupt> {
        // RAT-87.
        let contact = self.contact(id)?;
        let others: Vec<(_, Contact)> = self.list(Span::table(Table::Contact))?;
        for (at, request) in others {
            let asks = request.standing == StandingRow::Request && request.identity == contact.identity;
            let (true, Some(key), Some(current)) =
                (asks, request.session.map(SessionKey), contact.session.map(SessionKey))
            else {
                continue;
            };
            let decision = Crossing::decide(&self.ratchet(current)?, false, self.ratchet(key)?.id());
            self.erase(at);
            let mut session = self.session(key)?;
            (session.contact, session.role) = (id.0, Role::Void);
            self.put_session(key, &session);
            let mut contact = self.contact(id)?;
            contact.others.push(key.0);
            self.put_contact(id, &contact);
            match decision {
                Crossing::Switch => self.switch(id, key)?,
                _ => self.end_later(key)?,
            }
        }
        Ok(())
    }

    /// Their session wins: it becomes current, and is answered.
    fn switch(&mut self, id: ContactId, key: SessionKey) -> Result<(), Corrupt> {
        let mut contact = self.contact(id)?;
        contact.standing = StandingRow::Contact;
        self.put_contact(id, &contact);
        self.promote(id, key)?;
        unasked(self.welcome(id, key))?;
        self.settle(id)
    }

    /// The queue of a one-time invite becomes the private queue of whoever used it.
    pub(super) fn own_queue(&mut self, queue: InboundId, contact: ContactId) -> Result<(), Corrupt> {
        if let Some(mut inbound) = self.load::<Inbound>(Inbound::key(queue))? {
            inbound.contact = Some(contact.0);
            self.put(Inbound::key(queue), &inbound);
        }
        Ok(())
    }

    /// A session that lost against mine, while mine was never answered: shown as a request.
    pub(super) fn reconsider(&mut self, key: SessionKey) -> Result<(), Corrupt> {
        // RAT-86.
        let session = self.session(key)?;
        let known = ContactId(session.contact);
        let mut contact = self.contact(known)?;
        let heard = match contact.session.map(SessionKey) {
            Some(current) => self.session(current)?.heard,
            None => false,
        };
        if heard || session.role != Role::Void {
            return Ok(());
        }
        contact.others.retain(|other| *other != key.0);
        self.put_contact(known, &contact);
        let id = ContactId(self.next_id()?);
        let mut again = Contact::new(contact.identity, contact.claim, StandingRow::KnownAgain, self.now);
        (again.known, again.session) = (Some(known.0), Some(key.0));
        self.put_contact(id, &again);
        self.put_session(
            key,
            &crate::rows::Session { contact: id.0, role: Role::Request, until: None, ..session.clone() },
        );
        self.clear_timer(TimerKind::Drain, key.0)?;
        self.own_queue(InboundId(session.inbound), id)?;
        self.tell(Notice::Request(id));
        self.tell(Notice::Chats);
        Ok(())
    }
}
