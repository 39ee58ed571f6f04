//! The keeper: the one thread that changes the vault.
//!
//! Spec: docs/ARCHITECTURE.md, "One message". Invariant: a batch is committed before any of its effects, answers or notices
//! leaves; what could not be committed is neither acknowledged nor answered as done.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use subrosa_codec::Millis;
use subrosa_engine::api::{CommandError, Done};
use subrosa_engine::{Corrupt, Effect, Event};
use subrosa_wire::RelayAddress;
use tokio::sync::{oneshot, watch};

use super::activity::{Activity, Busy};
use super::board::Board;
use super::reader::Ask;
use super::work::Work;
use super::{Leap, os_rng};
use crate::error::ClientError;
use crate::net::{Net, Order, Task};
use crate::options::{Clock, Unlock};
use crate::vault::{Batch, Fault, Outcome, Vault};

/// Events that share one commit.
const BATCH: usize = 64;
/// The longest sleep: a clock that is set is noticed by then.
const NAP: Duration = Duration::from_secs(30);
/// When to try again what the disk refused.
const RETRY: Millis = Millis(10_000);

/// The least time between two rings.
const BREATH: Millis = Millis(50);

/// Where the answer to a command goes.
type Reply = oneshot::Sender<Result<Done, ClientError>>;

/// Owns the vault.
pub(crate) struct Keeper {
    pub(crate) vault: Vault,
    pub(crate) net: Arc<Net>,
    pub(crate) board: Board,
    pub(crate) activity: Activity,
    pub(crate) reader: mpsc::Sender<Ask>,
    pub(crate) clock: Clock,
    /// The earliest moment that the engine asked to be woken at.
    pub(crate) wake: Option<Millis>,
    /// Whether the clock can be believed.
    pub(crate) leap: Leap,
    /// Says that the vault is closed and its lock free.
    pub(crate) closed: watch::Sender<bool>,
}

/// Events of one commit, and who waits for each.
#[derive(Default)]
struct Load {
    events: Vec<Event>,
    replies: Vec<Option<Reply>>,
    busy: Vec<Busy>,
}

impl Keeper {
    /// Works until it is told to close, or until nobody is left to tell it anything.
    pub(crate) fn keep(mut self, inbox: &mpsc::Receiver<Work>) {
        self.begin();
        loop {
            let mut load = Load::default();
            match inbox.recv_timeout(self.patience()) {
                Ok(work) => {
                    let mut next = Some(work);
                    while let Some(work) = next {
                        if let Work::Close = work {
                            self.commit(load);
                            return self.close();
                        }
                        self.take(work, &mut load);
                        next = if load.events.len() < BATCH { inbox.try_recv().ok() } else { None };
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.close(),
            }
            self.commit(load);
            self.ring();
            self.settle();
        }
    }

    /// Lists what the last run left to do, so that its relays are dialled.
    fn begin(&mut self) {
        let listed = self.vault.resume((self.clock)());
        match listed {
            Ok(effects) => effects.into_iter().for_each(|effect| self.start(effect)),
            Err(fault) => self.board.trouble(ClientError::from(fault).to_string()),
        }
    }

    fn patience(&self) -> Duration {
        let now = (self.clock)();
        let held = self.leap.holds((Instant::now(), now));
        let wake = self.wake.filter(|_| !held).map(|at| Duration::from_millis(at.since(now).0));
        let settle = self.vault.settles_at().map(|at| at.saturating_duration_since(Instant::now()));
        [wake, settle].into_iter().flatten().min().unwrap_or(NAP).min(NAP)
    }

    /// Puts an event into `load`, or does another kind of work after committing what was loaded before it.
    fn take(&mut self, work: Work, load: &mut Load) {
        match work {
            Work::Command(command, reply, busy) => load.add(Event::Command(command), Some(reply), busy),
            Work::Event(event, busy) => {
                // Only told by a relay whose day is ours.
                if matches!(event, Event::Online) {
                    self.leap.agree((Instant::now(), (self.clock)()));
                }
                load.add(event, None, busy);
            }
            Work::Resume(relay, _busy) => {
                self.commit(std::mem::take(load));
                self.resume(&relay);
            }
            Work::Passphrase(unlock, reply) => {
                self.commit(std::mem::take(load));
                let _ = reply.send(self.rewrap(&unlock));
            }
            Work::KeepWords(words, reply) => {
                let _ = reply.send(self.vault.keep_words(&words).map_err(ClientError::from));
            }
            Work::Backup(reply) => {
                self.commit(std::mem::take(load));
                let made = self.vault.reader().and_then(|reader| Ok((reader, self.vault.words()?)));
                let _ = reply.send(made.map_err(ClientError::from));
            }
            // The loop's own matter.
            Work::Close => {}
        }
    }

    /// Commits `load`, then lets its effects and answers out.
    fn commit(&mut self, load: Load) {
        if load.events.is_empty() {
            return;
        }
        let Load { events, replies, busy } = load;
        match self.vault.run(events, (self.clock)(), &mut os_rng()) {
            Ok(Batch { outcomes, messages }) => {
                if !messages.is_empty() {
                    let _ = self.reader.send(Ask::Learn(messages));
                }
                for (outcome, reply) in outcomes.into_iter().zip(replies) {
                    self.release(outcome, reply);
                }
            }
            Err(fault) => self.refuse(fault, replies),
        }
        // Held until now: whatever follows from the batch is under way.
        drop(busy);
    }

    /// Lets one committed event's effects and answer out.
    fn release(&mut self, outcome: Outcome, reply: Option<Reply>) {
        let answer: Result<Option<Result<Done, CommandError>>, Corrupt> = match outcome {
            Ok((effects, done)) => {
                effects.into_iter().for_each(|effect| self.start(effect));
                Ok(done)
            }
            Err(corrupt) => Err(corrupt),
        };
        match (answer, reply) {
            (Ok(done), Some(reply)) => {
                let done = done.unwrap_or(Ok(Done::Done));
                let _ = reply.send(done.map_err(ClientError::from));
            }
            (Err(corrupt), Some(reply)) => {
                let _ = reply.send(Err(Fault::Corrupt(corrupt).into()));
            }
            (Err(corrupt), None) => self.board.trouble(corrupt.to_string()),
            (Ok(_), None) => {}
        }
    }

    /// Nothing of the batch is on disk: commands fail, and what a relay delivered is not acknowledged. It is
    /// delivered again, as every connection ends and begins anew.
    fn refuse(&mut self, fault: Fault, replies: Vec<Option<Reply>>) {
        let why = ClientError::from(fault);
        if replies.iter().any(Option::is_none) {
            self.board.trouble(why.to_string());
            self.net.interrupt();
            self.wake_at((self.clock)().plus(RETRY));
        }
        for reply in replies.into_iter().flatten() {
            let _ = reply.send(Err(why.clone()));
        }
    }

    /// Does one effect of something that is committed.
    fn start(&mut self, effect: Effect) {
        match effect {
            Effect::Wake(at) => self.wake_at(at),
            Effect::Tell(notice) => self.board.tell(notice),
            effect => match self.vault.job(&effect) {
                Ok(Some(job)) => {
                    let relay = job.relay().clone();
                    let task = Task { effect, job, busy: self.activity.start() };
                    self.net.order(&relay, Order::Do(task));
                }
                Ok(None) => {}
                Err(fault) => self.board.trouble(ClientError::from(fault).to_string()),
            },
        }
    }

    /// Lists for `relay` everything that waits for it.
    fn resume(&mut self, relay: &RelayAddress) {
        self.net.order(relay, Order::Start);
        match self.vault.resume((self.clock)()) {
            Ok(effects) => effects.into_iter().for_each(|effect| self.start_at(relay, effect)),
            Err(fault) => self.board.trouble(ClientError::from(fault).to_string()),
        }
        self.net.order(relay, Order::Listed);
    }

    /// [`start`](Self::start), for one relay only: the others have their own listing.
    fn start_at(&mut self, relay: &RelayAddress, effect: Effect) {
        match effect {
            Effect::Wake(at) => self.wake_at(at),
            // Told when it happened.
            Effect::Tell(_) => {}
            effect => {
                if let Ok(Some(job)) = self.vault.job(&effect)
                    && job.relay() == relay
                {
                    let task = Task { effect, job, busy: self.activity.start() };
                    self.net.order(relay, Order::Do(task));
                }
            }
        }
    }

    fn wake_at(&mut self, at: Millis) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    /// Tells the engine when its moment has come.
    fn ring(&mut self) {
        let now = (self.clock)();
        if self.wake.is_none_or(|at| at > now) {
            return;
        }
        if self.leap.holds((Instant::now(), now)) {
            if self.leap.tells() {
                self.board.trouble(
                    "this machine's clock went ahead by more than a day: nothing expires until a relay confirms the date; \
                     set the clock if it is wrong",
                );
            }
            return;
        }
        self.wake = None;
        let mut load = Load::default();
        load.add(Event::Due, None, self.activity.start());
        self.commit(load);
        // Never a spin, whatever is due at once again.
        self.wake = self.wake.map(|at| at.max(now.plus(BREATH)));
    }

    fn settle(&mut self) {
        if self.vault.settles_at().is_some_and(|at| at <= Instant::now())
            && let Err(fault) = self.vault.settle()
        {
            self.vault.postpone();
            self.board.trouble(ClientError::from(fault).to_string());
        }
    }

    fn rewrap(&mut self, unlock: &Unlock) -> Result<(), ClientError> {
        self.vault.rewrap(unlock, &mut os_rng())
    }

    fn close(self) {
        let _ = self.reader.send(Ask::End);
        // What can't be written back now is in the log, and is found at the next start.
        if let Err(fault) = self.vault.close() {
            self.board.trouble(ClientError::from(fault).to_string());
        }
        self.closed.send_replace(true);
    }
}

impl Load {
    fn add(&mut self, event: Event, reply: Option<Reply>, busy: Busy) {
        self.events.push(event);
        self.replies.push(reply);
        self.busy.push(busy);
    }
}
