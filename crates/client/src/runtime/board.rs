//! [`Board`]: what the screen may hear without asking: notices, and how each relay stands.
//!
//! Invariant: a notice is only a hint; one that is missed is told as [`Notice::Lagged`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use subrosa_engine::api::{Notice, RelayState};
use subrosa_wire::RelayAddress;
use tokio::sync::broadcast;

/// Notices kept for a slow listener.
const BACKLOG: usize = 1024;

/// Shared by all threads.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    notices: broadcast::Sender<Notice>,
    relays: Arc<Mutex<BTreeMap<RelayAddress, RelayState>>>,
}

impl Board {
    /// An empty one and its first listener.
    pub(crate) fn new() -> (Self, broadcast::Receiver<Notice>) {
        let (notices, listener) = broadcast::channel(BACKLOG);
        (Self { notices, relays: Arc::default() }, listener)
    }

    /// Another listener.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    /// Tells the screen.
    pub(crate) fn tell(&self, notice: Notice) {
        // Nobody listens: nobody misses it.
        let _ = self.notices.send(notice);
    }

    /// Tells the screen of something that went wrong, in a sentence.
    pub(crate) fn trouble(&self, sentence: impl Into<String>) {
        self.tell(Notice::Trouble(sentence.into()));
    }

    /// Notes how `relay` stands; `None` when it is not needed any more.
    pub(crate) fn note(&self, relay: &RelayAddress, state: Option<RelayState>) {
        let mut relays = self.lock();
        let before = match &state {
            Some(state) => relays.insert(relay.clone(), state.clone()),
            None => relays.remove(relay),
        };
        drop(relays);
        if let Some(state) = state
            && before.as_ref() != Some(&state)
        {
            self.tell(Notice::Relay { name: name(relay), state });
        }
    }

    /// Every relay in use.
    pub(crate) fn relays(&self) -> Vec<(String, RelayState)> {
        self.lock().iter().map(|(relay, state)| (name(relay), state.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RelayAddress, RelayState>> {
        // Each change is one insert or remove: a panic elsewhere can't leave half of one.
        self.relays.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `host:port`, IPv6 in brackets.
pub(crate) fn name(relay: &RelayAddress) -> String {
    if relay.host().contains(':') {
        format!("[{}]:{}", relay.host(), relay.port())
    } else {
        format!("{}:{}", relay.host(), relay.port())
    }
}
