//! `run`: a relay that serves until a signal or a fault, with the operator's door beside it.
//!
//! Spec: docs/guide/relay.md, "Stopping and starting". Invariant: after SIGTERM the process ends in bounded time, whatever a
//! disk or a peer does.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use subrosa_relay_core::StoreFault;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::admin::{self, Office};
use crate::cli::Options;
use crate::commands::{folder, print_address};
use crate::config::Config;
use crate::exit::Failure;
use crate::http;
use crate::relay::{Relay, StartError};
use crate::supervisor::Supervisor;

/// How long a relay may take to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// The signals that a relay hears.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn hear() -> Result<Self, StartError> {
        let hear = |kind| signal(kind).map_err(StartError::Serve);
        Ok(Self {
            terminate: hear(SignalKind::terminate())?,
            interrupt: hear(SignalKind::interrupt())?,
            hangup: hear(SignalKind::hangup())?,
        })
    }
}

/// Serves until a signal or a fault.
pub(crate) fn run(config: Config, options: Options) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(StartError::Serve)?;
    runtime.block_on(async {
        // Before the relay starts: a signal during the start is heard after it.
        let mut signals = Signals::hear()?;
        let data = folder(&config)?;
        let http = config.http.map(http::bind).transpose()?;
        let supervisor = Supervisor::from_environment();
        let relay = Relay::start(config.clone())?;
        if let Some(listener) = http {
            relay.remote().runtime.spawn(http::serve(listener, relay.remote().watch()));
        }
        let at = (data.clone(), relay.address().clone());
        let reread = Box::new(move || options.config_there());
        let office = Arc::new(Office::new(relay.remote().clone(), at, config, reread));
        open_door(&data, &office);
        supervisor.ready();
        supervisor.keep_watch(&relay.remote().runtime, relay.remote().watch());
        print_address(relay.address(), io::stdout().is_terminal())?;
        let end: Result<(), StoreFault> = loop {
            tokio::select! {
                _ = signals.terminate.recv() => break Ok(()),
                _ = signals.interrupt.recv() => break Ok(()),
                _ = signals.hangup.recv() => reload(&office),
                end = relay.ended() => break end,
            }
        };
        supervisor.stopping();
        admin::leave(&data);
        stop(relay).await?;
        Ok(end?)
    })
}

/// A relay without this door serves all the same.
fn open_door(data: &Path, office: &Arc<Office>) {
    let open = admin::listen(data).and_then(|listener| admin::serve(listener, Arc::clone(office)));
    if let Err(error) = open {
        tracing::warn!(%error, "no admin socket: status, token, reload and the online backup will not work");
    }
}

fn reload(office: &Office) {
    match office.reload() {
        Ok(done) => tracing::info!("{}", reloaded(&done).trim_end()),
        Err(error) => {
            tracing::error!(%error, "the configuration was not reloaded; what held before still holds")
        }
    }
}

/// What a reload did, in a line.
pub(crate) fn reloaded(done: &Value) -> String {
    let keys: Vec<_> =
        done["restart_for"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match &keys[..] {
        [] => "limits, access and rates are reloaded\n".to_owned(),
        keys => {
            format!("limits, access and rates are reloaded; a restart is needed for: {}\n", keys.join(", "))
        }
    }
}

/// Tells everyone to come back, answers what is under way, closes the store.
async fn stop(relay: Relay) -> Result<(), Failure> {
    let (done, stopped) = oneshot::channel();
    // A thread of its own: a runtime would wait for it at its end, however long the disk takes.
    let thread = std::thread::Builder::new().name("stop".into()).spawn(move || {
        relay.stop();
        // Nobody waits any more if it took too long.
        let _ = done.send(());
    });
    thread.map_err(StartError::Serve)?;
    match timeout(DRAIN, stopped).await {
        Ok(_) => Ok(()),
        Err(_) => Err(Failure::Stuck(DRAIN.as_secs())),
    }
}
