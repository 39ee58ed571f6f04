//! What is left of a [`Volume`] after the power was cut.
//!
//! Spec: docs/adr/0002-slabs-and-sled.md, "Proofs". Invariant: it depends on the volume, the seed and nothing else.

use crate::content::Content;
use crate::names::Names;
use crate::volume::{Edit, Node, Volume};

/// Power fails per sector: a write that crosses sectors can land in part.
const SECTOR: u64 = 512;

/// How a disk loses what was not synced. Each is what some disk does; a test should see them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// The cache never reached the disk.
    Lost,
    /// Everything had reached it.
    Kept,
    /// Everything up to some moment had, and nothing after it.
    Prefix,
    /// Some acts had and some had not, in whatever order.
    Scattered,
    /// As before, and of each write only some sectors.
    Torn,
}

impl Weather {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Lost, Self::Kept, Self::Prefix, Self::Scattered, Self::Torn];

    /// One of them, by `seed`.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut draw = Draw(seed ^ 0x5eed);
        Self::ALL[draw.below(5) as usize]
    }
}

/// SplitMix64: enough to choose sectors, and reproducible.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    fn coin(&mut self) -> bool {
        self.next() & 1 == 0
    }
}

/// Decides, act by act, what reached the disk.
struct Fate {
    weather: Weather,
    draw: Draw,
    /// With [`Weather::Prefix`], the last act that did.
    last: u64,
    /// How likely an act is to be lost with the other two, in quarters.
    loss: u64,
}

impl Fate {
    fn survives(&mut self, at: u64) -> bool {
        match self.weather {
            Weather::Lost => false,
            Weather::Kept => true,
            Weather::Prefix => at <= self.last,
            Weather::Scattered | Weather::Torn => self.draw.below(4) >= self.loss,
        }
    }
}

impl Volume {
    /// The disk after the power was cut now: what was synced, and of the rest what `weather` and `seed` leave.
    #[must_use]
    pub fn survivors(&self, weather: Weather, seed: u64) -> Self {
        let mut draw = Draw(seed);
        let first = self.first_pending().unwrap_or(self.acts);
        let last = first + draw.below(self.acts - first + 1);
        let loss = 1 + draw.below(3);
        let mut fate = Fate { weather, draw, last, loss };
        let names = self.names.survivors(|change| fate.survives(change.at));
        let mut nodes = self.nodes.clone();
        for node in nodes.values_mut() {
            node.durable = after_cut(node, &mut fate);
            node.live = node.durable.clone();
            node.pending.clear();
        }
        let mut volume = Self { nodes, names, acts: self.acts };
        volume.drop_unnamed();
        volume
    }

    /// The first act that is not durable.
    fn first_pending(&self) -> Option<u64> {
        self.nodes.values().flat_map(|node| node.pending.iter().map(|(at, _)| *at)).min()
    }

    fn drop_unnamed(&mut self) {
        let named = Names::named(&self.names);
        self.nodes.retain(|id, _| *id == crate::NodeId::ROOT || named.contains(id));
    }
}

fn after_cut(node: &Node, fate: &mut Fate) -> Content {
    let mut content = node.durable.clone();
    for (at, edit) in &node.pending {
        let survives = fate.survives(*at);
        match edit {
            Edit::Write { at, bytes } if survives && fate.weather == Weather::Torn => {
                write_some_sectors(&mut content, *at, bytes, fate);
            }
            _ if survives => edit.apply(&mut content),
            // The length is of the directory's kind: it may have reached the disk where the bytes have not.
            Edit::Write { at, bytes } if fate.weather == Weather::Scattered && fate.draw.coin() => {
                let end = at + bytes.len() as u64;
                if end > content.len() {
                    content.set_len(end);
                }
            }
            _ => {}
        }
    }
    content
}

fn write_some_sectors(content: &mut Content, at: u64, bytes: &[u8], fate: &mut Fate) {
    let mut place = at;
    let mut rest = bytes;
    while !rest.is_empty() {
        let (sector, later) = rest.split_at(rest.len().min((SECTOR - place % SECTOR) as usize));
        if fate.draw.below(4) >= fate.loss {
            content.write(place, sector);
        }
        place += sector.len() as u64;
        rest = later;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Act, NodeId};

    const FILE: NodeId = NodeId(2);
    const FOLDER: NodeId = NodeId(3);

    fn make(dir: NodeId, name: &str, node: NodeId, folder: bool) -> Act {
        Act::Make { dir, name: name.into(), node, folder, mode: 0o600 }
    }

    fn write(at: u64, byte: u8, len: usize) -> Act {
        Act::Write { node: FILE, at, bytes: vec![byte; len] }
    }

    fn volume(acts: &[Act]) -> Volume {
        let mut volume = Volume::new();
        acts.iter().for_each(|act| volume.act(act));
        volume
    }

    fn sync(node: NodeId) -> Act {
        Act::Sync { node }
    }

    #[test]
    fn what_was_synced_is_there_in_every_weather_and_what_was_not_need_not_be() {
        let root = NodeId::ROOT;
        let acts = [
            make(root, "a", FILE, false),
            write(0, 1, 8_192),
            sync(FILE),
            sync(root),
            write(1_024, 2, 4_096),
            Act::Rename { dir: root, name: "a".into(), to_dir: root, to_name: "b".into() },
        ];
        let volume = volume(&acts);
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..200 {
            for weather in Weather::ALL {
                let after = volume.survivors(weather, seed);
                let names = ["a", "b"].map(|name| after.find(root, name.as_ref()));
                assert!(names == [Some(FILE), None] || names == [None, Some(FILE)], "a rename is atomic");
                let bytes = after.nodes[&FILE].live.read(0, 10_000);
                assert_eq!(bytes.len(), 8_192);
                for (number, sector) in bytes.chunks(512).enumerate() {
                    assert!(sector.iter().all(|byte| byte == &sector[0]), "a sector is whole");
                    assert!(sector[0] == 1 || (2..10).contains(&number), "what was synced is there");
                }
                seen.insert(bytes.chunks(512).map(|sector| sector[0]).collect::<Vec<_>>());
            }
        }
        assert!(seen.len() > 20, "torn in many ways: {}", seen.len());
    }

    #[test]
    fn a_name_that_was_not_synced_can_be_lost_with_all_that_lies_below_it() {
        let root = NodeId::ROOT;
        let acts =
            [make(root, "d", FOLDER, true), make(FOLDER, "f", FILE, false), write(0, 1, 10), sync(FILE)];
        let lost = volume(&acts).survivors(Weather::Lost, 0);
        assert_eq!(lost.find(root, "d".as_ref()), None);
        let mut synced = volume(&acts);
        synced.act(&sync(root));
        let lost = synced.survivors(Weather::Lost, 0);
        assert_eq!(lost.find(root, "d".as_ref()), Some(FOLDER));
        assert_eq!(lost.find(FOLDER, "f".as_ref()), None, "its own directory was not synced");
        synced.act(&sync(FOLDER));
        assert_eq!(synced.survivors(Weather::Lost, 0).find(FOLDER, "f".as_ref()), Some(FILE));
    }

    #[test]
    fn one_name_changes_in_order_only() {
        let root = NodeId::ROOT;
        let other = NodeId(9);
        let acts = [
            make(root, "a", FILE, false),
            sync(root),
            Act::Remove { dir: root, name: "a".into() },
            make(root, "a", other, false),
        ];
        let volume = volume(&acts);
        for seed in 0..50 {
            let found = volume.survivors(Weather::Scattered, seed).find(root, "a".as_ref());
            assert!([Some(FILE), None, Some(other)].contains(&found), "{found:?}");
        }
    }

    #[test]
    fn the_same_seed_leaves_the_same_disk() {
        let volume = volume(&[make(NodeId::ROOT, "a", FILE, false), sync(NodeId::ROOT), write(0, 3, 40_000)]);
        let bytes = |seed| volume.survivors(Weather::Torn, seed).nodes[&FILE].live.read(0, 50_000);
        assert_eq!(bytes(7), bytes(7));
        assert!((0..20).any(|seed| bytes(seed) != bytes(7)));
    }
}
