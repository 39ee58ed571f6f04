//! The accept loop and one task per connection.
//!
//! Spec: docs/spec/relay.md, "Transport" (D1, D2). Invariant: what a stranger can hold before a handshake is done is
//! bounded in number and in time.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use quinn::{Connection, Endpoint, Incoming, VarInt};
use subrosa_relay_core::{ConnId, Stream};
use subrosa_wire::Refusal;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::desk::Message;
use crate::net::stream::{Closing, talk};

/// Handshakes under way at which further ones are dropped: the sender tries again by itself.
const HANDSHAKES: u32 = 1_024;

/// What every connection needs.
pub(crate) struct Door {
    pub(crate) inbox: mpsc::Sender<Message>,
    /// Most connections at once.
    pub(crate) connections: usize,
    /// For a handshake, for the first stream, and for the first frame on it.
    pub(crate) patience: Duration,
    /// Handshakes from addresses that proved nothing, above which a newcomer must prove his by a Retry.
    pub(crate) retry_above: u32,
    handshakes: AtomicU32,
    next: AtomicU64,
}

impl Door {
    pub(crate) const fn new(
        inbox: mpsc::Sender<Message>,
        connections: usize,
        patience: Duration,
        retry_above: u32,
    ) -> Self {
        let (handshakes, next) = (AtomicU32::new(0), AtomicU64::new(0));
        Self { inbox, connections, patience, retry_above, handshakes, next }
    }

    /// A name that no stream had before.
    pub(crate) fn next_id(&self) -> ConnId {
        ConnId(self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// Accepts until the endpoint is closed.
pub(crate) async fn accept(endpoint: Endpoint, door: Arc<Door>) {
    while let Some(incoming) = endpoint.accept().await {
        admit(&endpoint, incoming, &door);
    }
}

fn admit(endpoint: &Endpoint, incoming: Incoming, door: &Arc<Door>) {
    let handshakes = door.handshakes.load(Ordering::Relaxed);
    if endpoint.open_connections() >= door.connections {
        return incoming.refuse();
    }
    if !incoming.remote_address_validated() && incoming.may_retry() && handshakes >= door.retry_above {
        // Refused only when it was validated before, which was just looked at.
        let _ = incoming.retry();
        return;
    }
    if handshakes >= HANDSHAKES {
        return incoming.ignore();
    }
    // Accepted here and not in the task: an `Incoming` that waits holds its buffers.
    if let Ok(connecting) = incoming.accept() {
        let (door, pending) = (Arc::clone(door), Pending::begin(door));
        tokio::spawn(async move {
            let Ok(Ok(connection)) = timeout(door.patience, connecting).await else { return };
            drop(pending);
            serve(connection, &door).await;
        });
    }
}

/// Counts a handshake until it is done or given up.
struct Pending(Arc<Door>);

impl Pending {
    fn begin(door: &Arc<Door>) -> Self {
        door.handshakes.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(door))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.handshakes.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves a connection until its command stream ends.
async fn serve(connection: Connection, door: &Door) {
    let Ok(Ok((send, recv))) = timeout(door.patience, connection.accept_bi()).await else {
        return connection.close(code(Refusal::Idle), b"");
    };
    let mut command = pin!(talk(door, Stream::Command, send, recv));
    let mut chunks = FuturesUnordered::new();
    let end = loop {
        tokio::select! {
            end = &mut command => break end,
            Some(end) = chunks.next(), if !chunks.is_empty() => {
                if let Closing::Hung(_) = end {
                    break end;
                }
            }
            stream = connection.accept_bi() => match stream {
                Ok((send, recv)) => {
                    // Chunks go when nothing else wants to.
                    let _ = send.set_priority(-1);
                    chunks.push(talk(door, Stream::Chunks, send, recv));
                }
                Err(_) => break Closing::Left,
            },
        }
    };
    let code = match end {
        Closing::Hung(reason) => code(reason),
        Closing::Left => VarInt::from_u32(0),
    };
    connection.close(code, b"");
}

fn code(reason: Refusal) -> VarInt {
    VarInt::from_u32(reason.code().into())
}
