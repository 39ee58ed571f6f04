//! [`Names`]: the directories of a volume, and which of their changes are only in the cache.
//!
//! Spec: docs/adr/0002-slabs-and-sled.md, "Proofs". Invariant: a change of a name is atomic, and survives only after a
//! sync of its directory or by luck; changes of one name survive in their order.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use crate::volume::NodeId;

/// A name in a directory.
pub(crate) type Place = (NodeId, OsString);
/// What a name stands for; `None` once it is gone.
type Entries = BTreeMap<Place, NodeId>;

/// A change of one name, or of two at once.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// When it happened, counted in acts of the volume.
    pub(crate) at: u64,
    /// What each name is from then on.
    sets: Vec<(Place, Option<NodeId>)>,
}

/// All names of a volume.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    live: Entries,
    durable: Entries,
    pending: Vec<Change>,
}

impl Names {
    /// What `name` in `dir` stands for.
    pub(crate) fn find(&self, dir: NodeId, name: &std::ffi::OsStr) -> Option<NodeId> {
        self.live.get(&(dir, name.to_owned())).copied()
    }

    /// The names in `dir`, in order.
    pub(crate) fn of(&self, dir: NodeId) -> impl Iterator<Item = (&OsString, NodeId)> {
        let from = (dir, OsString::new());
        self.live
            .range(from..)
            .take_while(move |(place, _)| place.0 == dir)
            .map(|(place, node)| (&place.1, *node))
    }

    /// What `node` is called.
    pub(crate) fn name_of(&self, node: NodeId) -> Option<String> {
        let mut named = self.live.iter().filter(|(_, named)| **named == node);
        named.next().map(|(place, _)| place.1.to_string_lossy().into_owned())
    }

    /// Changes some names at once.
    pub(crate) fn set(&mut self, at: u64, sets: Vec<(Place, Option<NodeId>)>) {
        apply(&mut self.live, &sets);
        self.pending.push(Change { at, sets });
    }

    /// Makes the names in `dir` durable, and those that changed together with them.
    pub(crate) fn sync(&mut self, dir: NodeId) {
        let mut needed = BTreeSet::new();
        let mut keep = vec![false; self.pending.len()];
        // From the last to the first: what a needed change builds on is needed too.
        for (change, keep) in self.pending.iter().zip(&mut keep).rev() {
            let touches = |(place, _): &(Place, Option<NodeId>)| place.0 == dir || needed.contains(place);
            if change.sets.iter().any(touches) {
                *keep = true;
                needed.extend(change.sets.iter().map(|(place, _)| place.clone()));
            }
        }
        let mut keep = keep.into_iter();
        let durable = &mut self.durable;
        self.pending.retain(|change| {
            let synced = keep.next().unwrap_or(false);
            if synced {
                apply(durable, &change.sets);
            }
            !synced
        });
    }

    /// What is left after a cut: everything synced, and of the rest what `survives` lets through, as long as no earlier
    /// change of the same name was lost.
    pub(crate) fn survivors(&self, mut survives: impl FnMut(&Change) -> bool) -> Self {
        let mut durable = self.durable.clone();
        let mut lost = BTreeSet::new();
        for change in &self.pending {
            let builds_on_lost = change.sets.iter().any(|(place, _)| lost.contains(place));
            if survives(change) && !builds_on_lost {
                apply(&mut durable, &change.sets);
            } else {
                lost.extend(change.sets.iter().map(|(place, _)| place.clone()));
            }
        }
        Self { live: durable.clone(), durable, pending: Vec::new() }
    }

    /// Every node that a name stands for, in the cache or on the disk.
    pub(crate) fn named(&self) -> BTreeSet<NodeId> {
        let changed = self.pending.iter().flat_map(|change| change.sets.iter().filter_map(|(_, node)| *node));
        self.live.values().chain(self.durable.values()).copied().chain(changed).collect()
    }
}

fn apply(entries: &mut Entries, sets: &[(Place, Option<NodeId>)]) {
    for (place, node) in sets {
        match node {
            Some(node) => entries.insert(place.clone(), *node),
            None => entries.remove(place),
        };
    }
}
