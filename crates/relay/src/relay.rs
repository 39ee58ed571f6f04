//! [`Relay`]: a running relay, in a binary of its own or inside another program.
//!
//! Spec: docs/guide/relay.md. Invariant: when [`Relay::start`] returns, the relay serves at the address that it
//! announces, and will after every restart on the same data folder.

mod start;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use subrosa_relay_core::{Knowledge, Store, StoreFault};
use subrosa_wire::RelayAddress;
use tokio::sync::watch;

use crate::config::Config;
use crate::desk::Message;
use crate::reach::Reach;
use crate::remote::Remote;
use crate::store::OpenError;

pub use start::StartError;

/// Rows of each table that [`Relay::knowledge`] shows.
const ROWS: usize = 1_000;

/// How a relay ended; `None` while it serves.
type End = Option<Result<(), StoreFault>>;

/// A running relay with threads and a runtime of its own. Dropping it stops it.
pub struct Relay {
    address: RelayAddress,
    local: SocketAddr,
    data: Option<PathBuf>,
    remote: Remote,
    end: watch::Receiver<End>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Starts a relay; when this returns, it serves.
    ///
    /// # Errors
    /// [`StartError`], each with what to do.
    pub fn start(config: Config) -> Result<Self, StartError> {
        start::start(config)
    }

    /// Like [`Relay::start`], over a store of the caller's, which decides what is kept and what is handed out: for
    /// other stores, and for tests with a relay that lies. [`Config::data`] holds the key only; without it, the
    /// relay makes one for this run.
    ///
    /// # Errors
    /// [`StartError`], each with what to do.
    pub fn start_with(config: Config, store: impl Store + 'static) -> Result<Self, StartError> {
        start::start_with(config, store)
    }

    /// What clients need to reach this relay, and nobody else.
    #[must_use]
    pub const fn address(&self) -> &RelayAddress {
        &self.address
    }

    /// The UDP address that it serves on.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// From where the announced address can be reached.
    #[must_use]
    pub fn reach(&self) -> Reach {
        Reach::of(self.address.host())
    }

    /// Everything that the relay keeps at this moment, with at most 1,000 rows of each table. Empty when it has
    /// stopped. Blocks for about one commit.
    #[must_use]
    pub fn knowledge(&self) -> Knowledge {
        self.remote.knowledge(ROWS).unwrap_or_default()
    }

    /// Copies the store, the key and the address to `to`, an empty folder or one that is not there, while the relay
    /// serves: the copy is the store as it is when this returns. Blocks the caller, and each commit for a moment.
    ///
    /// # Errors
    /// [`OpenError`]: the copy is no store, and the relay is well.
    pub fn backup(&self, to: &Path) -> Result<(), OpenError> {
        let from = self.data.as_deref().ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported))?;
        self.remote.copy(from, to)
    }

    /// Waits until the store fails, or somebody else stops the relay.
    ///
    /// # Errors
    /// [`StoreFault`]: what was acknowledged is on disk; start again once the disk is well.
    pub async fn ended(&self) -> Result<(), StoreFault> {
        let mut end = self.end.clone();
        let ended = end.wait_for(Option::is_some).await;
        ended.map_or(Err(StoreFault::Broken("its thread is gone")), |end| end.unwrap_or(Ok(())))
    }

    /// Stops: what is under way is answered, clients are told, the store is closed. Blocks for about a second at most.
    pub fn stop(self) {
        drop(self);
    }

    /// A handle for other threads.
    pub(crate) const fn remote(&self) -> &Remote {
        &self.remote
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.remote.tell(Message::Drain);
        if let Some(thread) = self.thread.take() {
            // It has logged whatever went wrong.
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Relay(..)")
    }
}
