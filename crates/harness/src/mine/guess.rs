//! The guesses: what well-known methods make of a view.
//!
//! Spec: docs/nothing-to-mine.md, "How it is measured". Invariant: models are trained on other seeds than the one that
//! they are scored on; truth enters only in training and scoring.

pub mod content;
pub mod links;
pub mod people;
