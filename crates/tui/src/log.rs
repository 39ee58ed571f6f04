//! The log file of the screen: below the user's state folder, without anyone's words.
//!
//! Spec: docs/guide/chat.md, "When something goes wrong". Invariant: only our own crates write to it, and they log no
//! text, name, key or address.

use std::fs::{DirBuilder, OpenOptions, rename};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::sync::Mutex;

use directories::ProjectDirs;
use tracing_subscriber::EnvFilter;

/// From this size on, in bytes, a new file is begun; one old one is kept.
const FULL: u64 = 1 << 20;

/// What is logged unless `SUBROSA_LOG` says otherwise.
const FILTER: &str = "off,subrosa=info,subrosa_client=info,subrosa_relay=info";

/// Starts logging. A log that can't be written is no reason not to start: the screen shows what went wrong anyway.
pub(crate) fn start() {
    if let Ok(file) = open() {
        let filter = std::env::var("SUBROSA_LOG").unwrap_or_else(|_| FILTER.into());
        let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new(FILTER));
        let writer = Mutex::new(file);
        let _ =
            tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(false).try_init();
    }
}

fn open() -> io::Result<std::fs::File> {
    let missing = || io::Error::from(io::ErrorKind::NotFound);
    let dirs = ProjectDirs::from("", "", "subrosa").ok_or_else(missing)?;
    let folder = dirs.state_dir().unwrap_or_else(|| dirs.data_local_dir());
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let path = folder.join("subrosa.log");
    if path.metadata().is_ok_and(|meta| meta.len() > FULL) {
        rename(&path, folder.join("subrosa.log.old"))?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}
