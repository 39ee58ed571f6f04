//! Joining by a link: take the bundle, send the handshake.
//!
//! Spec: docs/spec/handshake.md, "The joiner". Invariant: the claim is on disk before the link is taken, the sealed
//! cell before it is sent.

use alloc::string::ToString;

use rand_core::CryptoRng;
use subrosa_codec::Cell;
use subrosa_crypto::{Bundle, BundleError, Introduction, InviteKind, Link};
use subrosa_wire::{Refusal, RelayAddress};

use super::crossing::NewSession;
use crate::api::{CommandError, ContactId, InviteId, JoinFailure, Notice};
use crate::event::{Effect, RelayAnswer};
use crate::id::OutboxId;
use crate::rows::{
    Contact, Corrupt, Hidden, Invite, InviteStage, Role, Rows, Span, StandingRow, Table, Theirs, TimerKind,
};
use crate::sanitize::{self, GREETING_MAX};
use crate::tx::{Stop, Tx};

/// What looks like a link and is none.
const RELAY_ADDRESS: &str =
    "this is the address of a relay, not an invite: ask your friend for a link with /i# in it";

impl InviteStage {
    /// The stage of a link that failed.
    const fn failed(why: JoinFailure) -> Self {
        match why {
            JoinFailure::Used => Self::FailedUsed,
            JoinFailure::Gone => Self::FailedGone,
            JoinFailure::NotGenuine => Self::FailedNotGenuine,
            JoinFailure::Expired => Self::FailedExpired,
            JoinFailure::NewerVersion => Self::FailedNewer,
            JoinFailure::Own => Self::FailedOwn,
            JoinFailure::Known => Self::FailedKnown,
        }
    }
}

impl<R: Rows, G: CryptoRng> Tx<'_, R, G> {
    pub(super) fn join(&mut self, link: &str, greeting: &str, again: bool) -> Result<InviteId, Stop> {
        if RelayAddress::parse(link.trim()).is_ok() {
            return Err(CommandError::Link(RELAY_ADDRESS.to_string()).into());
        }
        let link = Link::parse(link).map_err(|error| CommandError::Link(error.to_string()))?;
        let greeting = sanitize::line(greeting);
        if greeting.len() > GREETING_MAX {
            return Err(CommandError::TooLong { len: greeting.len(), max: GREETING_MAX }.into());
        }
        self.my_relay()?;
        let text = link.to_string();
        let mut known = None;
        for (key, row) in self.list::<Invite>(Span::table(Table::Invite))? {
            // Host and port are not covered by the checksum: a link is the same by its secret.
            let same = Link::parse(row.link()).is_ok_and(|other| other.fetch() == link.fetch());
            match (same, row.mine, row.theirs) {
                (true, Some(_), _) => return Err(CommandError::Link(JoinFailure::Own.to_string()).into()),
                (true, None, Some(theirs)) => known = Some((InviteId(key.id), theirs.claim)),
                _ => {}
            }
        }
        // INV-16.
        // The same link again: the same claim, so that the relay hands out the same bundle (A34).
        let (id, claim) = match known {
            Some(known) => known,
            None => (InviteId(self.next_id()?), Hidden::copy(&self.random::<32>())),
        };
        let row = Invite {
            link: Hidden::copy(text.as_bytes()),
            reusable: link.kind() == InviteKind::Address,
            stage: InviteStage::Taking,
            expires: self.now.day().plus(crate::limits::INVITE_DAYS + 1).start().0,
            mine: None,
            theirs: Some(Theirs { claim, greeting, again }),
        };
        self.put(Invite::key(id), &row);
        self.effect(Effect::TakeInvite(id));
        self.tell(Notice::Invites);
        Ok(id)
    }

    pub(super) fn take_answered(&mut self, id: InviteId, answer: RelayAnswer) -> Result<(), Corrupt> {
        let Some(row) = self.load::<Invite>(Invite::key(id))? else { return Ok(()) };
        let (InviteStage::Taking, Some(theirs)) = (row.stage, &row.theirs) else { return Ok(()) };
        let sealed = match answer {
            RelayAnswer::Bundle(cell) => cell,
            // INV-41.
            RelayAnswer::Refused(Refusal::Used) => return self.join_failed(id, row, JoinFailure::Used),
            RelayAnswer::Refused(Refusal::Missing) => return self.join_failed(id, row, JoinFailure::Gone),
            RelayAnswer::Refused(refusal) => return self.ask_invite_again(id, refusal),
            RelayAnswer::Ok(_) => return Ok(()),
        };
        let (greeting, again) = (theirs.greeting.clone(), theirs.again);
        let link = Link::parse(row.link()).map_err(|_| Corrupt { table: Table::Invite })?;
        let me = self.identity()?;
        let bundle = match Bundle::open(&link, &sealed, me.public(), self.now.day()) {
            Ok(bundle) => bundle,
            // INV-40.
            Err(error) => return self.join_failed(id, row, failure(error)),
        };
        let known = self.contact_of_identity(bundle.inviter().as_bytes())?;
        // INV-29.
        if known.is_some() && !again {
            return self.join_failed(id, row, JoinFailure::Known);
        }
        match self.joined(&bundle, &greeting, known) {
            Ok(contact) => {
                self.erase(Invite::key(id));
                self.clear_timer(TimerKind::Reinvite, id.0)?;
                self.tell(Notice::Joined { invite: id, contact });
                self.tell(Notice::Invites);
                self.tell(Notice::Chats);
                Ok(())
            }
            Err(Stop::No(_)) => self.join_failed(id, row, JoinFailure::NotGenuine),
            Err(Stop::Corrupt(corrupt)) => Err(corrupt),
        }
    }

    fn join_failed(&mut self, id: InviteId, mut row: Invite, why: JoinFailure) -> Result<(), Corrupt> {
        row.stage = InviteStage::failed(why);
        self.put(Invite::key(id), &row);
        self.clear_timer(TimerKind::Reinvite, id.0)?;
        self.tell(Notice::JoinFailed { invite: id, why });
        self.tell(Notice::Invites);
        Ok(())
    }

    /// Contact, session and sealed cell in one transaction.
    fn joined(
        &mut self,
        bundle: &Bundle,
        greeting: &str,
        known: Option<ContactId>,
    ) -> Result<ContactId, Stop> {
        let me = self.identity()?;
        let name = self.me()?.name;
        let id = match known {
            Some(id) => id,
            None => {
                let claim = sanitize::name(bundle.name());
                let identity = bundle.inviter().as_bytes().to_vec();
                let contact = Contact::new(identity, claim, StandingRow::Pending, self.now);
                let id = ContactId(self.next_id()?);
                self.put_contact(id, &contact);
                id
            }
        };
        let queue = self.new_queue(Some(id))?;
        let intro = Introduction { descriptor: queue.descriptor, name, greeting: greeting.into() };
        let Ok(joined) = subrosa_crypto::join(&me, bundle, &intro, self.rng) else {
            // A key of low order in the bundle: not genuine. Nothing of the attempt stays.
            if known.is_none() {
                self.erase(Contact::key(id));
            }
            self.close_queue(queue.id)?;
            return Err(CommandError::Link(JoinFailure::NotGenuine.to_string()).into());
        };
        // The one before stays current until they answer in the new one.
        let role = if self.contact(id)?.session.is_some() { Role::Trial } else { Role::Current };
        // HS-11.
        let at_address = bundle.kind() == InviteKind::Address;
        let (recovery, inbound) = (false, queue.id);
        let new = NewSession { role, queue: bundle.descriptor(), inbound, recovery, at_address };
        let key = self.install(id, joined.session, &new)?;
        self.first_cell(OutboxId { session: key, seq: OutboxId::FIRST }, joined.cell)?;
        if role == Role::Current {
            self.absorb_requests(id)?;
        }
        Ok(id)
    }

    /// Keeps and sends the cell that begins a session of mine.
    pub(super) fn first_cell(&mut self, id: OutboxId, cell: Cell) -> Result<(), Corrupt> {
        self.push_cell(id, cell, &crate::rows::Outbox::default())?;
        // HS-15.
        self.timer(TimerKind::NoAnswer, id.session.0, self.now.plus(crate::limits::NO_ANSWER));
        Ok(())
    }

    /// The contact with this identity; requests do not count.
    pub(super) fn contact_of_identity(&self, identity: &[u8]) -> Result<Option<ContactId>, Corrupt> {
        let contacts: alloc::vec::Vec<(_, Contact)> = self.list(Span::table(Table::Contact))?;
        let found = contacts.into_iter().find(|(_, contact)| {
            contact.identity == identity
                && !matches!(contact.standing, StandingRow::Request | StandingRow::KnownAgain)
        });
        Ok(found.map(|(key, _)| ContactId(key.id)))
    }
}

const fn failure(error: BundleError) -> JoinFailure {
    match error {
        BundleError::Expired | BundleError::FromTheFuture => JoinFailure::Expired,
        BundleError::NewerVersion => JoinFailure::NewerVersion,
        BundleError::OwnInvite => JoinFailure::Own,
        _ => JoinFailure::NotGenuine,
    }
}
