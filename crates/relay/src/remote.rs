//! [`Remote`]: a handle to a running relay, for whatever thread asks it something.
//!
//! Spec: docs/guide/relay.md, "Asking a running relay". Invariant: a relay that has ended answers nothing, and nobody waits
//! for it.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc as std_mpsc;

use subrosa_relay_core::Knowledge;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::config::Config;
use crate::desk::Message;
use crate::manage::{Errand, Told};
use crate::net::Door;
use crate::store::OpenError;
use crate::watch::Watch;

/// Streams and subscriptions at this moment.
pub(crate) type Load = (usize, usize);

/// A handle to a running relay. It does not keep it running.
#[derive(Clone)]
pub(crate) struct Remote {
    pub(crate) inbox: mpsc::Sender<Message>,
    pub(crate) door: Arc<Door>,
    pub(crate) runtime: Handle,
}

impl Remote {
    /// Hands the core a message from whatever thread this is, in a runtime or not.
    pub(crate) fn tell(&self, message: Message) {
        let inbox = self.inbox.clone();
        self.runtime.spawn(async move {
            // A core that is gone has nobody to tell.
            let _ = inbox.send(message).await;
        });
    }

    /// A way to ask how it is.
    pub(crate) fn watch(&self) -> Watch {
        Watch::new(self.inbox.clone(), Arc::clone(&self.door.tally))
    }

    /// What the message is answered; `None` when the relay has ended.
    fn ask<T>(&self, message: impl FnOnce(std_mpsc::Sender<T>) -> Message) -> Option<T> {
        let (answer, answered) = std_mpsc::channel();
        self.tell(message(answer));
        answered.recv().ok()
    }

    /// Everything that the relay keeps, with at most `rows` rows of each table.
    pub(crate) fn knowledge(&self, rows: usize) -> Option<Knowledge> {
        self.ask(|answer| Message::Knowledge(rows, answer))
    }

    pub(crate) fn load(&self) -> Option<Load> {
        self.ask(Message::Load)
    }

    /// Has the store do something.
    pub(crate) fn manage(&self, errand: Errand) -> Option<Told> {
        self.ask(|answer| Message::Manage(errand, answer))
    }

    /// Limits and rates of `config` from now on.
    pub(crate) fn reload(&self, config: &Config) {
        self.door.set(config);
        self.tell(Message::Limits(config.limits));
    }

    /// Copies the store of this relay, which lies in `from`, to `to`.
    pub(crate) fn copy(&self, from: &Path, to: &Path) -> Result<(), OpenError> {
        let ended = || io::Error::other("the relay has stopped");
        let mut told = self.manage(Errand::BeginCopy(from.to_owned(), to.to_owned())).ok_or_else(ended)?;
        loop {
            let next = match told {
                Told::Copying(true) => Errand::StepCopy,
                Told::Copying(false) => Errand::EndCopy,
                Told::Copied => return Ok(()),
                Told::Failed(why) => return Err(why),
                _ => return Err(io::Error::from(io::ErrorKind::Unsupported).into()),
            };
            told = self.manage(next).ok_or_else(ended)?;
        }
    }
}
