//! What people see and do at their screens.
//!
//! Spec: docs/ARCHITECTURE.md, "The screen". Invariant: only commands and queries pass here, as from a real screen.

use subrosa_engine::Event;
use subrosa_engine::api::{
    Answer, Chat, Command, CommandError, ContactId, Done, Invite, InviteState, Message, Query, Standing,
};

use super::World;
use crate::ledger::Said;

/// More messages than any run's chat has.
pub(crate) const ALL: u32 = 1_000_000;

impl World {
    pub(super) fn command(&mut self, who: usize, command: Command) -> Option<Result<Done, CommandError>> {
        self.raise(who, Event::Command(command))
    }

    fn ask(&self, who: usize, query: &Query) -> Answer {
        let client = &self.clients[who];
        client.vault.query(query, client.clock(self.now)).unwrap_or(Answer::Missing)
    }

    pub(crate) fn chats(&self, who: usize) -> Vec<Chat> {
        match self.ask(who, &Query::Chats) {
            Answer::Chats(chats) => chats,
            _ => Vec::new(),
        }
    }

    /// The chat of `who` with `with`, by the name that they gave.
    pub(crate) fn chat(&self, who: usize, with: usize) -> Option<Chat> {
        self.chats(who).into_iter().find(|chat| chat.name == self.clients[with].name)
    }

    pub(crate) fn messages(&self, who: usize, chat: ContactId, limit: u32) -> Vec<Message> {
        match self.ask(who, &Query::Messages { chat, before: None, limit }) {
            Answer::Messages(messages) => messages,
            _ => Vec::new(),
        }
    }

    fn invites(&self, who: usize) -> Vec<Invite> {
        match self.ask(who, &Query::Invites) {
            Answer::Invites(invites) => invites,
            _ => Vec::new(),
        }
    }

    pub(super) fn meet(&mut self, inviter: usize, joiner: usize, reusable: bool) {
        let Some(Ok(Done::Invite(id))) = self.command(inviter, Command::Invite { reusable }) else { return };
        let link = self.invites(inviter).into_iter().find(|invite| invite.id == id).and_then(|i| i.link);
        if let Some(link) = link {
            self.waiting.push((inviter, joiner, link));
        }
    }

    /// Those who wait for a link take it when it is ready.
    pub(super) fn take_links(&mut self) {
        for (inviter, joiner, link) in std::mem::take(&mut self.waiting) {
            let ready = self
                .invites(inviter)
                .into_iter()
                .any(|invite| invite.link.as_deref() == Some(&*link) && invite.state == InviteState::Ready);
            if !ready {
                self.waiting.push((inviter, joiner, link));
                continue;
            }
            let join = Command::Join { link: link.clone(), greeting: "hello".to_owned(), again: false };
            if self.command(joiner, join).is_none() {
                // A crash took it away: they paste it again.
                self.waiting.push((inviter, joiner, link));
            }
        }
    }

    pub(super) fn accept(&mut self, who: usize) {
        for chat in self.chats(who).into_iter().filter(|chat| chat.standing == Standing::Request) {
            self.command(who, Command::Accept(chat.id));
        }
    }

    pub(super) fn write(&mut self, from: usize, to: usize, bytes: usize) {
        let Some(chat) = self.chat(from, to) else { return };
        let text = self.ledger.next(from, to, bytes);
        let answer = self.command(from, Command::Send { to: chat.id, text: text.clone(), reply: None });
        match answer {
            Some(Ok(_)) => {
                self.tally.texts += 1;
                self.ledger.wrote(from, to, text);
            }
            Some(Err(CommandError::NotAccepted | CommandError::Alarmed(_) | CommandError::Closed)) | None => {
            }
            Some(Err(other)) => self.accuse(format!("p{from} could not write to p{to}: {other}")),
        }
    }

    pub(super) fn look(&mut self, who: usize, with: usize) {
        let Some(chat) = self.chat(who, with) else { return };
        let messages = self.messages(who, chat.id, ALL);
        let Some(last) = messages.last() else { return };
        if self.command(who, Command::Seen { chat: chat.id, upto: last.position }).is_some() {
            let seen = messages.iter().filter(|message| !message.mine).map(|message| message.id);
            self.ledger.saw(who, seen);
        }
    }

    /// What `who` has of both sides of a chat.
    pub(crate) fn said(&self, who: usize, chat: ContactId, limit: u32) -> Said {
        Said::of(self.messages(who, chat, limit))
    }
}

/// What the oracle looks at.
impl World {
    pub(crate) fn people(&self) -> usize {
        self.clients.len()
    }

    pub(crate) fn name(&self, who: usize) -> &str {
        &self.clients[who].name
    }

    pub(crate) fn changed_mut(&mut self) -> &mut [bool] {
        &mut self.changed
    }

    pub(crate) fn vault(&self, who: usize) -> &subrosa_engine::MemVault {
        &self.clients[who].vault
    }

    /// How many cells lie at the relays.
    pub(crate) fn lying(&self) -> u64 {
        self.relays.iter().map(|relay| relay.relay.cells()).sum()
    }

    /// A line with the hash of every row of every client: the strictest thing that two runs can agree on.
    pub(crate) fn digest(&mut self) {
        use sha2::{Digest, Sha256};
        for who in 0..self.clients.len() {
            let mut hash = Sha256::new();
            for (key, row) in self.clients[who].vault.rows() {
                hash.update([key.table.number()]);
                hash.update(key.parent.to_be_bytes());
                hash.update(key.id.to_be_bytes());
                hash.update((row.len() as u64).to_be_bytes());
                hash.update(row.as_slice());
            }
            let digest: [u8; 32] = hash.finalize().into();
            self.line(|| format!("p{who} rows {:02x?}", &digest[..8]));
        }
    }
}
