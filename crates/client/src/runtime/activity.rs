//! [`Activity`]: a count of everything that is under way, so that someone can wait until it is nothing.
//!
//! Invariant: whoever starts one thing because of another holds the new [`Busy`] before letting go of the old one; so
//! the count reaches zero only when nothing is left.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, watch};

/// How many things are under way.
#[derive(Clone, Debug)]
pub(crate) struct Activity(Arc<watch::Sender<usize>>);

impl Activity {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    /// One thing more, until the token is dropped.
    pub(crate) fn start(&self) -> Busy {
        self.0.send_modify(|count| *count = count.saturating_add(1));
        Busy { count: Arc::clone(&self.0), permit: None }
    }

    /// Resolves when nothing is under way.
    pub(crate) async fn idle(&self) {
        // Never fails: `self` holds the sender.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// One thing that is under way.
#[derive(Debug)]
pub(crate) struct Busy {
    count: Arc<watch::Sender<usize>>,
    /// Room that it takes up until it is done.
    permit: Option<OwnedSemaphorePermit>,
}

impl Busy {
    /// Lets go of `permit` when it is done.
    pub(crate) fn holding(mut self, permit: OwnedSemaphorePermit) -> Self {
        self.permit = Some(permit);
        self
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        drop(self.permit.take());
        self.count.send_modify(|count| *count = count.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn idle_waits_for_the_last_token() {
        let activity = Activity::new();
        let (one, two) = (activity.start(), activity.start());
        let waiting = tokio::spawn({
            let activity = activity.clone();
            async move { activity.idle().await }
        });
        drop(one);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(two);
        waiting.await.unwrap();
    }
}
