//! [`Watch`]: asks a running relay how it is, for a supervisor and for whoever looks at its figures.
//!
//! Spec: docs/guide/relay.md, "Looking at it". Invariant: the answer is the core's own, through the same queue as every
//! client's request: a relay that answers here answers there.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::desk::{Message, Probe};
use crate::tally::Tally;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A way to ask.
#[derive(Clone)]
pub(crate) struct Watch {
    inbox: mpsc::Sender<Message>,
    tally: Arc<Tally>,
}

impl Watch {
    pub(crate) const fn new(inbox: mpsc::Sender<Message>, tally: Arc<Tally>) -> Self {
        Self { inbox, tally }
    }

    /// Whether the core answers.
    pub(crate) async fn is_alive(&self) -> bool {
        self.ask(Probe::Alive).await
    }

    /// Whether the store wrote something of its own and made it durable, just now.
    pub(crate) async fn is_durable(&self) -> bool {
        self.ask(Probe::Durable).await
    }

    /// Whether the relay takes requests.
    pub(crate) async fn is_ready(&self) -> bool {
        !self.tally.is_draining() && self.is_alive().await
    }

    /// The figures, as Prometheus reads them.
    pub(crate) fn figures(&self) -> String {
        self.tally.text()
    }

    async fn ask(&self, probe: Probe) -> bool {
        let (answer, answered) = oneshot::channel();
        let asked = async {
            self.inbox.send(Message::Probe(probe, answer)).await.ok()?;
            answered.await.ok()
        };
        matches!(timeout(PATIENCE, asked).await, Ok(Some(())))
    }
}
