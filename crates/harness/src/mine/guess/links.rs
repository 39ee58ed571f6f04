//! Who talks to whom: features of each pair, and a logistic regression over them.
//!
//! Spec: docs/nothing-to-mine.md, "How it is measured". Invariant: a pair's features come out of one view alone.

use std::collections::BTreeSet;

use linfa::prelude::*;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2};

use crate::mine::traffic::{HOUR, Moment, SECOND};
use crate::mine::view::{Sighting, View, Way};

/// What is known of a pair.
pub const FEATURES: usize = 5;
/// Features of each pair, the pairs in order.
pub type Features = Vec<[f64; FEATURES]>;
/// How long after one thing another may still be its consequence.
const SOON: Moment = SECOND;
/// The same for an answer by a program (a receipt).
const RECEIPT: Moment = 6 * SECOND;
/// The same for an answer by a person.
const REPLY: Moment = 2 * 60 * SECOND;

/// The features of all pairs of `people` in `view`: how often one was seen to write to the other; how often something
/// for one follows upon something of the other, within three spans, beyond what their rates explain; and how much of
/// their time they share.
#[must_use]
pub fn features(view: &View, people: usize) -> Features {
    let mut direct = vec![0.0_f64; people * people];
    for sighting in &view.sightings {
        if let (Some(who), Some(whom)) = (sighting.who, sighting.whom) {
            direct[who * people + whom] += 1.0;
        }
    }
    let (ups, downs) = streams(view, people);
    // Where the sender is not seen, what arrives for a person stands for what they said.
    let said = |who: usize| if ups[who].is_empty() { &downs[who] } else { &ups[who] };
    let mut features = Vec::with_capacity(people * people / 2);
    for a in 0..people {
        for b in a + 1..people {
            let both = |span: Moment| follows(said(a), &downs[b], span) + follows(said(b), &downs[a], span);
            let written = direct[a * people + b] + direct[b * people + a];
            features.push([written.ln_1p(), both(SOON), both(RECEIPT), both(REPLY), overlap(view, a, b)]);
        }
    }
    features
}

/// When something came from each person, and when something came for each.
fn streams(view: &View, people: usize) -> (Vec<Vec<Moment>>, Vec<Vec<Moment>>) {
    let (mut ups, mut downs) = (vec![Vec::new(); people], vec![Vec::new(); people]);
    for Sighting { at, way, who, whom, .. } in view.sightings.iter().copied() {
        match (way, who, whom) {
            (Way::Up, Some(who), _) => ups[who].push(at),
            (Way::Up, None, Some(whom)) | (Way::Down, Some(whom), _) => downs[whom].push(at),
            _ => {}
        }
    }
    (ups, downs)
}

/// How many of `causes` something in `effects` follows within `span`, beyond what chance gives, in deviations.
fn follows(causes: &[Moment], effects: &[Moment], span: Moment) -> f64 {
    if causes.is_empty() || effects.is_empty() {
        return 0.0;
    }
    let within = |at: Moment, shift: Moment| {
        let from = effects.partition_point(|effect| *effect <= at + shift);
        effects.get(from).is_some_and(|effect| *effect <= at + shift + span)
    };
    let hits = causes.iter().filter(|at| within(**at, 0)).count() as f64;
    // What chance gives: the same after waiting for a few spans, when the people are mostly still there.
    let shifts = [5 * REPLY, 7 * REPLY, 9 * REPLY];
    let chance: usize =
        shifts.iter().map(|shift| causes.iter().filter(|at| within(**at, *shift)).count()).sum();
    let expected = chance as f64 / shifts.len() as f64;
    (hits - expected) / (expected + 1.0).sqrt()
}

/// The share of hours in which both are there among those in which either is.
fn overlap(view: &View, a: usize, b: usize) -> f64 {
    let hours = |who: usize| -> BTreeSet<u64> {
        let spans = view.presence.iter().filter(|span| span.0 == who);
        spans.flat_map(|(_, from, until)| from / HOUR..=until / HOUR).collect()
    };
    let (one, other) = (hours(a), hours(b));
    let either = one.union(&other).count();
    if either == 0 { 0.0 } else { one.intersection(&other).count() as f64 / either as f64 }
}

/// How likely each pair of `asked` is linked, by a regression trained on `known` pairs of other seeds; `None` when the
/// view says the same of every pair: there is nothing to learn from.
#[must_use]
pub fn likelihoods(known: &[(&Features, &[bool])], asked: &Features) -> Option<Vec<f64>> {
    let rows: Vec<[f64; FEATURES]> =
        known.iter().flat_map(|(features, _)| features.iter().copied()).collect();
    let truths: Vec<bool> = known.iter().flat_map(|(_, truths)| truths.iter().copied()).collect();
    let varies = rows.iter().chain(asked).any(|row| Some(row) != rows.first());
    if !varies || truths.iter().all(|truth| *truth) || !truths.iter().any(|truth| *truth) {
        return None;
    }
    let (means, deviations) = scale(&rows);
    let matrix = |rows: &[[f64; FEATURES]]| {
        Array2::from_shape_fn((rows.len(), FEATURES), |(row, column)| {
            (rows[row][column] - means[column]) / deviations[column]
        })
    };
    let dataset = Dataset::new(matrix(&rows), Array1::from(truths));
    let model =
        LogisticRegression::default().max_iterations(200).gradient_tolerance(1e-3).fit(&dataset).ok()?;
    let probabilities = model.predict_probabilities(&matrix(asked));
    let positive = model.labels().pos.class;
    Some(probabilities.iter().map(|p| if positive { *p } else { 1.0 - p }).collect())
}

fn scale(rows: &[[f64; FEATURES]]) -> ([f64; FEATURES], [f64; FEATURES]) {
    let n = rows.len() as f64;
    let (mut means, mut deviations) = ([0.0; FEATURES], [1.0; FEATURES]);
    for column in 0..FEATURES {
        let mean = rows.iter().map(|row| row[column]).sum::<f64>() / n;
        let variance = rows.iter().map(|row| (row[column] - mean).powi(2)).sum::<f64>() / n;
        means[column] = mean;
        if variance > 1e-12 {
            deviations[column] = variance.sqrt();
        }
    }
    (means, deviations)
}
