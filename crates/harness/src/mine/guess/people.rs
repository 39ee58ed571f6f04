//! What a view says of people: their circles, their hours, whom they will meet; and who sent what.
//!
//! Spec: docs/nothing-to-mine.md, "How it is measured". Invariant: where a view says nothing, the guess is a coin, and
//! its expected score is given.

use linfa::DatasetBase;
use linfa::traits::{Fit, Predict};
use linfa_clustering::KMeans;
use ndarray::Array2;

use crate::mine::score::{adjusted_rand, correlation};
use crate::mine::traffic::{HOUR, Moment, SECOND, Traffic};
use crate::mine::view::{View, Way};

/// Likelihood of each pair as a symmetric table, 1 on its diagonal.
fn table(likelihoods: &[f64], people: usize) -> Array2<f64> {
    let mut table = Array2::eye(people);
    let pairs = (0..people).flat_map(|a| (a + 1..people).map(move |b| (a, b)));
    for ((a, b), likelihood) in pairs.zip(likelihoods) {
        table[(a, b)] = *likelihood;
        table[(b, a)] = *likelihood;
    }
    table
}

/// k-means over each person's row of likelihoods, against the circles; 0 when nothing is known.
#[must_use]
pub fn circles(traffic: &Traffic, likelihoods: Option<&[f64]>) -> f64 {
    let Some(likelihoods) = likelihoods else { return 0.0 };
    let rows = table(likelihoods, traffic.people.len());
    let data = DatasetBase::from(rows.clone());
    let Ok(model) = KMeans::params(traffic.scale.circles).n_runs(20).max_n_iterations(200).fit(&data) else {
        return 0.0;
    };
    let found: Vec<usize> = model.predict(&rows).to_vec();
    let truth: Vec<usize> = traffic.people.iter().map(|person| person.circle).collect();
    adjusted_rand(&truth, &found)
}

/// How well the hours at which something of a person was seen follow the hours at which they were there, over all
/// people and hours; `None` when nobody was seen.
#[must_use]
pub fn hours(traffic: &Traffic, view: &View) -> Option<f64> {
    let slots = usize::try_from(traffic.end() / HOUR).unwrap_or(0);
    let count = |spans: &[(usize, Moment, Moment)]| {
        let mut minutes = vec![0.0; slots * traffic.people.len()];
        for (who, from, until) in spans {
            for slot in from / HOUR..=until / HOUR {
                let within = (*until).min((slot + 1) * HOUR).saturating_sub((*from).max(slot * HOUR));
                if let Some(cell) = minutes.get_mut(who * slots + usize::try_from(slot).unwrap_or(0))
                    && usize::try_from(slot).is_ok_and(|slot| slot < slots)
                {
                    *cell += within as f64 / 60_000.0;
                }
            }
        }
        minutes
    };
    let truth = count(&crate::mine::models::presence(traffic));
    let seen = if view.presence.is_empty() {
        let acts = view.sightings.iter().filter_map(|s| Some((s.who?, s.at, s.at + 60_000)));
        count(&acts.collect::<Vec<_>>())
    } else {
        count(&view.presence)
    };
    correlation(&truth, &seen)
}

/// The share of messages whose sender is guessed: read where it is written, else whoever last sent something just
/// before it was delivered, else one of the others at random.
#[must_use]
pub fn senders(traffic: &Traffic, view: &View) -> f64 {
    let coin = 1.0 / (traffic.people.len() - 1) as f64;
    let ups: Vec<(Moment, usize)> = view
        .sightings
        .iter()
        .filter(|sighting| sighting.way == Way::Up)
        .filter_map(|sighting| Some((sighting.at, sighting.who?)))
        .collect();
    let score = |(message, trace): (&crate::mine::traffic::Message, &Option<crate::mine::view::Trace>)| {
        let trace = trace.as_ref()?;
        if let Some(sender) = trace.sender {
            return Some(f64::from(u8::from(sender == message.from)));
        }
        let arrived = trace.arrived?;
        let before = ups.partition_point(|(at, _)| *at <= arrived);
        let near = ups[..before].iter().rev().take_while(|(at, _)| at + SECOND > arrived);
        let guess = near.map(|(_, who)| *who).find(|who| *who != message.to)?;
        Some(f64::from(u8::from(guess == message.from)))
    };
    let scores = traffic.messages.iter().zip(&view.traces).map(|pair| score(pair).unwrap_or(coin));
    scores.sum::<f64>() / traffic.messages.len().max(1) as f64
}

/// Which pairs that never talked before will: scored by the acquaintances they share.
#[must_use]
pub fn acquaintances(likelihoods: &[f64], people: usize) -> Vec<f64> {
    let known = table(likelihoods, people);
    let mut scores = Vec::new();
    for a in 0..people {
        for b in a + 1..people {
            let others = (0..people).filter(|c| *c != a && *c != b);
            scores.push(others.map(|c| known[(a, c)] * known[(c, b)]).sum());
        }
    }
    scores
}
