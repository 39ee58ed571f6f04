//! [`Service`]: a [`Core`] and its [`Store`], run on one thread.
//!
//! Spec: docs/spec/relay.md. Invariant: one call is one commit: drain, commit, answer, fan out.

use alloc::vec::Vec;

use subrosa_wire::{Frame, Refusal, Response};

use crate::{
    Amounts, ConnId, Core, Input, Knowledge, Limits, Op, Output, Store, StoreFault, StoreRead, Ticket,
};

/// Most inputs to give [`Service::run`] at once: a bigger commit is no cheaper, and everyone waits for it.
pub const BATCH: usize = 256;

/// What to do with a stream.
#[derive(Debug)]
pub enum Act {
    /// Put this into its output channel.
    Send(ConnId, Frame<Response>),
    /// Close its connection with this code.
    Hang(ConnId, Refusal),
}

/// A whole relay but for its sockets and its clock.
#[derive(Debug)]
pub struct Service<S> {
    core: Core,
    store: S,
    out: Vec<Output>,
    ops: Vec<Op>,
    reads: Vec<Read>,
}

#[derive(Debug)]
enum Read {
    Cells { ticket: Ticket, queue: subrosa_wire::QueueId, after: subrosa_wire::Seq, max: u32 },
    Chunk { ticket: Ticket, blob: subrosa_wire::BlobId, index: u32 },
}

impl<S: Store> Service<S> {
    /// `core` over `store`.
    #[must_use]
    pub const fn new(core: Core, store: S) -> Self {
        Self { core, store, out: Vec::new(), ops: Vec::new(), reads: Vec::new() }
    }

    /// Takes `inputs` in order, commits what they ask for as one unit, and hands `act` every frame and hang-up
    /// that follows, in order.
    ///
    /// # Errors
    /// [`StoreFault`]: everyone was hung up; the process must end (and not try again).
    pub fn run(
        &mut self,
        inputs: impl IntoIterator<Item = Input>,
        act: &mut impl FnMut(Act),
    ) -> Result<(), StoreFault> {
        for input in inputs {
            self.handle(input, act);
        }
        let result = self.settle(act);
        if let Err(fault) = result {
            self.handle(Input::Fault(fault), act);
        }
        result
    }

    /// Whether nothing is under way: after [`Input::Drain`], that all is done.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.core.is_idle()
    }

    /// Everything the store keeps, with at most `rows` rows of each table.
    #[must_use]
    pub fn knowledge(&self, rows: usize) -> Knowledge {
        self.store.knowledge(rows)
    }

    /// Other limits from now on, for the core and for the store.
    pub fn set_limits(&mut self, limits: Limits) {
        self.core.set_limits(limits);
        self.store.set_limits(limits);
    }

    /// How many streams there are, and how many subscriptions.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        (self.core.streams(), self.core.subscriptions())
    }

    /// How many streams there are, and how much the store keeps; both are counted anyway.
    #[must_use]
    pub fn amounts(&self) -> (usize, Amounts) {
        (self.core.streams(), self.store.amounts())
    }

    /// The store, between two commits.
    pub const fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    /// The store back.
    #[must_use]
    pub fn into_store(self) -> S {
        self.store
    }

    /// Commits and reads until nothing is asked for.
    fn settle(&mut self, act: &mut impl FnMut(Act)) -> Result<(), StoreFault> {
        loop {
            if !self.ops.is_empty() {
                let ops = ::core::mem::take(&mut self.ops);
                let outcomes = self.store.commit(&ops)?;
                self.handle(Input::Committed(ops, outcomes), act);
            }
            for queue in self.store.woken() {
                self.handle(Input::Woken(queue), act);
            }
            if self.ops.is_empty() && self.reads.is_empty() {
                return Ok(());
            }
            let reader = self.store.reader();
            for read in ::core::mem::take(&mut self.reads) {
                let input = match read {
                    Read::Cells { ticket, queue, after, max } => {
                        Input::Cells(ticket, reader.cells(queue, after, max)?)
                    }
                    Read::Chunk { ticket, blob, index } => Input::Chunk(ticket, reader.chunk(blob, index)?),
                };
                self.handle(input, act);
            }
        }
    }

    fn handle(&mut self, input: Input, act: &mut impl FnMut(Act)) {
        self.core.handle(input, &mut self.out);
        for output in self.out.drain(..) {
            match output {
                Output::Send(conn, frame) => act(Act::Send(conn, frame)),
                Output::Hang(conn, reason) => act(Act::Hang(conn, reason)),
                Output::Commit(op) => self.ops.push(op),
                Output::FetchCells { ticket, queue, after, max } => {
                    self.reads.push(Read::Cells { ticket, queue, after, max });
                }
                Output::FetchChunk { ticket, blob, index } => {
                    self.reads.push(Read::Chunk { ticket, blob, index });
                }
            }
        }
    }
}
