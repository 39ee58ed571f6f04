//! What a person asks for, and the small commands.
//!
//! Spec: docs/guide/chat.md. Invariant: a command that can't be done changes nothing and says why.

use alloc::string::{String, ToString};

use rand_core::CryptoRng;
use subrosa_wire::RelayAddress;

use crate::api::{Command, CommandError, ContactId, Done, MessageId, Notice};
use crate::id::InboundId;
use crate::job;
use crate::rows::{Contact, Draft, Inbound, Invite, Me, Row, Rows, Span, StandingRow, Table};
use crate::sanitize;
use crate::tx::{Stop, Tx};

impl<R: Rows, G: CryptoRng> Tx<'_, R, G> {
    pub(super) fn command(&mut self, command: Command) -> Result<Done, Stop> {
        match command {
            Command::SetName(name) => self.set_name(&name)?,
            Command::UseRelay(address) => self.use_relay(&address)?,
            Command::Invite { reusable } => return self.invite(reusable).map(Done::Invite),
            Command::Revoke(invite) => self.revoke(invite)?,
            Command::Join { link, greeting, again } => {
                return self.join(&link, &greeting, again).map(Done::Joining);
            }
            Command::Accept(contact) => self.accept(contact)?,
            Command::Reject(contact) => self.reject(contact)?,
            Command::Send { to, text, reply } => return self.send(to, text, reply).map(Done::Queued),
            Command::Retry { chat, message } => self.retry(chat, message)?,
            Command::Draft { chat, text } => self.draft(chat, text)?,
            Command::Seen { chat, upto } => self.seen(chat, upto)?,
            Command::Verify { contact, verified } => self.verify(contact, verified)?,
            Command::Rename { contact, name } => self.rename(contact, &name)?,
            Command::Unlatch(contact) => self.unlatch(contact)?,
            Command::Recover(contact) => self.recover(contact)?,
            Command::Receipts(on) => self.receipts(on)?,
            Command::Forget(contact) => self.forget(contact)?,
            Command::Reestablish => self.reestablish()?,
            Command::BackedUp => self.backed_up()?,
        }
        Ok(Done::Done)
    }

    /// The contact of a command.
    pub(super) fn known(&self, id: ContactId) -> Result<Contact, Stop> {
        self.load(Contact::key(id))?.ok_or(Stop::No(CommandError::Missing("contact")))
    }

    /// A contact that is not a request any more.
    pub(super) fn accepted_contact(&self, id: ContactId) -> Result<Contact, Stop> {
        let contact = self.known(id)?;
        match contact.standing {
            StandingRow::Request | StandingRow::KnownAgain => Err(CommandError::NotAccepted.into()),
            _ => Ok(contact),
        }
    }

    fn set_name(&mut self, name: &str) -> Result<(), Stop> {
        let mut me = self.me()?;
        me.name = my_name(name)?;
        self.put(Me::KEY, &me);
        self.tell(Notice::Chats);
        Ok(())
    }

    fn use_relay(&mut self, address: &str) -> Result<(), Stop> {
        let address =
            RelayAddress::parse(address).map_err(|error| CommandError::Address(error.to_string()))?;
        let mut me = self.me()?;
        me.relay = Some(address.to_string());
        self.put(Me::KEY, &me);
        self.use_token(&address)?;
        self.tell(Notice::Chats);
        // Chats out of a backup may have waited for a relay of mine.
        self.reestablish()
    }

    /// What I have at this relay is asked for under the address's token from now on.
    fn use_token(&mut self, address: &RelayAddress) -> Result<(), Stop> {
        for (key, bytes) in self.span(Span::table(Table::Inbound))? {
            let mut row = Inbound::parse(&bytes)?;
            let at = job::relay(Inbound::TABLE, &row.relay)?;
            if at.is_same_relay(address) && at != *address {
                row.relay = address.to_string();
                self.put(key, &row);
                self.reopen(InboundId(key.id))?;
            }
        }
        for (key, bytes) in self.span(Span::table(Table::Invite))? {
            let mut row = Invite::parse(&bytes)?;
            let Some(mine) = &mut row.mine else { continue };
            let at = job::relay(Invite::TABLE, &mine.relay)?;
            if at.is_same_relay(address) && at != *address {
                mine.relay = address.to_string();
                self.put(key, &row);
            }
        }
        Ok(())
    }

    fn draft(&mut self, chat: ContactId, text: String) -> Result<(), Stop> {
        self.known(chat)?;
        if text.is_empty() {
            self.erase(Draft::key(chat));
        } else {
            self.put(Draft::key(chat), &Draft { text });
        }
        Ok(())
    }

    fn verify(&mut self, id: ContactId, verified: bool) -> Result<(), Stop> {
        let mut contact = self.accepted_contact(id)?;
        contact.verified = verified;
        self.put_contact(id, &contact);
        self.tell(Notice::Chats);
        self.tell(Notice::Chat(id));
        Ok(())
    }

    fn rename(&mut self, id: ContactId, name: &str) -> Result<(), Stop> {
        let mut contact = self.known(id)?;
        // An empty name goes back to their own claim.
        contact.name = if name.trim().is_empty() { None } else { Some(my_name(name)?) };
        self.put_contact(id, &contact);
        self.tell(Notice::Chats);
        self.tell(Notice::Chat(id));
        Ok(())
    }

    fn receipts(&mut self, on: bool) -> Result<(), Stop> {
        let mut me = self.me()?;
        me.receipts = on;
        self.put(Me::KEY, &me);
        if !on {
            self.drop_receipts()?;
        }
        Ok(())
    }

    /// A new message's id.
    pub(super) fn message_id(&mut self) -> MessageId {
        MessageId(self.random())
    }
}

/// A name as typed by its owner: an error rather than a cut one.
fn my_name(name: &str) -> Result<String, CommandError> {
    let line = sanitize::line(name);
    if line.is_empty() {
        return Err(CommandError::Empty);
    }
    if line.len() > sanitize::NAME_MAX {
        return Err(CommandError::TooLong { len: line.len(), max: sanitize::NAME_MAX });
    }
    Ok(sanitize::name(name))
}
