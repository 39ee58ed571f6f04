//! What a view says of messages: language, topic, the emoji they will get, their length and kind, and search.
//!
//! Spec: docs/nothing-to-mine.md, "How it is measured". Invariant: a message that was not seen counts with what is
//! most common.

use std::collections::{BTreeMap, BTreeSet};

use linfa::prelude::*;
use linfa_bayes::BernoulliNb;
use ndarray::{Array1, Array2};

use crate::mine::dice::Dice;
use crate::mine::score::information;
use crate::mine::traffic::{Kind, Message, Traffic};
use crate::mine::view::{Trace, View};

/// Words are counted in so many buckets.
const WORDS: usize = 1_024;
/// Words, nibbles, and steps of size.
const WIDTH: usize = WORDS + 16 + 24;

/// What is seen of a message, as features that are there or not. Not counts: the multinomial classifier of
/// linfa-bayes 0.8.1 prints its matrices at every fit (a `dbg!` was left in it).
fn counts(trace: &Trace) -> Vec<(usize, f64)> {
    let mut counts = Vec::new();
    for word in trace.text.iter().flat_map(|text| text.split(' ')) {
        let hash = word
            .bytes()
            .fold(2_166_136_261_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619));
        counts.push((hash as usize % WORDS, 1.0));
    }
    if let Some(nibbles) = trace.nibbles {
        let total: u32 = nibbles.iter().sum();
        // Set when a nibble is more frequent than noise lets expect.
        counts.extend((0..16).filter(|at| 16 * nibbles[*at] > total).map(|at| (WORDS + at, 1.0)));
    }
    counts.push((WORDS + 16 + size(trace.bytes) % 24, 1.0));
    counts
}

/// Steps of half an octave.
fn size(bytes: u64) -> usize {
    ((bytes + 1) as f64).log2().mul_add(2.0, 0.0) as usize
}

/// One seed of a view: traffic and what was seen.
pub type Run<'a> = (&'a Traffic, &'a View);

/// The share of messages of `asked` whose label naive Bayes tells, trained on `known`; and the share that always
/// naming the most common label of `known` would tell.
#[must_use]
pub fn labels(known: &[Run<'_>], asked: Run<'_>, label: fn(&Message) -> usize) -> (f64, f64) {
    let seen = |(traffic, view): &Run<'_>| -> Vec<(Vec<(usize, f64)>, usize)> {
        let pairs = view.traces.iter().zip(&traffic.messages);
        pairs.filter_map(|(trace, message)| Some((counts(trace.as_ref()?), label(message)))).collect()
    };
    let train: Vec<_> = known.iter().flat_map(seen).collect();
    let mut common: BTreeMap<usize, usize> = BTreeMap::new();
    let all = known.iter().flat_map(|(traffic, _)| &traffic.messages);
    all.for_each(|message| *common.entry(label(message)).or_default() += 1);
    let most = common.into_iter().max_by_key(|(_, n)| *n).map_or(0, |(label, _)| label);
    let messages = &asked.0.messages;
    let baseline = messages.iter().filter(|message| label(message) == most).count();
    let test = seen(&asked);
    let matrix = |rows: &[(Vec<(usize, f64)>, usize)]| {
        let mut matrix = Array2::<f64>::zeros((rows.len(), WIDTH));
        for (row, (counts, _)) in rows.iter().enumerate() {
            counts.iter().for_each(|(column, n)| matrix[(row, *column)] = *n);
        }
        matrix
    };
    let truths =
        |rows: &[(Vec<(usize, f64)>, usize)]| -> Array1<usize> { rows.iter().map(|row| row.1).collect() };
    let unseen = messages.iter().zip(&asked.1.traces).filter(|(_, trace)| trace.is_none());
    let mut right = unseen.filter(|(message, _)| label(message) == most).count();
    if !train.is_empty() && !test.is_empty() {
        let dataset = Dataset::new(matrix(&train), truths(&train));
        right += BernoulliNb::params().fit(&dataset).map_or(0, |model| {
            let guessed: Array1<usize> = model.predict(&matrix(&test));
            guessed.iter().zip(truths(&test)).filter(|(guess, truth)| **guess == *truth).count()
        });
    }
    let n = messages.len().max(1) as f64;
    (right as f64 / n, baseline as f64 / n)
}

/// Bits that the size seen of a message tells of its kind and its length (in octaves).
#[must_use]
pub fn length(traffic: &Traffic, view: &View) -> f64 {
    let kind = |message: &Message| match message.kind {
        Kind::Line => 0_usize,
        Kind::Page => 1,
        Kind::Attachment => 2,
    };
    let pairs = traffic.messages.iter().zip(&view.traces).map(|(message, trace)| {
        let truth = (kind(message), message.text.len().ilog2());
        // Sizes that differ in the 16th octave are one: finer steps than messages can't be counted.
        let seen = trace.as_ref().map_or(0, |trace| (((trace.bytes + 1) as f64).log2() * 16.0) as u64);
        (truth, seen)
    });
    information(&pairs.collect::<Vec<_>>())
}

/// Search: of 100 messages of which one holds the two rarest words of the query, the mean reciprocal rank of that
/// one by matching words; ties in random order, as when there are no words. And the same at random.
#[must_use]
pub fn search(traffic: &Traffic, view: &View) -> (f64, f64) {
    let mut dice = Dice::new(traffic.seed, 9);
    let random: f64 = (1..=100).map(|rank| 1.0 / f64::from(rank)).sum::<f64>() / 100.0;
    let n = traffic.messages.len();
    let long = |index: &usize| traffic.messages[*index].text.split(' ').count() >= 4;
    let wanted: Vec<usize> = (0..n).filter(long).collect();
    if wanted.is_empty() || n < 100 {
        return (random, random);
    }
    let trials = 200;
    let mut sum = 0.0;
    for _ in 0..trials {
        let target = wanted[dice.below(wanted.len())];
        let words: Vec<&str> = traffic.messages[target].text.split(' ').collect();
        let query: BTreeSet<&str> = (0..3).map(|_| words[dice.below(words.len())]).collect();
        let matches = |index: usize| {
            let text = view.traces[index].as_ref().and_then(|trace| trace.text.as_ref());
            text.map_or(0, |text| {
                query.iter().filter(|word| text.split(' ').any(|other| other == **word)).count()
            })
        };
        let best = matches(target);
        let (mut above, mut tied) = (0, 0);
        for _ in 0..99 {
            let other = dice.below(n);
            match matches(other).cmp(&best) {
                std::cmp::Ordering::Greater => above += 1,
                std::cmp::Ordering::Equal if other != target => tied += 1,
                _ => {}
            }
        }
        sum += (0..=tied).map(|place| 1.0 / f64::from(above + place + 1)).sum::<f64>() / f64::from(tied + 1);
    }
    (sum / f64::from(trials), random)
}
