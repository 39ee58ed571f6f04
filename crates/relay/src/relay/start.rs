//! Starting a relay: folder, identity, store, clock, socket, threads, in this order.
//!
//! Spec: docs/guide/relay.md. Invariant: whatever is wrong is said before the first packet is answered.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc as std_mpsc;
use std::thread;
use std::time::Duration;

use quinn::{Endpoint, TokioRuntime, VarInt};
use subrosa_codec::Day;
use subrosa_relay_core::{Input, MemStore, Store, StoreFault};
use subrosa_wire::{AddressError, RelayAddress};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::announced::Announced;
use crate::clock::{ClockJumped, DayClock};
use crate::config::Config;
use crate::desk::{self, INBOX, Message};
use crate::identity::{Identity, IdentityError};
use crate::manage::{Told, manager};
use crate::net::{Door, accept, bind};
use crate::relay::{End, Relay};
use crate::remote::Remote;
use crate::served::{Kept, Served};
use crate::store::{OpenError, SlabStore};
use crate::tally::Tally;
use crate::{files, reach, tls};

/// How long connections may take to close when the relay stops.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why a relay does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The data folder refuses.
    #[error("cannot use the data folder {path}: {error}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The key can't be had.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The clock is not to be trusted.
    #[error(transparent)]
    Clock(#[from] ClockJumped),
    /// Another program has the port.
    #[error(
        "UDP port {port} is in use by another program, perhaps another relay; stop that, or choose another port \
         with --listen (invites that were given out carry the old one)"
    )]
    PortInUse {
        /// The port.
        port: u16,
    },
    /// The system does not let this program have the address.
    #[error("cannot listen on {listen}: {error}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The address for `/metrics` is not to be had.
    #[error(
        "cannot serve /metrics on {listen}: {error}; choose another port in [observe] http, or leave it out"
    )]
    Http {
        /// The address.
        listen: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The announced host can't be part of an address.
    #[error("\"{host}\" cannot be announced: {error}")]
    Host {
        /// The host.
        host: String,
        /// Why.
        error: AddressError,
    },
    /// The system gives no threads, or TLS does not start.
    #[error("cannot start serving: {0}")]
    Serve(io::Error),
}

/// What was prepared for the threads.
struct Parts<S> {
    config: Config,
    door: Arc<Door>,
    identity: Identity,
    kept: Kept<S>,
    clock: DayClock,
    socket: UdpSocket,
}

pub(super) fn start(config: Config) -> Result<Relay, StartError> {
    let (identity, store) = open(&config)?;
    let clock = DayClock::start(store.day(), config.accept_clock)?;
    serve(config, identity, clock, Kept { store, close: Served::close, manage: manager() })
}

pub(super) fn start_with(config: Config, store: impl Store + 'static) -> Result<Relay, StartError> {
    let identity = match &config.data {
        None => Identity::generate()?,
        Some(folder) => {
            files::create_folder(folder)
                .map_err(|error| StartError::Folder { path: folder.clone(), error })?;
            Identity::load_or_generate(folder)?
        }
    };
    let clock = DayClock::start(Day(0), config.accept_clock)?;
    serve(
        config,
        identity,
        clock,
        Kept { store, close: |_| Ok(()), manage: Box::new(|_, _| Ok(Told::Unable)) },
    )
}

/// Binds the socket, and starts the threads.
fn serve<S: Store + 'static>(
    config: Config,
    identity: Identity,
    clock: DayClock,
    kept: Kept<S>,
) -> Result<Relay, StartError> {
    let (socket, local) = listen(&config)?;
    let address = announce(&config, &identity, local)?;
    let (inbox, messages) = mpsc::channel(INBOX);
    let (ended, end) = watch::channel(None);
    let data = config.data.clone();
    let door = Arc::new(Door::new(inbox.clone(), &config));
    let parts = Parts { config, door: Arc::clone(&door), identity, kept, clock, socket };
    let (thread, runtime) = spawn(parts, (inbox.clone(), messages), ended)?;
    tracing::info!("serving");
    Ok(Relay { address, local, data, remote: Remote { inbox, door, runtime }, end, thread: Some(thread) })
}

/// The identity and the store, from the data folder or in memory.
fn open(config: &Config) -> Result<(Identity, Served), StartError> {
    let Some(folder) = &config.data else {
        return Ok((Identity::generate()?, Served::Memory(MemStore::new(config.limits))));
    };
    files::create_folder(folder).map_err(|error| StartError::Folder { path: folder.clone(), error })?;
    // The store first: its lock keeps a second relay from the key, and a newer store is left alone.
    let store = SlabStore::open(folder, config.store, config.limits)?;
    let identity = match Identity::load(folder)? {
        Some(identity) => identity,
        None if store.is_empty() => Identity::load_or_generate(folder)?,
        None => return Err(IdentityError::Missing.into()),
    };
    Ok((identity, Served::Disk(Box::new(store))))
}

/// The socket, on the port that this relay was given once.
fn listen(config: &Config) -> Result<(UdpSocket, SocketAddr), StartError> {
    let kept = match &config.data {
        None => None,
        Some(folder) => {
            Announced::load(folder).map_err(|error| StartError::Folder { path: folder.clone(), error })?
        }
    };
    let listen = Announced::listen(config, kept.as_ref());
    let socket = bind(listen).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => StartError::PortInUse { port: listen.port() },
        _ => StartError::Listen { listen, error },
    })?;
    let local = socket.local_addr().map_err(|error| StartError::Listen { listen, error })?;
    Ok((socket, local))
}

/// The address of the relay that serves on `local`, which its folder keeps from now on.
fn announce(config: &Config, identity: &Identity, local: SocketAddr) -> Result<RelayAddress, StartError> {
    let host = config.host.clone().unwrap_or_else(|| reach::announced_host(local));
    let address = RelayAddress::new(identity.pin(), &host, local.port())
        .map_err(|error| StartError::Host { host: host.clone(), error })?;
    if let Some(folder) = &config.data {
        // The IP as asked for: `[::]` may have become IPv4's where there is no IPv6 today.
        let listen = SocketAddr::new(config.listen.ip(), local.port());
        Announced { listen, host, named: config.host.is_some() }
            .keep(folder)
            .map_err(|error| StartError::Folder { path: folder.clone(), error })?;
    }
    Ok(address)
}

type Channel = (mpsc::Sender<Message>, mpsc::Receiver<Message>);

/// Starts the thread that owns the runtime, and waits until it serves.
fn spawn<S: Store + 'static>(
    parts: Parts<S>,
    channel: Channel,
    ended: watch::Sender<End>,
) -> Result<(thread::JoinHandle<()>, tokio::runtime::Handle), StartError> {
    let (ready, serves) = std_mpsc::channel();
    let thread = thread::Builder::new().name("relay".into());
    let thread = thread.spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("relay-net")
            .enable_all()
            .build();
        match runtime {
            Ok(runtime) => run(&runtime, parts, channel, (ready, ended)),
            Err(error) => drop(ready.send(Err(error))),
        }
    });
    let thread = thread.map_err(StartError::Serve)?;
    match serves.recv() {
        Ok(Ok(runtime)) => Ok((thread, runtime)),
        Ok(Err(error)) => Err(StartError::Serve(error)),
        Err(_) => Err(StartError::Serve(io::Error::other("its thread broke off"))),
    }
}

type Ready = std_mpsc::Sender<io::Result<tokio::runtime::Handle>>;

/// Serves until the core ends, then says goodbye.
fn run<S: Store + 'static>(
    runtime: &Runtime,
    parts: Parts<S>,
    (inbox, messages): Channel,
    (ready, ended): (Ready, watch::Sender<End>),
) {
    let Parts { config, door, identity, kept, mut clock, socket } = parts;
    let tally = Arc::clone(&door.tally);
    let today = clock.today();
    let endpoint = match runtime.block_on(async { endpoint(&identity, socket) }) {
        Ok(endpoint) => endpoint,
        Err(error) => return drop(ready.send(Err(error))),
    };
    let core = spawn_core(kept, &config, (today, messages, Arc::clone(&tally)));
    let core = match core {
        Ok(core) => core,
        Err(error) => return drop(ready.send(Err(error))),
    };
    runtime.block_on(async {
        tokio::spawn(accept(endpoint.clone(), door));
        tokio::spawn(tick(clock, inbox));
        tokio::spawn(log_counts(tally));
        // Whoever waits for it may have given up.
        let _ = ready.send(Ok(tokio::runtime::Handle::current()));
        let end = core.await.unwrap_or(Err(StoreFault::Broken("its thread broke off")));
        match &end {
            Ok(()) => tracing::info!("stopped"),
            Err(fault) => tracing::error!(%fault, "stopped"),
        }
        endpoint.set_server_config(None);
        let _ = timeout(FAREWELL, endpoint.wait_idle()).await;
        endpoint.close(VarInt::from_u32(0), b"");
        ended.send_replace(Some(end));
    });
}

/// The core's own thread; what it returns is how the relay ended.
fn spawn_core<S: Store + 'static>(
    kept: Kept<S>,
    config: &Config,
    (today, messages, tally): (Day, mpsc::Receiver<Message>, Arc<Tally>),
) -> io::Result<tokio::sync::oneshot::Receiver<Result<(), StoreFault>>> {
    let (end, ended) = tokio::sync::oneshot::channel();
    let limits = config.limits;
    thread::Builder::new().name("relay-core".into()).spawn(move || {
        // Nobody waits for it only if the runtime broke off.
        let _ = end.send(desk::run(kept, limits, today, (messages, tally)));
    })?;
    Ok(ended)
}

fn endpoint(identity: &Identity, socket: UdpSocket) -> io::Result<Endpoint> {
    let server = tls::server_config(identity).map_err(io::Error::other)?;
    let config = tls::endpoint_config(identity).map_err(io::Error::other)?;
    Endpoint::new(config, Some(server), socket, Arc::new(TokioRuntime))
}

/// Tells the core the day, once a second.
async fn tick(mut clock: DayClock, inbox: mpsc::Sender<Message>) {
    let mut second = interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        second.tick().await;
        if inbox.send(Message::Input(Input::Day(clock.today()))).await.is_err() {
            return;
        }
    }
}

/// Logs what was counted, rounded, once a minute, for whoever wants that much.
async fn log_counts(tally: Arc<Tally>) {
    let mut minute = interval(Duration::from_secs(60));
    minute.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first is at once, with nothing to tell.
    minute.tick().await;
    loop {
        minute.tick().await;
        if tracing::enabled!(tracing::Level::DEBUG) {
            tracing::debug!("{}", tally.line());
        }
    }
}
