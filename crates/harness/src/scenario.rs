//! [`Scenario`]: a story in a TOML file, as acts; and a failing run in a JSON file, as steps.
//!
//! Spec: docs/ARCHITECTURE.md, "The harness". Invariant: a file with a word that is not known is refused, never half read.

use serde::{Deserialize, Serialize};

use crate::Seed;
use crate::act::{Act, Step, steps};
use crate::plant::Plant;
use crate::run::{Report, run};
use crate::world::Setting;

/// A story: who is there, and what happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, in a sentence.
    pub about: String,
    /// How many people.
    pub people: usize,
    /// How many relays.
    #[serde(default = "one")]
    pub relays: usize,
    /// The seed.
    #[serde(default)]
    pub seed: u32,
    /// What happens, in order. The last act is [`Act::Quiesce`] in most of them.
    pub act: Vec<Act>,
}

const fn one() -> usize {
    1
}

/// Why a file is no scenario.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// It does not parse.
    #[error("this is no scenario: {0}")]
    Toml(#[from] toml::de::Error),
    /// Somebody is not there.
    #[error("act {0} of the scenario names a person or relay that is not there")]
    Nobody(usize),
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// [`ScenarioError`].
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text)?;
        let stranger = scenario.act.iter().position(|act| !act.fits(scenario.people, scenario.relays));
        stranger.map_or(Ok(scenario), |at| Err(ScenarioError::Nobody(at + 1)))
    }

    /// The setting it happens in.
    #[must_use]
    pub const fn setting(&self) -> Setting {
        Setting {
            seed: Seed(self.seed as u64),
            people: self.people,
            relays: self.relays,
            plant: None,
            keep_trace: false,
        }
    }

    /// Its acts, with their seeds.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        steps(Seed(self.seed.into()), self.act.iter().cloned())
    }

    /// Plays it.
    #[must_use]
    pub fn play(&self) -> Report {
        run(self.setting(), &self.steps())
    }
}

/// A run that failed, to be replayed by `subrosa-harness replay`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// The seed of the setting.
    pub seed: u64,
    /// How many people.
    pub people: usize,
    /// How many relays.
    pub relays: usize,
    /// The defect, if one was planted.
    pub plant: Option<Plant>,
    /// The steps.
    pub steps: Vec<Step>,
}

impl Recording {
    /// A recording of these steps in this setting.
    #[must_use]
    pub const fn new(setting: Setting, steps: Vec<Step>) -> Self {
        let Setting { seed, people, relays, plant, .. } = setting;
        Self { seed: seed.0, people, relays, plant, steps }
    }

    /// The setting it was made in.
    #[must_use]
    pub const fn setting(&self, keep_trace: bool) -> Setting {
        let Self { seed, people, relays, plant, .. } = *self;
        Setting { seed: Seed(seed), people, relays, plant, keep_trace }
    }
}
