//! The key table: the one place that says which key does what, read by the update, the help screen and `subrosa keys`.
//!
//! Spec: docs/guide/chat.md, "Keys". Invariant: within one context, and between a context and [`Context::Global`], no
//! key is bound twice.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Where a key means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Context {
    /// Everywhere.
    Global,
    /// In the chat list.
    List,
    /// In the composer of a chat.
    Composer,
    /// With messages being selected.
    Messages,
    /// On a request.
    Request,
    /// On an alarm that stops sending.
    Alarm,
    /// On the invite screen.
    Invites,
    /// On the verification screen.
    Verify,
    /// In a list to choose from: palette and switcher; and in forms.
    Choice,
    /// In help and log.
    Pages,
    /// At a question.
    Question,
    /// In every line of text.
    Edit,
}

impl Context {
    /// The contexts in the order of the help screen.
    pub(crate) const ALL: [Self; 12] = [
        Self::Global,
        Self::Composer,
        Self::Messages,
        Self::List,
        Self::Request,
        Self::Alarm,
        Self::Invites,
        Self::Verify,
        Self::Choice,
        Self::Pages,
        Self::Question,
        Self::Edit,
    ];

    /// Its heading.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Global => "everywhere",
            Self::List => "chat list",
            Self::Composer => "writing",
            Self::Messages => "on a message",
            Self::Request => "on a request",
            Self::Alarm => "on an alarm",
            Self::Invites => "invites",
            Self::Verify => "verification",
            Self::Choice => "choosing",
            Self::Pages => "help and log",
            Self::Question => "a question",
            Self::Edit => "editing",
        }
    }
}

/// What a key does; the table below says it in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Action {
    Help,
    Palette,
    Switcher,
    Quit,
    Redraw,
    Suspend,
    NextUnread,
    NextChat,
    PreviousChat,
    Chat(u8),
    Cancel,
    Leave,
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Confirm,
    OtherField,
    Slash,
    Invite,
    Add,
    Send,
    NewLine,
    ToList,
    ToComposer,
    Reply,
    Copy,
    Retry,
    Accept,
    Reject,
    Verify,
    SendAnyway,
    Recover,
    Mark,
    NewOnce,
    NewReusable,
    Revoke,
    Yes,
    No,
    Left,
    Right,
    WordLeft,
    WordRight,
    LineStart,
    LineEnd,
    DeleteBack,
    DeleteForward,
    DeleteWord,
    DeleteToStart,
    Yank,
    Undo,
}

/// A key as the table writes it: a code with Ctrl and Alt. Shift is part of the character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// The key itself.
    pub(crate) code: KeyCode,
    /// Ctrl and Alt.
    pub(crate) with: KeyModifiers,
}

impl Key {
    const fn plain(code: KeyCode) -> Self {
        Self { code, with: KeyModifiers::NONE }
    }

    const fn char(c: char) -> Self {
        Self::plain(KeyCode::Char(c))
    }

    const fn ctrl(c: char) -> Self {
        Self { code: KeyCode::Char(c), with: KeyModifiers::CONTROL }
    }

    const fn alt(code: KeyCode) -> Self {
        Self { code, with: KeyModifiers::ALT }
    }

    /// The key of an event, without Shift (which stands in the character) and lock states.
    pub(crate) fn of(event: &KeyEvent) -> Self {
        let mut with = event.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT);
        let code = match event.code {
            // With Ctrl held, terminals disagree about capitals.
            KeyCode::Char(c) if with.contains(KeyModifiers::CONTROL) => KeyCode::Char(c.to_ascii_lowercase()),
            // Some terminals send Shift-Enter apart; it means a new line like Alt-Enter.
            KeyCode::Enter if event.modifiers.contains(KeyModifiers::SHIFT) => {
                with |= KeyModifiers::ALT;
                KeyCode::Enter
            }
            code => code,
        };
        Self { code, with }
    }

    /// The character that this key types, when it types one.
    pub(crate) fn typed(self) -> Option<char> {
        match self.code {
            KeyCode::Char(c) if self.with.is_empty() => Some(c),
            _ => None,
        }
    }

    /// Its name, `Ctrl-K`.
    pub(crate) fn name(self) -> String {
        let mut name = String::new();
        if self.with.contains(KeyModifiers::CONTROL) {
            name.push_str("Ctrl-");
        }
        if self.with.contains(KeyModifiers::ALT) {
            name.push_str("Alt-");
        }
        match self.code {
            KeyCode::Char(' ') => name.push_str("Space"),
            KeyCode::Char(c) if self.with.is_empty() => name.push(c),
            KeyCode::Char(c) => name.push(c.to_ascii_uppercase()),
            KeyCode::F(n) => name.push_str(&format!("F{n}")),
            KeyCode::PageUp => name.push_str("PgUp"),
            KeyCode::PageDown => name.push_str("PgDn"),
            KeyCode::Delete => name.push_str("Del"),
            KeyCode::BackTab => name.push_str("Shift-Tab"),
            code => name.push_str(&format!("{code:?}")),
        }
        name
    }
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding {
    /// Where.
    pub(crate) context: Context,
    /// Which key.
    pub(crate) key: Key,
    /// What it does.
    pub(crate) action: Action,
    /// The same in words; empty for a second key of the same action.
    pub(crate) does: &'static str,
}

/// What `key` does in the first of `contexts` that knows it.
pub(crate) fn lookup(contexts: &[Context], key: Key) -> Option<Action> {
    contexts.iter().find_map(|context| {
        let found = table().find(|binding| binding.context == *context && binding.key == key);
        found.map(|binding| binding.action)
    })
}

/// The first key of `action` in `context`, by name.
pub(crate) fn key_of(context: Context, action: Action) -> Option<String> {
    table()
        .find(|binding| binding.context == context && binding.action == action)
        .map(|binding| binding.key.name())
}

/// The lines of the help screen of one context: all keys of an action, and what it does.
pub(crate) fn help(context: Context) -> Vec<(String, &'static str)> {
    let mut lines: Vec<(Action, String, &'static str)> = Vec::new();
    for binding in table().filter(|binding| binding.context == context) {
        match lines.iter_mut().find(|(action, ..)| *action == binding.action) {
            Some((_, keys, _)) => {
                keys.push_str(", ");
                keys.push_str(&binding.key.name());
            }
            // Alt-1 to Alt-9 are one line.
            None if matches!(binding.action, Action::Chat(n) if n > 1) => {}
            None if binding.action == Action::Chat(1) => {
                lines.push((binding.action, "Alt-1..9".into(), binding.does));
            }
            None => lines.push((binding.action, binding.key.name(), binding.does)),
        }
    }
    lines.into_iter().map(|(_, keys, does)| (keys, does)).collect()
}

/// Every binding.
pub(crate) fn table() -> impl Iterator<Item = Binding> {
    let rows = TABLE.iter().flat_map(|(context, rows)| {
        rows.iter().map(|(key, action, does)| Binding { context: *context, key: *key, action: *action, does })
    });
    let chats = (1..=9).map(|n| Binding {
        context: Context::Global,
        key: Key::alt(KeyCode::Char(char::from(b'0' + n))),
        action: Action::Chat(n),
        does: "go to chat 1 to 9",
    });
    rows.chain(chats)
}

type Row = (Key, Action, &'static str);

const TABLE: &[(Context, &[Row])] = &[
    (Context::Global, GLOBAL),
    (Context::List, LIST),
    (Context::Composer, COMPOSER),
    (Context::Messages, MESSAGES),
    (Context::Request, REQUEST),
    (Context::Alarm, ALARM),
    (Context::Invites, INVITES),
    (Context::Verify, VERIFY),
    (Context::Choice, CHOICE),
    (Context::Pages, PAGES),
    (Context::Question, QUESTION),
    (Context::Edit, EDIT),
];

const GLOBAL: &[Row] = &[
    (Key::plain(KeyCode::F(1)), Action::Help, "help: this table"),
    (Key::ctrl('p'), Action::Palette, "palette: every command"),
    (Key::ctrl('k'), Action::Switcher, "go to a chat by name"),
    (Key::alt(KeyCode::Char('a')), Action::NextUnread, "next chat with unread messages"),
    (Key::alt(KeyCode::Down), Action::NextChat, "next chat"),
    (Key::alt(KeyCode::Up), Action::PreviousChat, "previous chat"),
    (Key::ctrl('l'), Action::Redraw, "draw the screen again"),
    (Key::ctrl('z'), Action::Suspend, "suspend; fg comes back"),
    (Key::ctrl('c'), Action::Cancel, "clear or cancel"),
    (Key::ctrl('q'), Action::Quit, "quit"),
];

const LIST: &[Row] = &[
    (Key::plain(KeyCode::Enter), Action::Confirm, "open the chat"),
    (Key::plain(KeyCode::Up), Action::Up, "up"),
    (Key::plain(KeyCode::Down), Action::Down, "down"),
    (Key::char('k'), Action::Up, ""),
    (Key::char('j'), Action::Down, ""),
    (Key::plain(KeyCode::Home), Action::First, "first chat"),
    (Key::plain(KeyCode::End), Action::Last, "last chat"),
    (Key::plain(KeyCode::Tab), Action::ToComposer, "to the conversation"),
    (Key::char('i'), Action::Invite, "invite someone"),
    (Key::char('a'), Action::Add, "add someone by their link"),
    (Key::char('/'), Action::Slash, "palette"),
];

const COMPOSER: &[Row] = &[
    (Key::plain(KeyCode::Enter), Action::Send, "send"),
    (Key::alt(KeyCode::Enter), Action::NewLine, "new line"),
    (Key::ctrl('j'), Action::NewLine, ""),
    (Key::plain(KeyCode::PageUp), Action::PageUp, "scroll back"),
    (Key::plain(KeyCode::PageDown), Action::PageDown, "scroll forward"),
    (Key::plain(KeyCode::Tab), Action::ToList, "to the chat list"),
    (Key::plain(KeyCode::Esc), Action::Leave, "drop the reply; where one pane fits: back to the list"),
    (Key::plain(KeyCode::Up), Action::Up, "in an empty box: select messages"),
    (Key::plain(KeyCode::Down), Action::Down, "down"),
    (Key::char('/'), Action::Slash, "in an empty box: palette (// types a slash)"),
];

const MESSAGES: &[Row] = &[
    (Key::plain(KeyCode::Up), Action::Up, "older message"),
    (Key::plain(KeyCode::Down), Action::Down, "newer message"),
    (Key::char('k'), Action::Up, ""),
    (Key::char('j'), Action::Down, ""),
    (Key::plain(KeyCode::PageUp), Action::PageUp, "a page back"),
    (Key::plain(KeyCode::PageDown), Action::PageDown, "a page forward"),
    (Key::char('g'), Action::First, "oldest that is loaded"),
    (Key::char('G'), Action::Last, "newest"),
    (Key::char('r'), Action::Reply, "reply"),
    (Key::char('y'), Action::Copy, "copy its text"),
    (Key::char('R'), Action::Retry, "try a failed message again"),
    (Key::plain(KeyCode::Tab), Action::ToList, "to the chat list"),
    (Key::plain(KeyCode::Esc), Action::Leave, "back to writing"),
    (Key::plain(KeyCode::Enter), Action::Reply, ""),
];

const REQUEST: &[Row] = &[
    (Key::char('a'), Action::Accept, "accept the request"),
    (Key::char('x'), Action::Reject, "reject the request"),
    (Key::char('v'), Action::Verify, "compare the safety number"),
    (Key::plain(KeyCode::Tab), Action::ToList, "to the chat list"),
    (Key::plain(KeyCode::Esc), Action::Leave, "back to the list"),
    (Key::plain(KeyCode::PageUp), Action::PageUp, "scroll back"),
    (Key::plain(KeyCode::PageDown), Action::PageDown, "scroll forward"),
];

const ALARM: &[Row] = &[
    (Key::char('v'), Action::Verify, "compare the safety number"),
    (Key::char('s'), Action::SendAnyway, "go on sending anyway (asks)"),
    (Key::char('c'), Action::Recover, "recover the chat (asks)"),
    (Key::plain(KeyCode::Tab), Action::ToList, "to the chat list"),
    (Key::plain(KeyCode::Esc), Action::Leave, "back to the list"),
    (Key::plain(KeyCode::PageUp), Action::PageUp, "scroll back"),
    (Key::plain(KeyCode::PageDown), Action::PageDown, "scroll forward"),
];

const INVITES: &[Row] = &[
    (Key::char('n'), Action::NewOnce, "new invite for one person"),
    (Key::char('u'), Action::NewReusable, "new reusable address"),
    (Key::char('c'), Action::Copy, "copy the link"),
    (Key::plain(KeyCode::Up), Action::Up, "previous invite"),
    (Key::plain(KeyCode::Down), Action::Down, "next invite"),
    (Key::char('x'), Action::Revoke, "take it back (asks)"),
    (Key::plain(KeyCode::Esc), Action::Leave, "close"),
];

const VERIFY: &[Row] = &[
    (Key::char('m'), Action::Mark, "mark as verified, or take it back"),
    (Key::plain(KeyCode::Esc), Action::Leave, "close"),
];

const CHOICE: &[Row] = &[
    (Key::plain(KeyCode::Enter), Action::Confirm, "do it"),
    (Key::plain(KeyCode::Up), Action::Up, "up"),
    (Key::plain(KeyCode::Down), Action::Down, "down"),
    (Key::plain(KeyCode::Tab), Action::OtherField, "complete, or the next field"),
    (Key::plain(KeyCode::Esc), Action::Leave, "close, or a step back"),
];

const PAGES: &[Row] = &[
    (Key::plain(KeyCode::Up), Action::Up, "up"),
    (Key::plain(KeyCode::Down), Action::Down, "down"),
    (Key::char('k'), Action::Up, ""),
    (Key::char('j'), Action::Down, ""),
    (Key::plain(KeyCode::PageUp), Action::PageUp, "a page up"),
    (Key::plain(KeyCode::PageDown), Action::PageDown, "a page down"),
    (Key::plain(KeyCode::Esc), Action::Leave, "close"),
    (Key::char('q'), Action::Leave, ""),
];

const QUESTION: &[Row] = &[
    (Key::char('y'), Action::Yes, "yes"),
    (Key::char('n'), Action::No, "no"),
    (Key::plain(KeyCode::Esc), Action::No, ""),
];

const EDIT: &[Row] = &[
    (Key::plain(KeyCode::Left), Action::Left, "left"),
    (Key::plain(KeyCode::Right), Action::Right, "right"),
    (Key::alt(KeyCode::Char('b')), Action::WordLeft, "a word left"),
    (Key::alt(KeyCode::Char('f')), Action::WordRight, "a word right"),
    (Key { code: KeyCode::Left, with: KeyModifiers::CONTROL }, Action::WordLeft, ""),
    (Key { code: KeyCode::Right, with: KeyModifiers::CONTROL }, Action::WordRight, ""),
    (Key::ctrl('a'), Action::LineStart, "start of the line"),
    (Key::plain(KeyCode::Home), Action::LineStart, ""),
    (Key::ctrl('e'), Action::LineEnd, "end of the line"),
    (Key::plain(KeyCode::End), Action::LineEnd, ""),
    (Key::plain(KeyCode::Backspace), Action::DeleteBack, "delete to the left"),
    (Key::ctrl('h'), Action::DeleteBack, ""),
    (Key::plain(KeyCode::Delete), Action::DeleteForward, "delete to the right"),
    (Key::ctrl('d'), Action::DeleteForward, ""),
    (Key::ctrl('w'), Action::DeleteWord, "delete a word"),
    (Key::alt(KeyCode::Backspace), Action::DeleteWord, ""),
    (Key::ctrl('u'), Action::DeleteToStart, "delete to the start of the line"),
    (Key::ctrl('y'), Action::Yank, "put back what was deleted"),
    (Key::alt(KeyCode::Char('z')), Action::Undo, "undo"),
];

#[cfg(test)]
mod tests;
