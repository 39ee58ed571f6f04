//! [`Rounded`]: a count that can be shown without showing anyone.
//!
//! Spec: docs/guide/relay.md, "Looking at it". Invariant: what is shown is a multiple of [`STEP`], and moves only when the
//! count is a distance away from it that is drawn anew each time: whoever makes all other events himself, and knows all that
//! was ever shown, sees one further event by a chance of one in [`STEP`] at most.

/// What figures are multiples of.
pub(super) const STEP: u64 = 100;

/// A figure.
#[derive(Debug)]
pub(super) struct Rounded {
    shown: u64,
    /// How far the count must be away from what is shown.
    threshold: u64,
}

impl Rounded {
    /// Shows 0.
    pub(super) fn new(draw: &mut dyn FnMut() -> u64) -> Self {
        Self { shown: 0, threshold: threshold(draw) }
    }

    /// What may be seen.
    pub(super) const fn shown(&self) -> u64 {
        self.shown
    }

    /// The count is `count` now.
    pub(super) fn update(&mut self, count: u64, draw: &mut dyn FnMut() -> u64) {
        let away = count.abs_diff(self.shown);
        let Some(beyond) = away.checked_sub(self.threshold) else { return };
        // Counted from the threshold, so that no number of events in one minute has an edge that is known.
        let steps = (1 + beyond / STEP) * STEP;
        self.shown = if count > self.shown {
            self.shown.saturating_add(steps)
        } else {
            self.shown.saturating_sub(steps)
        };
        self.threshold = threshold(draw);
    }
}

/// From half a step to one and a half, each as likely.
fn threshold(draw: &mut dyn FnMut() -> u64) -> u64 {
    STEP / 2 + draw() % STEP
}

/// Randomness of the system's; where there is none, the widest threshold.
pub(super) fn random() -> u64 {
    getrandom::u64().unwrap_or(STEP - 1)
}
