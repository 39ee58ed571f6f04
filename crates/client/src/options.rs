//! What a profile is opened with: [`Options`] and [`Unlock`].
//!
//! Spec: docs/spec/at-rest.md. Invariant: a passphrase is never printed and is erased on drop.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use subrosa_codec::Millis;
use subrosa_wire::RelayKeyHash;
use zeroize::Zeroizing;

/// Where a client reads the time: milliseconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> Millis + Send + Sync>;

/// Where a profile lives and how it reaches the world.
#[derive(Clone)]
pub struct Options {
    /// The profile's folder: the vault, its lock and (without a passphrase) its key file. Mode 0700.
    pub folder: PathBuf,
    /// Relays of these keys are dialled here, whatever host they announce: one's own embedded relay, over loopback.
    pub dial: Vec<(RelayKeyHash, SocketAddr)>,
    /// The clock; the system's by default. When it leaps ahead by more than a day, timers wait until a relay whose day
    /// is the same is reached.
    pub now: Clock,
}

impl Options {
    /// A profile in `folder`, the system's clock, every relay dialled at the host that it announces.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), dial: Vec::new(), now: Arc::new(system_time) }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { folder, dial, now: _ } = self;
        f.debug_struct("Options").field("folder", folder).field("dial", &dial.len()).finish_non_exhaustive()
    }
}

/// The machine's clock; the epoch itself when it is set before 1970.
fn system_time() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// What opens a vault.
#[derive(Clone)]
pub enum Unlock {
    /// A passphrase, stretched by Argon2id.
    Passphrase(Zeroizing<String>),
    /// No passphrase: a random key in a file of mode 0600 beside the vault. Whoever copies the folder can read it.
    None,
}

impl Unlock {
    /// By a passphrase.
    #[must_use]
    pub fn passphrase(passphrase: impl Into<String>) -> Self {
        Self::Passphrase(Zeroizing::new(passphrase.into()))
    }
}

impl fmt::Debug for Unlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passphrase(_) => f.write_str("Passphrase(..)"),
            Self::None => f.write_str("None"),
        }
    }
}
