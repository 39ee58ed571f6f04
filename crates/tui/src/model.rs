//! [`Model`]: everything the screen is drawn from.
//!
//! Spec: docs/ARCHITECTURE.md, "The screen". Invariant: whatever belongs to a chat (draft, reply target, selection,
//! scroll position) lives in that chat's [`Talk`] and nowhere else, so that switching chats can't carry it along.

pub(crate) mod overlay;
pub(crate) mod start;
pub(crate) mod talk;

use std::collections::{BTreeMap, VecDeque};

use ratatui::layout::Rect;
use subrosa_client::{AlarmKind, Chat, ContactId, Invite, Me, Millis, RelayState, Standing};

use crate::clock::Zone;
use crate::look::{Look, Role};
use crate::msg::{Joining, Slot};
use overlay::Overlay;
use start::Stage;
use talk::Talk;

/// Sentences that the log keeps.
const LOG_MAX: usize = 200;

/// How long a passing remark stays in the status line, in milliseconds.
const REMARK_MS: u64 = 8_000;

/// Everything the screen is drawn from.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    /// The part of the terminal that is ours.
    pub(crate) area: Rect,
    /// The clock.
    pub(crate) now: Millis,
    /// The zone that moments are shown in.
    pub(crate) zone: Zone,
    /// Colours and signs.
    pub(crate) look: Look,
    /// Whether the terminal is in the foreground.
    pub(crate) focused: bool,
    /// Whether the keys come here: in the demo, only to one of two.
    pub(crate) keyed: bool,
    /// First run, locked, opening, or open.
    pub(crate) stage: Stage,
    /// The profile's name, when it is not the usual one.
    pub(crate) profile: Option<String>,
    /// Who I am.
    pub(crate) me: Option<Me>,
    /// The chat list; `None` while it is loading.
    pub(crate) chats: Option<Vec<Chat>>,
    /// The highlighted line of the list.
    pub(crate) cursor: Option<ContactId>,
    /// The chat on screen.
    pub(crate) open: Option<ContactId>,
    /// What is loaded of the chats that were opened.
    pub(crate) talks: BTreeMap<ContactId, Talk>,
    /// What the keys go to.
    pub(crate) focus: Focus,
    /// What lies above the chats, the topmost last.
    pub(crate) overlays: Vec<Overlay>,
    /// The invites; `None` while they are loading.
    pub(crate) invites: Option<Vec<Invite>>,
    /// Links being taken.
    pub(crate) joining: Vec<Joining>,
    /// The relays and how they stand.
    pub(crate) relays: BTreeMap<String, RelayState>,
    /// What the person should know about hosting.
    pub(crate) hosting: Option<String>,
    /// The sentence in the status line.
    pub(crate) status: Option<Remark>,
    /// What was said, oldest first.
    pub(crate) log: VecDeque<Remark>,
    /// Questions on the way; `true` when the answer will be out of date already.
    pub(crate) asked: BTreeMap<Slot, bool>,
    /// The person wants to quit as soon as every text has its outcome.
    pub(crate) quitting: bool,
    /// Whether the screen has to be drawn.
    pub(crate) dirty: bool,
}

/// What the keys go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Focus {
    /// The chat list.
    List,
    /// The open chat: composer, request or alarm.
    Chat,
    /// The messages of the open chat.
    Messages,
}

/// A sentence for the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remark {
    /// When it was said.
    pub(crate) at: Millis,
    /// What was said.
    pub(crate) text: String,
    /// How much it matters.
    pub(crate) role: Role,
}

/// What stands where the composer would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Below {
    /// The composer.
    Composer,
    /// A request to accept or reject.
    Request,
    /// An alarm that stops sending.
    Alarm(AlarmKind),
    /// A chat that is over.
    Closed,
}

impl Model {
    /// An empty screen for a profile in `stage`.
    pub(crate) fn new(stage: Stage, look: Look, zone: Zone) -> Self {
        Self {
            area: Rect::new(0, 0, 80, 24),
            now: Millis(0),
            zone,
            look,
            focused: true,
            keyed: true,
            stage,
            profile: None,
            me: None,
            chats: None,
            cursor: None,
            open: None,
            talks: BTreeMap::new(),
            focus: Focus::List,
            overlays: Vec::new(),
            invites: None,
            joining: Vec::new(),
            relays: BTreeMap::new(),
            hosting: None,
            status: None,
            log: VecDeque::new(),
            asked: BTreeMap::new(),
            quitting: false,
            dirty: true,
        }
    }

    /// My relay as `host:port`, as notices name it; `None` when I have none, or don't know it yet.
    pub(crate) fn my_relay(&self) -> Option<&str> {
        place(self.me.as_ref()?.relay.as_deref()?)
    }

    /// Links of others that are being taken, or did not work.
    pub(crate) fn taken(&self) -> impl Iterator<Item = &Invite> {
        self.invites.iter().flatten().filter(|invite| !invite.mine)
    }

    /// The line of a chat in the list.
    pub(crate) fn chat(&self, id: ContactId) -> Option<&Chat> {
        self.chats.as_deref()?.iter().find(|chat| chat.id == id)
    }

    /// The chat on screen.
    pub(crate) fn open_chat(&self) -> Option<&Chat> {
        self.chat(self.open?)
    }

    /// What is loaded of the chat on screen.
    pub(crate) fn open_talk(&self) -> Option<&Talk> {
        self.talks.get(&self.open?)
    }

    /// The same, to change.
    pub(crate) fn open_talk_mut(&mut self) -> Option<&mut Talk> {
        self.talks.get_mut(&self.open?)
    }

    /// What stands below the messages of the chat on screen.
    pub(crate) fn below(&self) -> Below {
        let Some(chat) = self.open_chat() else { return Below::Composer };
        match (chat.standing, chat.alarm) {
            (Standing::Request | Standing::KnownAgain, _) => Below::Request,
            (Standing::Closed, _) => Below::Closed,
            // Sending goes on over cells that could not be opened; every other alarm stops it.
            (_, Some(kind)) if kind != AlarmKind::OutOfStep => Below::Alarm(kind),
            _ => Below::Composer,
        }
    }

    /// The chats in the order of the list: contacts, then requests.
    pub(crate) fn order(&self) -> Vec<ContactId> {
        let chats = self.chats.as_deref().unwrap_or_default();
        let requests =
            |wanted: bool| chats.iter().filter(move |chat| is_request(chat) == wanted).map(|chat| chat.id);
        requests(false).chain(requests(true)).collect()
    }

    /// Says something in the status line; it passes by itself.
    pub(crate) fn remark(&mut self, text: impl Into<String>) {
        self.status = Some(Remark { at: self.now, text: text.into(), role: Role::Text });
        self.dirty = true;
    }

    /// Says what went wrong: stays in the status line until something else is said or a key dismisses it, and in the log.
    pub(crate) fn trouble(&mut self, text: impl Into<String>, role: Role) {
        let remark = Remark { at: self.now, text: text.into(), role };
        self.note(remark.clone());
        self.status = Some(remark);
        self.dirty = true;
    }

    /// Writes to the log only.
    pub(crate) fn note(&mut self, remark: Remark) {
        if self.log.back().is_none_or(|last| last.text != remark.text) {
            self.log.push_back(remark);
        }
        while self.log.len() > LOG_MAX {
            self.log.pop_front();
        }
    }

    /// When a passing remark ends.
    pub(crate) fn remark_ends(&self) -> Option<u64> {
        let status = self.status.as_ref().filter(|status| status.role == Role::Text)?;
        Some(status.at.0.saturating_add(REMARK_MS))
    }

    /// The next moment at which something has to happen without an event.
    pub(crate) fn deadline(&self) -> Option<u64> {
        let drafts = self.talks.values().filter_map(|talk| talk.composer.save_at());
        drafts.chain(self.remark_ends()).min()
    }
}

/// The contact that a request could be mistaken for: another identity under the same name.
pub(crate) fn namesake<'a>(chats: &'a [Chat], request: &Chat) -> Option<&'a Chat> {
    if request.standing != Standing::Request {
        return None;
    }
    let name = folded(&request.name);
    chats.iter().find(|chat| !is_request(chat) && folded(&chat.name) == name)
}

/// A name without what a reader may overlook: case and blanks. Through upper case, so that ß and SS are one.
fn folded(name: &str) -> String {
    name.split_whitespace().collect::<String>().to_uppercase().to_lowercase()
}

/// `host:port` of an address or a link.
pub(crate) fn place(address: &str) -> Option<&str> {
    address.trim().strip_prefix("subrosa://")?.split_once('/').map(|(place, _)| place)
}

/// Whether a line of the list is a request.
pub(crate) const fn is_request(chat: &Chat) -> bool {
    matches!(chat.standing, Standing::Request | Standing::KnownAgain)
}
