//! [`Talk`]: what is loaded of one chat, and all that a person left in it.
//!
//! Spec: docs/guide/chat.md, "The screen". Invariant: the window is sorted by position without doubles, and the view
//! hangs on a position, so that rows that come, change or go elsewhere don't move it.

use subrosa_client::{Body, Message, MessageId, Millis, Position};

use crate::input::Editor;

/// Messages that are asked for at once.
pub(crate) const PAGE: u32 = 100;

/// How long after the last key a draft is written, in milliseconds.
const DRAFT_MS: u64 = 700;

/// One chat that was opened.
#[derive(Clone, Debug)]
pub(crate) struct Talk {
    /// The loaded messages, oldest first; `None` while loading.
    pub(crate) window: Option<Vec<Message>>,
    /// Whether nothing is older than the window.
    pub(crate) complete: bool,
    /// What the view hangs on.
    pub(crate) anchor: Anchor,
    /// The selected message.
    pub(crate) selected: Option<Position>,
    /// Messages of theirs after this one are under the "new" line; fixed when the chat was opened.
    pub(crate) marker: Option<Position>,
    /// Whether the newest messages came since the chat was opened: what comes from then on is watched, not "new".
    pub(crate) watched: bool,
    /// The last position reported as seen.
    pub(crate) seen: Option<Position>,
    /// How many of the newest messages were asked for.
    pub(crate) limit: u32,
    /// What is being written.
    pub(crate) composer: Composer,
}

/// What the view hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// The newest message is at the bottom, also when newer ones come.
    Newest,
    /// This row of this message is at the bottom.
    At {
        /// The message.
        position: Position,
        /// The row of its block, from its first.
        row: usize,
    },
}

/// What is being written in one chat.
#[derive(Clone, Debug)]
pub(crate) struct Composer {
    /// The text.
    pub(crate) editor: Editor,
    /// The message that it answers: id and first words.
    pub(crate) reply: Option<(MessageId, String)>,
    /// What the vault holds as draft; `None` until it was read.
    pub(crate) saved: Option<String>,
    /// When the text was changed last without being written.
    pub(crate) changed: Option<Millis>,
    /// Texts given to the client of which the outcome is open: until then, the vault's draft must not be overwritten.
    pub(crate) sending: usize,
}

impl Composer {
    /// An empty composer.
    pub(crate) fn new() -> Self {
        Self { editor: Editor::paragraph(), reply: None, saved: None, changed: None, sending: 0 }
    }

    /// When the draft has to be written.
    pub(crate) fn save_at(&self) -> Option<u64> {
        self.changed.map(|at| at.0.saturating_add(DRAFT_MS))
    }

    /// The draft to write, when it is not what the vault holds. Marks it as written.
    pub(crate) fn take_unsaved(&mut self) -> Option<String> {
        self.changed = None;
        if self.sending > 0 {
            return None;
        }
        let text = self.editor.text();
        // Until the vault's draft was read, nothing may overwrite it.
        let saved = self.saved.as_mut()?;
        if *saved == text {
            return None;
        }
        saved.clone_from(&text);
        Some(text)
    }

    /// Takes the draft that the vault held; what was typed meanwhile stands after it.
    pub(crate) fn loaded(&mut self, draft: String) {
        if self.saved.is_some() {
            return;
        }
        if !draft.is_empty() {
            let typed = self.editor.text();
            self.editor.replace(&draft);
            self.editor.insert(&typed);
        }
        self.saved = Some(draft);
    }
}

impl Talk {
    /// A chat of which nothing is loaded yet.
    pub(crate) fn new(marker: Option<Position>) -> Self {
        Self {
            window: None,
            complete: false,
            anchor: Anchor::Newest,
            selected: None,
            marker,
            watched: false,
            seen: marker,
            limit: PAGE,
            composer: Composer::new(),
        }
    }

    /// The loaded messages.
    pub(crate) fn messages(&self) -> &[Message] {
        self.window.as_deref().unwrap_or_default()
    }

    /// Sets how many to ask for, so that the answer reaches back to all that is loaded.
    pub(crate) fn reach(&mut self) -> u32 {
        let loaded = u32::try_from(self.messages().len()).unwrap_or(u32::MAX);
        self.limit = self.limit.max(loaded.saturating_add(PAGE / 2)).max(PAGE);
        self.limit
    }

    /// Takes the newest messages: they replace whatever was loaded from their first position on. Answers `false`, and
    /// takes nothing, when they don't reach back to what is loaded: then more have to be asked for.
    pub(crate) fn newest(&mut self, fresh: Vec<Message>) -> bool {
        let short = fresh.len() < self.limit as usize;
        let mut window = self.window.take().unwrap_or_default();
        let hole = match (window.last(), fresh.first()) {
            (Some(last), Some(first)) => !short && first.position > last.position,
            _ => false,
        };
        if hole {
            self.window = Some(window);
            self.limit = self.limit.saturating_mul(4);
            return false;
        }
        match fresh.first() {
            Some(first) if !short => window.retain(|message| message.position < first.position),
            // All there is fits into the answer.
            _ => {
                window.clear();
                self.complete = true;
            }
        }
        window.extend(fresh);
        self.window = Some(window);
        self.limit = PAGE;
        self.settle();
        true
    }

    /// Forgets what is loaded beyond a page, once the chat is left.
    pub(crate) fn leave(&mut self) {
        self.selected = None;
        self.anchor = Anchor::Newest;
        if let Some(window) = &mut self.window {
            let extra = window.len().saturating_sub(PAGE as usize);
            if extra > 0 {
                window.drain(..extra);
                self.complete = false;
            }
        }
    }

    /// Takes a page of messages before those that are loaded.
    pub(crate) fn older(&mut self, mut page: Vec<Message>, limit: u32) {
        if page.len() < limit as usize {
            self.complete = true;
        }
        let Some(window) = &mut self.window else { return };
        if let Some(first) = window.first() {
            page.retain(|message| message.position < first.position);
        }
        page.append(window);
        *window = page;
        self.settle();
    }

    /// After the window changed: selection and anchor go to the nearest older message when theirs is gone.
    fn settle(&mut self) {
        let nearest = |wanted: Position| -> Option<Position> {
            let messages = self.window.as_deref()?;
            let after = messages.partition_point(|message| message.position <= wanted);
            messages.get(after.saturating_sub(1)).map(|message| message.position)
        };
        let selected = self.selected.and_then(nearest);
        let anchor = match self.anchor {
            Anchor::At { position, row } => match nearest(position) {
                Some(found) if found == position => Anchor::At { position, row },
                Some(position) => Anchor::At { position, row: 0 },
                None => Anchor::Newest,
            },
            Anchor::Newest => Anchor::Newest,
        };
        self.selected = selected;
        self.anchor = anchor;
    }

    /// The index of a position.
    pub(crate) fn index(&self, position: Position) -> Option<usize> {
        self.messages().binary_search_by_key(&position, |message| message.position).ok()
    }

    /// The selected message.
    pub(crate) fn selection(&self) -> Option<&Message> {
        self.messages().get(self.index(self.selected?)?)
    }

    /// Messages of theirs after the marker.
    pub(crate) fn fresh(&self) -> usize {
        self.messages().iter().filter(|message| self.is_fresh(message)).count()
    }

    /// Whether a message is of theirs and after the marker.
    pub(crate) fn is_fresh(&self, message: &Message) -> bool {
        !message.mine
            && matches!(message.body, Body::Text(_) | Body::Newer)
            && self.marker.is_none_or(|marker| message.position > marker)
    }
}

#[cfg(test)]
mod tests;
