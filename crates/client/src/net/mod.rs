//! The network: one task for each relay, which keeps a connection while it is needed.
//!
//! Spec: docs/spec/relay.md. Invariant: nothing is remembered here that a crash could lose; a task that is dropped has a row, and
//! comes again with the next [`Order::Start`].

mod backoff;
mod desk;
mod dial;
mod relay;
mod session;
mod tls;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use subrosa_codec::Millis;
use subrosa_wire::{RelayAddress, RelayKeyHash};
use tokio::sync::{mpsc, watch};

pub(crate) use desk::Task;
pub(crate) use dial::Dialler;

use crate::options::Clock;
use crate::runtime::activity::Activity;
use crate::runtime::board::Board;
use crate::runtime::work::Inbox;

/// To one relay's task.
#[derive(Debug)]
pub(crate) enum Order {
    /// What follows is everything that waits for this relay; what came before is part of it or done.
    Start,
    /// A task.
    Do(Task),
    /// The end of what waited at [`Order::Start`].
    Listed,
    /// Something that was heard could not be stored: end the connection, so that it is delivered again.
    Interrupt,
}

/// What every relay's task needs.
#[derive(Clone)]
pub(crate) struct Around {
    pub(crate) inbox: Inbox,
    pub(crate) board: Board,
    pub(crate) activity: Activity,
    pub(crate) clock: Clock,
    pub(crate) dialler: Arc<Dialler>,
    pub(crate) closing: watch::Receiver<bool>,
}

impl Around {
    fn now(&self) -> Millis {
        (self.clock)()
    }
}

/// All relays.
pub(crate) struct Net {
    runtime: tokio::runtime::Handle,
    around: Around,
    tasks: Mutex<HashMap<RelayAddress, mpsc::UnboundedSender<Order>>>,
}

impl Net {
    /// A network that lives in `runtime`.
    pub(crate) fn new(runtime: tokio::runtime::Handle, around: Around) -> Self {
        Self { runtime, around, tasks: Mutex::default() }
    }

    /// The local ends, which must be made inside the runtime.
    pub(crate) fn bind(dial: Vec<(RelayKeyHash, SocketAddr)>) -> Arc<Dialler> {
        Arc::new(Dialler::bind(dial))
    }

    /// Gives `order` to the task of `relay`, which begins with the first order.
    pub(crate) fn order(&self, relay: &RelayAddress, order: Order) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let task = tasks.entry(relay.clone()).or_insert_with(|| {
            let (sender, orders) = mpsc::unbounded_channel();
            self.runtime.spawn(relay::serve(self.around.clone(), relay.clone(), orders));
            sender
        });
        // A task ends only with the runtime.
        let _ = task.send(order);
    }

    /// Ends every connection, since something that was heard could not be stored. What was delivered comes again.
    pub(crate) fn interrupt(&self) {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        for task in tasks.values() {
            let _ = task.send(Order::Interrupt);
        }
    }
}

#[cfg(test)]
mod tests;
