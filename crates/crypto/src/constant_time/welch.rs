//! Welch's t over samples cropped at many percentiles: outliers of a busy machine lie above all of them.
//!
//! Spec: docs/security/constant-time.md. Invariant: both classes are cropped at the same time, taken from both together.

use alloc::vec::Vec;

/// Croppings: dudect's hundred, `1 - 0.5^(10 i / 100)`.
const CROPPINGS: i32 = 100;
/// Fewer samples than this in one class say nothing.
const LEAST: usize = 30;

/// The largest |t| of the two classes, uncropped or at any cropping.
pub(super) fn largest_t(times: &[Vec<f64>; 2]) -> f64 {
    let mut all = times.concat();
    all.sort_by(f64::total_cmp);
    let limit = |cropping: i32| {
        let part = 1.0 - 0.5_f64.powf(f64::from(10 * cropping) / 100.0);
        all[(part * (all.len() - 1) as f64) as usize]
    };
    let limits = (1..=CROPPINGS).map(limit).chain([f64::INFINITY]);
    limits.map(|limit| t(times, limit)).fold(0.0, f64::max)
}

/// |t| of what lies below `limit`.
fn t(times: &[Vec<f64>; 2], limit: f64) -> f64 {
    let [left, right] = times.each_ref().map(|class| moments(class.iter().filter(|time| **time < limit)));
    if left.0 < LEAST || right.0 < LEAST {
        return 0.0;
    }
    let spread = left.2 / left.0 as f64 + right.2 / right.0 as f64;
    if spread > 0.0 { (left.1 - right.1).abs() / spread.sqrt() } else { 0.0 }
}

/// Number, mean and variance.
fn moments<'a>(times: impl Iterator<Item = &'a f64>) -> (usize, f64, f64) {
    let (mut count, mut mean, mut squares) = (0, 0.0, 0.0);
    for time in times {
        count += 1;
        let off = time - mean;
        mean += off / count as f64;
        squares += off * (time - mean);
    }
    (count, mean, if count > 1 { squares / (count - 1) as f64 } else { 0.0 })
}

#[test]
fn t_is_that_of_the_textbook() {
    let left: Vec<f64> = (0..40).map(f64::from).collect();
    let right: Vec<f64> = (0..40).map(|at| f64::from(at) + 10.0).collect();
    // Both variances are 136.67 over 40 samples, the means differ by 10: 10 / sqrt(2 * 136.67 / 40).
    let want = 10.0 / (2.0 * (1640.0 / 12.0) / 40.0_f64).sqrt();
    assert!((t(&[left.clone(), right.clone()], f64::INFINITY) - want).abs() < 1e-9);
    assert!(largest_t(&[left.clone(), left.clone()]) < 1e-9);
    // One outlier hides the difference, and cropping shows it again.
    let with_outlier = [&right[..], &[1e9]].concat();
    assert!(t(&[left.clone(), with_outlier.clone()], f64::INFINITY) < 2.0);
    assert!(largest_t(&[left, with_outlier]) >= want * 0.9);
}
