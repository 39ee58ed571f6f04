//! What a guess is worth: AUC, precision, adjusted Rand index, information in bits, correlation, intervals.
//!
//! Spec: docs/nothing-to-mine.md, "How it is measured". Invariant: textbook definitions, each tested against values
//! worked out elsewhere; ties count half, and nothing here knows which system it scores.

use std::collections::BTreeMap;
use std::hash::Hash;

/// Area under the ROC curve, by Mann and Whitney: how often a true one scores above a false one.
#[must_use]
pub fn auc(scored: &[(f64, bool)]) -> Option<f64> {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|one, other| one.0.total_cmp(&other.0));
    let positives = sorted.iter().filter(|(_, truth)| *truth).count() as f64;
    let negatives = sorted.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return None;
    }
    let mut rank_sum = 0.0;
    let mut at = 0;
    while at < sorted.len() {
        let ties = sorted[at..].iter().take_while(|(score, _)| *score == sorted[at].0).count();
        let rank = at as f64 + (ties as f64 + 1.0) / 2.0;
        rank_sum += rank * sorted[at..at + ties].iter().filter(|(_, truth)| *truth).count() as f64;
        at += ties;
    }
    Some((rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives))
}

/// The share of true ones among the `k` best scores; tied scores at the edge share their places.
#[must_use]
pub fn precision_at(scored: &[(f64, bool)], k: usize) -> Option<f64> {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|one, other| other.0.total_cmp(&one.0));
    let edge = sorted.get(k.checked_sub(1)?)?.0;
    let hits = |part: &[(f64, bool)]| part.iter().filter(|(_, truth)| *truth).count() as f64;
    let above = sorted.partition_point(|(score, _)| *score > edge);
    let tied = sorted[above..].partition_point(|(score, _)| *score == edge);
    let share = (k - above) as f64 / tied as f64;
    Some((hits(&sorted[..above]) + share * hits(&sorted[above..above + tied])) / k as f64)
}

/// How far two partitions agree, 0 by chance and 1 if they are the same (Hubert and Arabie 1985).
#[must_use]
pub fn adjusted_rand(one: &[usize], other: &[usize]) -> f64 {
    let pairs = |n: usize| (n * n.saturating_sub(1) / 2) as f64;
    let (mut both, mut rows, mut columns) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (a, b) in one.iter().zip(other) {
        *both.entry((a, b)).or_insert(0) += 1;
        *rows.entry(a).or_insert(0) += 1;
        *columns.entry(b).or_insert(0) += 1;
    }
    let index: f64 = both.values().map(|n| pairs(*n)).sum();
    let (row, column): (f64, f64) =
        (rows.values().map(|n| pairs(*n)).sum(), columns.values().map(|n| pairs(*n)).sum());
    let all = pairs(one.len());
    let expected = if all > 0.0 { row * column / all } else { 0.0 };
    let most = f64::midpoint(row, column);
    if (most - expected).abs() < f64::EPSILON { 1.0 } else { (index - expected) / (most - expected) }
}

/// Mutual information in bits: the plug-in estimate less its bias by Miller and Madow, not below 0.
#[must_use]
pub fn information<A: Copy + Ord + Hash, B: Copy + Ord + Hash>(pairs: &[(A, B)]) -> f64 {
    let (mut both, mut first, mut second) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (a, b) in pairs {
        *both.entry((*a, *b)).or_insert(0_u64) += 1;
        *first.entry(*a).or_insert(0_u64) += 1;
        *second.entry(*b).or_insert(0_u64) += 1;
    }
    if pairs.is_empty() {
        return 0.0;
    }
    let n = pairs.len() as f64;
    let plug_in: f64 = both
        .iter()
        .map(|((a, b), count)| {
            let joint = *count as f64;
            joint / n * (joint * n / (first[a] as f64 * second[b] as f64)).log2()
        })
        .sum();
    let bias = (both.len() as f64 - first.len() as f64 - second.len() as f64 + 1.0)
        / (2.0 * n * std::f64::consts::LN_2);
    (plug_in - bias).max(0.0)
}

/// Pearson's correlation; `None` when one side never varies.
#[must_use]
pub fn correlation(one: &[f64], other: &[f64]) -> Option<f64> {
    let n = one.len().min(other.len()) as f64;
    let (mean_one, mean_other) = (one.iter().sum::<f64>() / n, other.iter().sum::<f64>() / n);
    let (mut cross, mut square_one, mut square_other) = (0.0, 0.0, 0.0);
    for (a, b) in one.iter().zip(other) {
        cross += (a - mean_one) * (b - mean_other);
        square_one += (a - mean_one).powi(2);
        square_other += (b - mean_other).powi(2);
    }
    let product = (square_one * square_other).sqrt();
    (product > 0.0).then(|| cross / product)
}

/// A mean over seeds and its 95 % interval by Student's t.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Seeds that gave a value.
    pub seeds: usize,
}

/// Two-sided 95 % quantiles of Student's t for 1 to 30 degrees of freedom.
const STUDENT: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];

impl Estimate {
    /// Of one value per seed; `None` without any.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        if n == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let half = if n > 1 {
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1) as f64;
            // Above 30 degrees the quantile of 30 is a little too wide, never too narrow.
            STUDENT[(n - 2).min(29)] * (variance / n as f64).sqrt()
        } else {
            f64::INFINITY
        };
        Some(Self { mean, low: mean - half, high: mean + half, seeds: n })
    }

    /// Whether `value` lies inside.
    #[must_use]
    pub fn holds(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

#[cfg(test)]
mod tests;
