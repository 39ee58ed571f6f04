//! The measures give the values that textbooks and other libraries give.

use linfa::dataset::Pr;
use linfa::prelude::BinaryClassification;
use ndarray::Array1;

use super::*;
use crate::mine::dice::Dice;

#[test]
fn the_area_under_the_curve_is_that_of_the_library() {
    let mut dice = Dice::new(3, 0);
    let scored: Vec<(f64, bool)> = (0..200)
        .map(|_| {
            let truth = dice.chance(0.3);
            (dice.unit() * 0.7 + if truth { 0.2 } else { 0.0 }, truth)
        })
        .collect();
    let probabilities: Array1<Pr> = scored.iter().map(|(score, _)| Pr::new(*score as f32)).collect();
    let truths: Vec<bool> = scored.iter().map(|(_, truth)| *truth).collect();
    let library = f64::from(probabilities.roc(&truths).unwrap().area_under_curve());
    assert!((auc(&scored).unwrap() - library).abs() < 0.005, "{library}");
    assert_eq!(
        auc(&[(0.1, false), (0.4, false), (0.35, true), (0.8, true)]),
        Some(0.75),
        "scikit-learn's example"
    );
    assert_eq!(auc(&[(1.0, true), (1.0, false)]), Some(0.5), "a tie is a coin");
}

#[test]
fn precision_shares_the_places_of_ties() {
    let scored = [(3.0, true), (2.0, false), (1.0, true), (1.0, false)];
    assert_eq!(precision_at(&scored, 1), Some(1.0));
    assert_eq!(precision_at(&scored, 3), Some(0.5), "one, none, and half of one in three");
    assert_eq!(precision_at(&scored, 5), None);
}

#[test]
fn the_rand_index_has_the_values_of_scikit_learns_examples() {
    assert!((adjusted_rand(&[0, 0, 1, 1], &[1, 1, 0, 0]) - 1.0).abs() < 1e-9);
    assert!((adjusted_rand(&[0, 0, 1, 2], &[0, 0, 1, 1]) - 0.571_428).abs() < 1e-5);
    assert!(adjusted_rand(&[0, 0, 0, 0], &[0, 1, 2, 3]).abs() < 1e-9);
    assert!((adjusted_rand(&[0, 0, 1, 1], &[0, 1, 0, 1]) + 0.5).abs() < 1e-9);
}

#[test]
fn information_is_the_entropy_of_a_copy_and_nothing_of_a_coin() {
    let copies: Vec<(usize, usize)> = (0..4_000).map(|n| (n % 4, n % 4)).collect();
    assert!((information(&copies) - 2.0).abs() < 0.01);
    let mut dice = Dice::new(5, 0);
    let coins: Vec<(usize, usize)> = (0..4_000).map(|n| (n % 4, dice.below(4))).collect();
    assert!(information(&coins) < 0.005);
}

#[test]
fn an_interval_holds_its_mean_and_is_as_wide_as_student_says() {
    let estimate = Estimate::of(&[1.0, 2.0, 3.0]).unwrap();
    assert!((estimate.high - estimate.mean - 4.303 / 3.0_f64.sqrt()).abs() < 1e-9);
    assert!(estimate.holds(2.0) && !estimate.holds(5.0));
    assert_eq!(Estimate::of(&[]), None);
}
