//! The signals that end a run in order: SIGINT, SIGTERM, SIGHUP.
//!
//! Spec: docs/guide/chat.md, "Ending". Invariant: listening begins before there is anything to put away.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// An ear for the signals that end a run.
#[derive(Debug)]
pub(crate) struct Ends {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Ends {
    /// Listens from now on; inside a runtime.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Resolves at the next of them. Cancel-safe.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}
