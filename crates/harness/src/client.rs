//! [`Client`]: one person's engine, rows and connections, as a process that can end at any point.
//!
//! Spec: docs/ARCHITECTURE.md, "Crashes". Invariant: changes are applied before effects are handed out, and after a crash
//! nothing is left but the rows.

use rand_chacha::ChaCha8Rng;
use subrosa_codec::Millis;
use subrosa_engine::api::{CommandError, Done};
use subrosa_engine::{Corrupt, Effect, Event, Job, MemVault, Transition};
use subrosa_relay_core::ConnId;

use crate::Seed;
use crate::act::Point;
use crate::desk::Desk;
use crate::plant::Plant;

/// How a client stands with one relay.
#[derive(Debug, Default)]
pub(crate) enum Link {
    /// No connection.
    #[default]
    Away,
    /// An attempt is under way.
    Dialling,
    /// `HELLO` was said.
    Greeting(ConnId),
    /// In use.
    Up(ConnId, Desk),
}

impl Link {
    pub(crate) const fn conn(&self) -> Option<ConnId> {
        match self {
            Self::Greeting(conn) | Self::Up(conn, _) => Some(*conn),
            Self::Away | Self::Dialling => None,
        }
    }
}

/// One person's client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) vault: MemVault,
    pub(crate) rng: ChaCha8Rng,
    /// One for each relay.
    pub(crate) links: Vec<Link>,
    /// Attempts without success, for each relay.
    pub(crate) tries: Vec<u32>,
    /// The earliest timer, on this client's own clock.
    pub(crate) wake: Option<Millis>,
    /// Milliseconds that this client's clock is ahead.
    pub(crate) skew: i64,
    pub(crate) online: bool,
    /// Since when it has had no network.
    pub(crate) offline_since: Option<Millis>,
    /// Most milliseconds of one direction.
    pub(crate) latency: u64,
    pub(crate) crash: Option<Point>,
    /// An old copy of the disk.
    pub(crate) kept: Option<MemVault>,
}

/// What came of an event.
#[derive(Debug)]
pub(crate) struct Handled {
    /// To be carried out now.
    pub(crate) effects: Vec<Effect>,
    /// To be carried out although their changes are not there: only with a [`Plant`].
    pub(crate) early: Vec<(Effect, Job)>,
    pub(crate) done: Option<Result<Done, CommandError>>,
    /// Whether the process ends now.
    pub(crate) dies: bool,
    pub(crate) committed: bool,
}

/// The latency of a good network, in milliseconds.
pub(crate) const NEAR: u64 = 40;

impl Client {
    /// A new person.
    pub(crate) fn found(name: String, seed: Seed, relays: usize) -> Result<Self, Corrupt> {
        let mut rng = seed.rng();
        Ok(Self {
            vault: MemVault::found(&name, &mut rng)?,
            name,
            rng,
            links: (0..relays).map(|_| Link::Away).collect(),
            tries: vec![0; relays],
            wake: None,
            skew: 0,
            online: true,
            offline_since: None,
            latency: NEAR,
            crash: None,
            kept: None,
        })
    }

    /// What this client's clock shows at the world's `now`.
    pub(crate) const fn clock(&self, now: Millis) -> Millis {
        Millis(now.0.saturating_add_signed(self.skew))
    }

    /// When, by the world's clock, this client's clock shows `at`.
    pub(crate) const fn world(&self, at: Millis) -> Millis {
        Millis(at.0.saturating_add_signed(-self.skew))
    }

    /// One transaction, as far as the armed crash lets it come.
    pub(crate) fn handle(
        &mut self,
        event: Event,
        now: Millis,
        plant: Option<Plant>,
    ) -> Result<Handled, Corrupt> {
        let spoiled = plant.map(|plant| (plant, copy_of(&event)));
        let now = self.clock(now);
        let Transition { mut changes, effects, done } =
            subrosa_engine::handle(&self.vault, event, now, &mut self.rng)?;
        if let Some((plant, Some(event))) = spoiled {
            plant.spoil(&event, &mut changes);
        }
        let crash = self.crash.take();
        if crash == Some(Point::BeforeCommit) {
            let mut after = self.vault.snapshot();
            after.apply(&changes)?;
            let early = self.too_early(&after, effects, plant)?;
            return Ok(Handled { effects: Vec::new(), early, done: None, dies: true, committed: false });
        }
        self.vault.apply(&changes)?;
        let dies = crash.is_some();
        let effects = if crash == Some(Point::AfterCommit) { Vec::new() } else { effects };
        Ok(Handled { effects, early: Vec::new(), done, dies, committed: true })
    }

    /// What a client with this defect does before its commit.
    fn too_early(
        &self,
        after: &MemVault,
        effects: Vec<Effect>,
        plant: Option<Plant>,
    ) -> Result<Vec<(Effect, Job)>, Corrupt> {
        let mut early = Vec::new();
        for effect in effects {
            let now = matches!(
                (plant, &effect),
                (Some(Plant::AckBeforeCommit), Effect::Ack(..))
                    | (Some(Plant::SendBeforeCommit), Effect::Send(_))
            );
            if now && let Some(job) = after.job(&effect)? {
                early.push((effect, job));
            }
        }
        Ok(early)
    }

    /// The process starts again: nothing but the rows. What it has to do.
    pub(crate) fn start(&mut self, now: Millis) -> Result<(), Corrupt> {
        let disk = self.vault.snapshot();
        self.vault.restore(&disk);
        self.crash = None;
        self.wake = None;
        for effect in self.vault.resume(self.clock(now))? {
            if let Effect::Wake(at) = effect {
                self.wake = Some(at);
            }
        }
        Ok(())
    }

    /// What its rows say must still be done over the network.
    pub(crate) fn resume(&self, now: Millis, plant: Option<Plant>) -> Result<Vec<(Effect, Job)>, Corrupt> {
        let mut jobs = Vec::new();
        for effect in self.vault.resume(self.clock(now))? {
            if plant == Some(Plant::ResumeForgetsCells) && matches!(effect, Effect::Send(_)) {
                continue;
            }
            if let Some(job) = self.vault.job(&effect)? {
                jobs.push((effect, job));
            }
        }
        Ok(jobs)
    }
}

/// As much of an event as a plant looks at.
fn copy_of(event: &Event) -> Option<Event> {
    use subrosa_engine::RelayAnswer;
    Some(match event {
        Event::Command(command) => Event::Command(command.clone()),
        Event::Cell { queue, seq, cell } => Event::Cell { queue: *queue, seq: *seq, cell: cell.clone() },
        Event::Finished { effect, answer: RelayAnswer::Ok(value) } => {
            Event::Finished { effect: effect.clone(), answer: RelayAnswer::Ok(*value) }
        }
        _ => return None,
    })
}
