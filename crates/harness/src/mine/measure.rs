//! [`measure`]: every guess, on every view, over all seeds; and whether the instrument works at all.
//!
//! Spec: docs/nothing-to-mine.md, "How it is measured". Invariant: a seed is scored by models trained on the others.

use serde::Serialize;

use super::dice::Dice;
use super::guess::{content, links, people};
use super::models::{signal, slack};
use super::score::{Estimate, auc, precision_at};
use super::subrosa::{Stuck, subrosa};
use super::traffic::{Message, Scale, Traffic};
use super::view::{Observer, System, View};

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Who talks to whom: area under the curve.
    Links,
    /// The same: precision among as many pairs as there are links.
    LinksPrecision,
    /// Who sent this message: accuracy.
    Sender,
    /// Which circle somebody belongs to: adjusted Rand index.
    Circles,
    /// Length and kind of a message: bits.
    Length,
    /// Language: accuracy.
    Language,
    /// Topic: accuracy.
    Topic,
    /// When somebody is there: correlation.
    Hours,
    /// Search ranking: mean reciprocal rank.
    Search,
    /// Emoji suggestion: accuracy.
    Emoji,
    /// Whom (which channel) to recommend: area under the curve over pairs that have not talked yet.
    Recommend,
}

/// One figure: a measure on a view.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Cell {
    /// What is asked.
    pub measure: Measure,
    /// Of which system.
    pub system: System,
    /// By whom.
    pub observer: Observer,
    /// What it came to; `None` when the view holds nothing to guess from and chance has no number.
    pub estimate: Option<Estimate>,
    /// What chance, or always naming what is most common, comes to.
    pub chance: Option<Estimate>,
}

/// A check of the instrument itself.
#[derive(Clone, Debug, Serialize)]
pub struct Sanity {
    /// What must be so.
    pub claim: &'static str,
    /// What it came to.
    pub value: Option<Estimate>,
    /// Whether it is so.
    pub holds: bool,
}

/// Everything that was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Seeds that were run.
    pub seeds: Vec<u64>,
    /// People of each.
    pub people: usize,
    /// Days of each.
    pub days: u64,
    /// Messages of all together.
    pub messages: usize,
    /// The figures.
    pub cells: Vec<Cell>,
    /// The checks.
    pub sanity: Vec<Sanity>,
}

/// One seed: the traffic and the nine views of it.
struct Run {
    traffic: Traffic,
    views: Vec<View>,
}

/// Values of one measure over seeds, and what chance gives.
type Values = (Measure, Vec<(Option<f64>, Option<f64>)>);

/// Runs all `seeds` at `scale` and measures.
///
/// # Errors
/// [`Stuck`] when the traffic did not go through engine and relay.
pub fn measure(scale: Scale, seeds: &[u64]) -> Result<Report, Stuck> {
    let runs = seeds.iter().map(|seed| run(scale, *seed)).collect::<Result<Vec<_>, _>>()?;
    let mut cells = Vec::new();
    let mut sanity = Vec::new();
    for at in 0..runs.first().map_or(0, |run| run.views.len()) {
        let (system, observer) =
            runs.first().map(|run| (run.views[at].system, run.views[at].observer)).unzip();
        let (Some(system), Some(observer)) = (system, observer) else { continue };
        for (measure, values) in on_view(&runs, at) {
            let mean = |values: Vec<f64>| Estimate::of(&values);
            let estimate = mean(values.iter().filter_map(|value| value.0).collect());
            let chance = mean(values.iter().filter_map(|value| value.1).collect());
            cells.push(Cell { measure, system, observer, estimate, chance });
        }
        if (system, observer) == (System::Slack, Observer::Operator) {
            sanity = checks(&runs, at, &cells);
        }
    }
    let messages = runs.iter().map(|run| run.traffic.messages.len()).sum();
    Ok(Report { seeds: seeds.to_vec(), people: scale.people, days: scale.days, messages, cells, sanity })
}

fn run(scale: Scale, seed: u64) -> Result<Run, Stuck> {
    let traffic = Traffic::new(scale, seed);
    let mut views = Vec::from(slack(&traffic));
    views.extend(signal(&traffic));
    views.extend(subrosa(&traffic)?);
    Ok(Run { traffic, views })
}

/// All measures on the views number `at` of all runs.
fn on_view(runs: &[Run], at: usize) -> Vec<Values> {
    let linked: Vec<Linked> = runs.iter().map(|run| Linked::new(run, &run.views[at], None)).collect();
    let early: Vec<Linked> =
        runs.iter().map(|run| Linked::new(run, &run.views[at], Some(run.traffic.turn()))).collect();
    let mut all: Vec<Values> = Vec::new();
    let mut put =
        |measure, values: (Option<f64>, Option<f64>)| match all.iter_mut().find(|one| one.0 == measure) {
            Some(one) => one.1.push(values),
            None => all.push((measure, vec![values])),
        };
    for (this, run) in runs.iter().enumerate() {
        let (traffic, view) = (&run.traffic, &run.views[at]);
        let likely = likelihoods(&linked, this);
        let (area, precision, base) = linked[this].scores(likely.as_deref());
        put(Measure::Links, (area, Some(0.5)));
        put(Measure::LinksPrecision, (precision, Some(base)));
        put(
            Measure::Sender,
            (Some(people::senders(traffic, view)), Some(1.0 / (traffic.people.len() - 1) as f64)),
        );
        put(Measure::Circles, (Some(people::circles(traffic, likely.as_deref())), Some(0.0)));
        put(Measure::Length, (Some(content::length(traffic, view)), Some(0.0)));
        let others = others(runs, this, at);
        let mut labels = |measure, label: fn(&Message) -> usize| {
            let (accuracy, common) = content::labels(&others, (traffic, view), label);
            put(measure, (Some(accuracy), Some(common)));
        };
        labels(Measure::Language, |message| message.language);
        labels(Measure::Topic, |message| message.topic);
        labels(Measure::Emoji, |message| message.emoji);
        put(Measure::Hours, (people::hours(traffic, view), Some(0.0)));
        let (search, random) = content::search(traffic, view);
        put(Measure::Search, (Some(search), Some(random)));
        put(Measure::Recommend, (recommend(traffic, &early, this), Some(0.5)));
    }
    all
}

/// A few other seeds to train on.
fn others(runs: &[Run], this: usize, at: usize) -> Vec<content::Run<'_>> {
    let n = runs.len();
    (1..n.min(6)).map(|step| &runs[(this + step) % n]).map(|run| (&run.traffic, &run.views[at])).collect()
}

/// Features and truth of all pairs of one run.
struct Linked {
    features: links::Features,
    truths: Vec<bool>,
}

impl Linked {
    fn new(run: &Run, view: &View, until: Option<u64>) -> Self {
        let traffic = &run.traffic;
        let end = until.unwrap_or(traffic.end());
        let talked = traffic.talked(0, end);
        let truths = traffic.pairs().map(|pair| talked.contains(&pair)).collect();
        let people = traffic.people.len();
        let features = match until {
            Some(until) => links::features(&view.until(until), people),
            None => links::features(view, people),
        };
        Self { features, truths }
    }

    /// Area, precision, and the share of links among all pairs.
    fn scores(&self, likely: Option<&[f64]>) -> (Option<f64>, Option<f64>, f64) {
        let links = self.truths.iter().filter(|truth| **truth).count();
        let base = links as f64 / self.truths.len().max(1) as f64;
        // Nothing to learn from: all pairs are the same.
        let Some(likely) = likely else { return (Some(0.5), Some(base), base) };
        let scored: Vec<(f64, bool)> = likely.iter().copied().zip(self.truths.iter().copied()).collect();
        (auc(&scored), precision_at(&scored, links), base)
    }
}

fn likelihoods(linked: &[Linked], this: usize) -> Option<Vec<f64>> {
    let others = linked.iter().enumerate().filter(|(other, _)| *other != this);
    let known: Vec<_> = others.map(|(_, linked)| (&linked.features, linked.truths.as_slice())).collect();
    links::likelihoods(&known, &linked[this].features)
}

/// Over pairs that had not talked before the turn: do those who will share more acquaintances?
fn recommend(traffic: &Traffic, early: &[Linked], this: usize) -> Option<f64> {
    let will = traffic.talked(traffic.turn(), traffic.end());
    let Some(likely) = likelihoods(early, this) else { return Some(0.5) };
    let scores = people::acquaintances(&likely, traffic.people.len());
    let strangers = traffic.pairs().zip(&scores).zip(&early[this].truths).filter(|(_, talked)| !**talked);
    let scored: Vec<(f64, bool)> =
        strangers.map(|((pair, score), _)| (*score, will.contains(&pair))).collect();
    auc(&scored)
}

/// On the view that holds everything: guesses are good, and bad as soon as the labels are shuffled.
fn checks(runs: &[Run], at: usize, cells: &[Cell]) -> Vec<Sanity> {
    let linked: Vec<Linked> = runs.iter().map(|run| Linked::new(run, &run.views[at], None)).collect();
    let shuffled: Vec<f64> = (0..runs.len())
        .filter_map(|this| {
            let likely = likelihoods(&linked, this)?;
            let order = Dice::new(runs[this].traffic.seed, 7).order(likely.len());
            let scored: Vec<_> = order.iter().map(|place| linked[this].truths[*place]).collect();
            auc(&likely.iter().copied().zip(scored).collect::<Vec<_>>())
        })
        .collect();
    let shuffled = Estimate::of(&shuffled);
    let found = |measure| {
        let cell = cells.iter().find(|cell| {
            (cell.measure, cell.system, cell.observer) == (measure, System::Slack, Observer::Operator)
        });
        cell.and_then(|cell| cell.estimate)
    };
    let above = |claim, measure, least: f64| {
        let value = found(measure);
        Sanity { claim, value, holds: value.is_some_and(|value| value.low > least) }
    };
    // A shuffle of a finite sample strays: twice the half interval is allowed.
    let near = shuffled.is_some_and(|one| (one.mean - 0.5).abs() <= 2.0 * (one.high - one.mean));
    vec![
        Sanity {
            claim: "links of the Slack-like operator with shuffled truth: AUC 0.5",
            value: shuffled,
            holds: near,
        },
        above("links of the Slack-like operator: AUC above 0.95", Measure::Links, 0.95),
        above("senders of the Slack-like operator: accuracy above 0.99", Measure::Sender, 0.99),
        above("topics of the Slack-like operator: accuracy above 0.4", Measure::Topic, 0.4),
        above("languages of the Slack-like operator: accuracy above 0.8", Measure::Language, 0.8),
        above("search of the Slack-like operator: reciprocal rank above 0.5", Measure::Search, 0.5),
    ]
}
