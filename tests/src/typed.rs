//! [`Typed`]: what was typed in one direction, held against what arrived.
//!
//! Spec: docs/ARCHITECTURE.md, "Crashes". Invariant: what was shown as queued arrives once and in order; what was not may
//! arrive once, or not at all.

/// One direction: what was typed, in order, and whether the sender's client showed it as queued.
#[derive(Debug, Default)]
pub struct Typed(Vec<(String, bool)>);

impl Typed {
    /// Notes a text, and whether it was shown as queued.
    pub fn push(&mut self, text: String, queued: bool) {
        self.0.push((text, queued));
    }

    /// Holds `arrived` against it.
    ///
    /// # Panics
    /// When something came twice, out of order, or was never typed.
    pub fn check(&self, arrived: &[String], what: &str) {
        let mut places = Vec::new();
        for text in arrived {
            let place = self.0.iter().position(|(typed, _)| typed == text);
            places.push(place.unwrap_or_else(|| panic!("{what}: {text:?} was never typed")));
        }
        assert!(places.is_sorted_by(|a, b| a < b), "{what}: doubled or out of order: {arrived:?}");
    }

    /// Whether everything is here that was shown as queued.
    #[must_use]
    pub fn is_complete(&self, arrived: &[String]) -> bool {
        let missing: Vec<_> =
            self.0.iter().filter(|(text, queued)| *queued && !arrived.contains(text)).collect();
        if !missing.is_empty() {
            eprintln!("not here yet: {missing:?}");
        }
        missing.is_empty()
    }

    /// How many were shown as queued.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.0.iter().filter(|(_, queued)| *queued).count()
    }
}
