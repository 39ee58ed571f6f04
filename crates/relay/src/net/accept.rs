//! The accept loop and one task per connection.
//!
//! Spec: docs/spec/relay.md, "Transport" (D1, D2). Invariant: what a stranger can hold before a handshake is done is
//! bounded in number and in time.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use quinn::{Connection, Endpoint, Incoming, VarInt};
use subrosa_relay_core::{ConnId, Stream};
use subrosa_wire::Refusal;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::config::Config;
use crate::desk::Message;
use crate::net::gate::{Gate, Guest};
use crate::net::stream::{Closing, Talk, talk};
use crate::tally::{Newcomer, Tally};

/// Handshakes under way at which further ones are dropped: the sender tries again by itself.
const HANDSHAKES: u32 = 1_024;

/// What every connection needs.
pub(crate) struct Door {
    pub(crate) inbox: mpsc::Sender<Message>,
    /// Most connections at once.
    connections: AtomicUsize,
    /// In milliseconds: for a handshake, for the first stream, and for the first frame on it.
    patience: AtomicU64,
    /// Handshakes from addresses that proved nothing, above which a newcomer must prove his by a Retry.
    retry_above: AtomicU32,
    gate: Arc<Gate>,
    pub(crate) tally: Arc<Tally>,
    handshakes: AtomicU32,
    next: AtomicU64,
}

impl Door {
    pub(crate) fn new(inbox: mpsc::Sender<Message>, config: &Config) -> Self {
        let door = Self {
            inbox,
            connections: AtomicUsize::new(0),
            patience: AtomicU64::new(0),
            retry_above: AtomicU32::new(0),
            gate: Arc::new(Gate::new(config.rates)),
            tally: Arc::new(Tally::new(config.limits)),
            handshakes: AtomicU32::new(0),
            next: AtomicU64::new(0),
        };
        door.set(config);
        door
    }

    /// Other limits, for whoever comes from now on.
    pub(crate) fn set(&self, config: &Config) {
        self.connections.store(config.limits.connections as usize, Ordering::Relaxed);
        let patience = u64::try_from(config.patience.as_millis()).unwrap_or(u64::MAX);
        self.patience.store(patience, Ordering::Relaxed);
        self.retry_above.store(config.retry_above, Ordering::Relaxed);
        self.gate.set(config.rates);
    }

    pub(crate) fn patience(&self) -> Duration {
        Duration::from_millis(self.patience.load(Ordering::Relaxed))
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
    if endpoint.open_connections() >= door.connections.load(Ordering::Relaxed) {
        door.tally.newcomer(Newcomer::TurnedAway);
        return incoming.refuse();
    }
    let full = door.gate.is_full(incoming.remote_address().ip(), Instant::now());
    if full && incoming.remote_address_validated() {
        door.tally.newcomer(Newcomer::TurnedAway);
        return incoming.refuse();
    }
    let busy = full || handshakes >= door.retry_above.load(Ordering::Relaxed);
    if !incoming.remote_address_validated() && incoming.may_retry() && busy {
        door.tally.newcomer(Newcomer::Retried);
        // Refused only when it was validated before, which was just looked at.
        let _ = incoming.retry();
        return;
    }
    if handshakes >= HANDSHAKES {
        door.tally.newcomer(Newcomer::TurnedAway);
        return incoming.ignore();
    }
    // Accepted here and not in the task: an `Incoming` that waits holds its buffers.
    if let Ok(connecting) = incoming.accept() {
        door.tally.newcomer(Newcomer::Begun);
        let (door, pending) = (Arc::clone(door), Pending::begin(door));
        tokio::spawn(async move {
            let Ok(Ok(connection)) = timeout(door.patience(), connecting).await else { return };
            drop(pending);
            match door.gate.enter(connection.remote_address().ip(), Instant::now()) {
                Some(guest) => serve(connection, &door, &guest).await,
                None => connection.close(code(Refusal::Busy), b""),
            }
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
async fn serve(connection: Connection, door: &Door, guest: &Guest) {
    let Ok(Ok((send, recv))) = timeout(door.patience(), connection.accept_bi()).await else {
        return connection.close(code(Refusal::Idle), b"");
    };
    let id = door.next_id();
    let mut command = pin!(talk(Talk { door, guest, id, stream: Stream::Command }, send, recv));
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
                    let talk_of = Talk { door, guest, id: door.next_id(), stream: Stream::Chunks(id) };
                    chunks.push(talk(talk_of, send, recv));
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
