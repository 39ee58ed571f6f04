//! [`Out`]: everything that the command line prints, as one tagged union; [`Printer`]: as text or as JSON.
//!
//! Spec: docs/guide/chat.md, "JSON". Invariant: one object a line; what a peer wrote was sanitised by the client.

mod held;

use std::io::Write;

use serde::Serialize;
use subrosa_client::{
    Body, Chat, ContactId, Invite, InviteId, InviteState, Level, Message, MessageId, SendState, Standing,
};

pub(crate) use held::{Held, words_text};

use super::exit::Fail;

/// One line of output.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Out {
    Profile {
        name: String,
        fingerprint: String,
        relay: Option<String>,
        hosting: bool,
        folder: String,
    },
    Invite {
        id: i64,
        link: Option<String>,
        reusable: bool,
        mine: bool,
        state: &'static str,
        expires: u64,
    },
    Contact(Person),
    Request(Person),
    Joining {
        invite: i64,
    },
    Joined {
        invite: i64,
        contact: i64,
        name: String,
        standing: &'static str,
        /// Whether both sides are authenticated; see "Levels" in docs/spec/handshake.md.
        confirmed: bool,
        #[serde(skip)]
        asked: bool,
    },
    Queued {
        contact: i64,
        message: String,
    },
    Sent {
        contact: i64,
        message: String,
    },
    Message(Line),
    Safety {
        contact: i64,
        name: String,
        number: String,
        qr: String,
        verified: bool,
    },
    Relay {
        name: String,
        state: &'static str,
        detail: Option<String>,
    },
    Check {
        what: &'static str,
        ok: bool,
        detail: String,
    },
    /// Fresh words for a backup.
    Words {
        words: Vec<&'static str>,
    },
    /// A backup that is good.
    Backup(Held),
    /// A profile that was made of a backup.
    Restored(Held),
    Done {
        what: &'static str,
    },
    Note {
        text: String,
    },
    #[cfg(feature = "host")]
    Hosting {
        address: String,
        reach: String,
    },
    #[serde(rename = "error")]
    Error {
        code: u8,
        message: String,
    },
}

/// A contact or a request.
#[derive(Debug, Serialize)]
pub(crate) struct Person {
    id: i64,
    name: String,
    standing: &'static str,
    verified: bool,
    level: &'static str,
    alarm: Option<String>,
    unread: u32,
    greeting: Option<String>,
    /// A request under the name of a contact of mine.
    same_name: bool,
    #[serde(skip)]
    namesake: Option<String>,
}

/// A row of a conversation.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    contact: i64,
    name: String,
    id: String,
    mine: bool,
    at: u64,
    kind: &'static str,
    text: Option<String>,
    cells: Option<u32>,
    reply: Option<String>,
    state: Option<&'static str>,
}

/// A message id in hex.
pub(crate) fn hex(id: MessageId) -> String {
    id.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Person {
    pub(crate) fn of(chat: &Chat) -> Self {
        Self {
            id: chat.id.0,
            name: chat.name.clone(),
            standing: standing_word(chat.standing),
            verified: chat.verified,
            level: match chat.level {
                Level::Unconfirmed => "unconfirmed",
                Level::Classical => "classical",
                Level::Mutual => "mutual",
            },
            alarm: chat.alarm.map(|alarm| alarm.to_string()),
            unread: chat.unread,
            greeting: chat.greeting.clone(),
            same_name: false,
            namesake: None,
        }
    }

    /// The same for a request among all `chats`: it may bear the name of a contact.
    pub(crate) fn among(chat: &Chat, chats: &[Chat]) -> Self {
        let namesake = crate::model::namesake(chats, chat).map(|contact| contact.name.clone());
        Self { same_name: namesake.is_some(), namesake, ..Self::of(chat) }
    }
}

impl Line {
    pub(crate) fn of(contact: ContactId, name: &str, message: Message) -> Self {
        let (kind, text, cells) = match message.body {
            Body::Text(text) => ("text", Some(text), None),
            Body::Newer => ("newer", None, None),
            Body::Gap { cells } => ("gap", None, Some(cells)),
            Body::Lost { cells } => ("lost", None, Some(cells)),
            Body::Event(text) => ("event", Some(text), None),
            _ => ("other", None, None),
        };
        Self {
            contact: contact.0,
            name: name.to_owned(),
            id: hex(message.id),
            mine: message.mine,
            at: message.at.0,
            kind,
            text,
            cells,
            reply: message.reply.map(|(id, _)| hex(id)),
            state: message.state.map(state_word),
        }
    }

    pub(crate) fn text(&self) -> String {
        let who = if self.mine { "me" } else { &self.name };
        let cells = self.cells.unwrap_or_default();
        match (self.kind, &self.text) {
            // Later lines are indented: no text can pass for a line of someone else.
            ("text", Some(text)) => format!("{who}: {}", text.replace('\n', "\n    ")),
            ("newer", _) => format!("{who}: (a message that needs a newer version of subrosa)"),
            ("gap", _) => format!("-- {cells} missing here; they may still come --"),
            ("lost", _) => format!("-- {cells} lost here --"),
            (_, Some(text)) => format!("-- {text} --"),
            _ => "-- something that this version can't show --".to_owned(),
        }
    }
}

const fn standing_word(standing: Standing) -> &'static str {
    match standing {
        Standing::Request => "request",
        Standing::KnownAgain => "known_again",
        Standing::Pending => "pending",
        Standing::Contact => "contact",
        Standing::Closed => "closed",
        Standing::Restored => "restored",
        _ => "other",
    }
}

pub(crate) const fn state_word(state: SendState) -> &'static str {
    match state {
        SendState::Queued => "queued",
        SendState::Sent => "sent",
        SendState::Unseen => "unseen",
        SendState::Delivered => "delivered",
        SendState::Read => "read",
        SendState::Failed(_) => "failed",
        _ => "other",
    }
}

impl Out {
    pub(crate) fn invite(invite: Invite) -> Self {
        let state = match invite.state {
            InviteState::Storing => "storing",
            InviteState::Ready => "ready",
            InviteState::Opened => "opened",
            InviteState::Used => "used",
            InviteState::Expired => "expired",
            InviteState::Taking => "taking",
            InviteState::Failed(_) => "failed",
            _ => "other",
        };
        let Invite { id, link, reusable, mine, expires, .. } = invite;
        Self::Invite { id: id.0, link, reusable, mine, state, expires: expires.0 }
    }

    /// What a link led to; `address`: whoever owns it decides about each request.
    pub(crate) fn joined(invite: InviteId, chat: Chat, address: bool) -> Self {
        Self::Joined {
            invite: invite.0,
            contact: chat.id.0,
            standing: standing_word(chat.standing),
            confirmed: chat.level == Level::Mutual,
            asked: address && chat.standing == Standing::Pending,
            name: chat.name,
        }
    }

    /// The object.
    pub(crate) fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }

    /// The line for a person.
    fn text(&self) -> String {
        match self {
            Self::Profile { name, fingerprint, relay, hosting, folder } => {
                let relay = relay.as_deref().unwrap_or("none yet");
                let hosted = if *hosting { " (hosted in this profile)" } else { "" };
                format!("{name}  {fingerprint}\nrelay: {relay}{hosted}\nfolder: {folder}")
            }
            Self::Invite { id, link, reusable, mine, state, .. } => {
                let kind = match (mine, reusable) {
                    (false, _) => "link",
                    (true, true) => "address",
                    (true, false) => "invite",
                };
                let link = link.as_deref().map(|link| format!("\n{link}")).unwrap_or_default();
                format!("{kind} {id}: {state}{link}")
            }
            Self::Contact(person) | Self::Request(person) => person.text(),
            Self::Joining { invite } => format!("link {invite} is being taken"),
            Self::Joined { contact, name, asked: true, .. } => format!(
                "{name} was asked (number {contact}): they must accept your request, what you write goes out then"
            ),
            Self::Joined { contact, name, standing: "pending", .. } => format!(
                "{name} is contact {contact}, not yet confirmed: you can write, they have not answered yet"
            ),
            Self::Joined { contact, name, .. } => format!("{name} is contact {contact}"),
            Self::Queued { .. } => "queued: on this disk".to_owned(),
            Self::Sent { .. } => "sent".to_owned(),
            Self::Message(line) => line.text(),
            Self::Safety { name, number, verified, .. } => {
                let verified = if *verified { "verified" } else { "not verified yet" };
                format!("{name} ({verified})\n{number}")
            }
            Self::Relay { name, state, detail } => {
                let detail = detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default();
                let state = if *state == "wrong_key" { "wrong key (not the pinned one)" } else { state };
                format!("relay {name} {state}{detail}")
            }
            Self::Check { what, ok, detail } => {
                format!("{} {what}: {detail}", if *ok { "ok  " } else { "LOOK" })
            }
            Self::Words { words } => words_text(words),
            Self::Backup(held) => format!("{} is good: {}", held.file, held.text()),
            Self::Restored(held) => format!("restored: {}", held.text()),
            Self::Done { what } => (*what).to_owned(),
            Self::Note { text } => text.clone(),
            #[cfg(feature = "host")]
            Self::Hosting { address, reach } => format!("{address}\n{reach}"),
            Self::Error { message, .. } => message.clone(),
        }
    }
}

impl Person {
    fn text(&self) -> String {
        let mark = match (&self.alarm, self.verified) {
            (Some(_), _) => '!',
            (None, true) => '✓',
            (None, false) => '•',
        };
        let unread = if self.unread > 0 { format!("  {} unread", self.unread) } else { String::new() };
        let standing =
            if self.standing == "contact" { String::new() } else { format!("  ({})", self.standing) };
        let greeting = self.greeting.as_deref().map(|text| format!("  “{text}”")).unwrap_or_default();
        let alarm = self.alarm.as_deref().map(|text| format!("\n     {text}")).unwrap_or_default();
        let same = self.namesake.as_deref();
        let same = same.map(|name| format!("\n     {}", crate::words::same_name(name))).unwrap_or_default();
        format!("{:>3} {mark} {}{standing}{unread}{greeting}{alarm}{same}", self.id, self.name)
    }
}

/// Prints [`Out`] as text or as JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printer {
    json: bool,
}

impl Printer {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether it prints objects.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    fn line(self, out: &Out) -> String {
        if self.json { out.json() } else { out.text() }
    }

    /// One line on stdout, at once: `read --follow` is read by other programs.
    pub(crate) fn print(&self, out: &Out) {
        let mut stdout = std::io::stdout().lock();
        // A reader that went away is no error of ours.
        let _ = writeln!(stdout, "{}", self.line(out)).and_then(|()| stdout.flush());
    }

    /// Something beside the result, on stderr.
    pub(crate) fn note(&self, text: impl Into<String>) {
        let _ = writeln!(std::io::stderr(), "{}", self.line(&Out::Note { text: text.into() }));
    }

    /// What went wrong, on stderr.
    pub(crate) fn fail(&self, fail: &Fail) {
        let out = Out::Error { code: fail.exit.code(), message: fail.sentence.clone() };
        let line = self.line(&out);
        let line = if self.json { line } else { format!("subrosa: {line}") };
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

#[cfg(test)]
mod tests;
