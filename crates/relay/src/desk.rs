//! The core's thread: one loop that drains what came in, commits it, answers, and fans out.
//!
//! Spec: docs/spec/relay.md, "Semantics". Invariant: this thread alone touches the core and the store, so an append
//! can't race a subscription; it never waits for a socket.

use std::collections::HashMap;
use std::sync::mpsc as std_mpsc;

use subrosa_codec::Day;
use subrosa_relay_core::{Act, BATCH, ConnId, Core, Input, Knowledge, Limits, Service, StoreFault, Stream};
use subrosa_wire::{Frame, Refusal, Response};
use tokio::sync::{mpsc, oneshot};

use crate::served::Served;

/// Inputs that may wait for the core; whoever has more waits with them, and so does his peer.
pub(crate) const INBOX: usize = 4 * BATCH;

/// What the core sends to a stream.
pub(crate) struct Outlet {
    /// Frames; the core itself bounds how many bytes wait here.
    pub(crate) frames: mpsc::UnboundedSender<Frame<Response>>,
    /// Why the stream is hung up, after its last frame.
    pub(crate) hang: oneshot::Sender<Refusal>,
}

/// What comes to the core's thread.
pub(crate) enum Message {
    /// A stream is there, and hears by this.
    Joined(ConnId, Stream, Outlet),
    /// Anything else for the core.
    Input(Input),
    /// Someone asks what the store keeps, with so many rows of each table.
    Knowledge(usize, std_mpsc::Sender<Knowledge>),
    /// No more input: what is under way is answered, then everyone is hung up and the store closed.
    Drain,
}

/// The core, its store, and the ways to the streams.
struct Desk {
    service: Service<Served>,
    outlets: HashMap<ConnId, Outlet>,
}

/// Runs the relay's core until it is told to drain, or the store fails.
///
/// # Errors
/// [`StoreFault`], after everyone was hung up: the process must end.
pub(crate) fn run(
    store: Served,
    limits: Limits,
    today: Day,
    inbox: mpsc::Receiver<Message>,
) -> Result<(), StoreFault> {
    let service = Service::new(Core::new(limits, today), store);
    let mut desk = Desk { service, outlets: HashMap::new() };
    desk.serve(inbox)?;
    desk.service.into_store().close()
}

impl Desk {
    fn serve(&mut self, mut inbox: mpsc::Receiver<Message>) -> Result<(), StoreFault> {
        let mut messages = Vec::with_capacity(BATCH);
        while inbox.blocking_recv_many(&mut messages, BATCH) > 0 {
            let (mut inputs, mut asked, mut draining) = (Vec::with_capacity(messages.len()), Vec::new(), false);
            for message in messages.drain(..) {
                match message {
                    Message::Input(input) => {
                        if let Input::Left(id) = &input {
                            self.outlets.remove(id);
                        }
                        inputs.push(input);
                    }
                    Message::Joined(id, stream, outlet) => {
                        self.outlets.insert(id, outlet);
                        inputs.push(Input::Joined(id, stream));
                    }
                    Message::Knowledge(rows, answer) => asked.push((rows, answer)),
                    Message::Drain => {
                        draining = true;
                        inputs.push(Input::Drain);
                    }
                }
            }
            let outlets = &mut self.outlets;
            self.service.run(inputs, &mut |act| perform(outlets, act))?;
            for (rows, answer) in asked {
                // Whoever asked may have gone.
                let _ = answer.send(self.service.knowledge(rows));
            }
            if draining && self.service.is_idle() {
                return Ok(());
            }
        }
        Ok(())
    }
}

fn perform(outlets: &mut HashMap<ConnId, Outlet>, act: Act) {
    match act {
        Act::Send(id, frame) => {
            if let Some(outlet) = outlets.get(&id) {
                // Its task may have ended; the core hears of it next.
                let _ = outlet.frames.send(frame);
            }
        }
        Act::Hang(id, reason) => {
            if let Some(Outlet { frames, hang }) = outlets.remove(&id) {
                // First the reason, so that it is there when the last frame is out.
                let _ = hang.send(reason);
                drop(frames);
            }
        }
    }
}
