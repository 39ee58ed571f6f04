//! [`Seat`]: one person's screen and the hands that do what it asks for.
//!
//! Spec: docs/ARCHITECTURE.md, "The screen". Invariant: the model changes in [`update`] only.

use crate::cli::{Exit, Fail};
use crate::model::Model;
use crate::model::start::Stage;
use crate::msg::{Cmd, Failure, Msg};
use crate::run::hands::{Hands, Heard};
use crate::update::update;

/// One person's screen.
pub(crate) struct Seat {
    /// What it is drawn from.
    pub(crate) model: Model,
    hands: Hands,
}

/// What a screen asks of the terminal.
#[derive(Clone, Debug)]
pub(crate) enum Outward {
    /// Text for the clipboard.
    Copy(String),
    /// Ring.
    Bell,
    /// Draw everything again.
    Redraw,
    /// Stop until the shell brings us forward.
    Suspend,
    /// End.
    Quit,
}

impl Seat {
    /// A screen and its hands.
    pub(crate) const fn new(model: Model, hands: Hands) -> Self {
        Self { model, hands }
    }

    /// Takes a message in and does what follows, but for what only the terminal can do.
    pub(crate) fn take(&mut self, message: Msg) -> Vec<Outward> {
        let mut outward = Vec::new();
        for cmd in update(&mut self.model, message) {
            match cmd {
                Cmd::Ask(slot, query) => self.hands.ask(slot, query),
                Cmd::Do(command, purpose) => self.hands.tell(command, purpose),
                Cmd::Start(start) => self.hands.begin(start),
                Cmd::Unlock(passphrase) => self.hands.unlock(passphrase),
                Cmd::Copy(text) => outward.push(Outward::Copy(text)),
                Cmd::Bell => outward.push(Outward::Bell),
                Cmd::Redraw => outward.push(Outward::Redraw),
                Cmd::Suspend => outward.push(Outward::Suspend),
                Cmd::Quit => outward.push(Outward::Quit),
            }
        }
        outward
    }

    /// What the hands bring, as a message.
    ///
    /// # Errors
    /// [`Fail`] when the profile can't be opened and no other passphrase would help.
    pub(crate) fn heard(&mut self, heard: Heard) -> Result<Msg, Fail> {
        Ok(match heard {
            Heard::Answer(slot, answer) => Msg::Answer(slot, answer.map_err(|why| why.to_string())),
            Heard::Did(purpose, outcome) => Msg::Did(purpose, outcome.map_err(Failure::from)),
            Heard::Notice(notice) => Msg::Notice(notice),
            Heard::Relays(relays) => Msg::Relays(relays),
            #[cfg(feature = "host")]
            Heard::Say(message) => message,
            Heard::Ready(Ok(ready)) => Msg::Opened(self.hands.take_over(*ready)),
            Heard::Ready(Err(fail)) => {
                let first = matches!(self.model.stage, Stage::First(_));
                if !first && fail.exit != Exit::Passphrase {
                    return Err(fail);
                }
                Msg::NotOpened(fail.sentence)
            }
        })
    }

    /// Does what was asked for last, then closes the profile.
    pub(crate) async fn close(self) {
        self.hands.close().await;
    }
}
