//! [`Volume`]: a disk with a file system, as a value: nodes, names, and what of them is only in the cache.
//!
//! Spec: docs/adr/0002-slabs-and-sled.md, "Proofs". Invariant: a volume changes by [`Volume::act`] alone, so that a
//! list of acts is a recording of all that processes did to it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

use crate::content::Content;
use crate::names::Names;

/// A file or a directory of a volume. 1 is the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

impl NodeId {
    /// The root directory.
    pub const ROOT: Self = Self(1);
}

/// One thing that a process did.
#[derive(Clone, Debug)]
pub enum Act {
    /// A new file, or a new directory, under a free name.
    Make {
        /// In this directory.
        dir: NodeId,
        /// Its name.
        name: OsString,
        /// The new node; the caller's choice, never used before.
        node: NodeId,
        /// Whether it is a directory.
        folder: bool,
        /// Its permissions.
        mode: u16,
    },
    /// A name goes.
    Remove {
        /// In this directory.
        dir: NodeId,
        /// The name.
        name: OsString,
    },
    /// A name changes, and another goes with it if it stands in the way.
    Rename {
        /// From this directory.
        dir: NodeId,
        /// The old name.
        name: OsString,
        /// To that directory.
        to_dir: NodeId,
        /// The new name.
        to_name: OsString,
    },
    /// Bytes are written; the file grows as needed.
    Write {
        /// To this file.
        node: NodeId,
        /// From this place on.
        at: u64,
        /// These.
        bytes: Vec<u8>,
    },
    /// The file gets a length, by truncation or by allocation.
    SetLen {
        /// This file.
        node: NodeId,
        /// So many bytes.
        len: u64,
    },
    /// `fsync` or `fdatasync`, of a file or of a directory.
    Sync {
        /// Of this one.
        node: NodeId,
    },
}

/// A change of a file's bytes that is only in the cache.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    Write { at: u64, bytes: Vec<u8> },
    SetLen(u64),
}

impl Edit {
    pub(crate) fn apply(&self, content: &mut Content) {
        match self {
            Self::Write { at, bytes } => content.write(*at, bytes),
            Self::SetLen(len) => content.set_len(*len),
        }
    }
}

/// A file or a directory.
#[derive(Clone, Debug)]
pub struct Node {
    pub(crate) folder: bool,
    pub(crate) mode: u16,
    pub(crate) live: Content,
    pub(crate) durable: Content,
    /// With the number of the act.
    pub(crate) pending: Vec<(u64, Edit)>,
}

impl Node {
    pub(crate) fn new(folder: bool, mode: u16) -> Self {
        Self { folder, mode, live: Content::default(), durable: Content::default(), pending: Vec::new() }
    }

    /// Whether it is a directory.
    #[must_use]
    pub const fn is_folder(&self) -> bool {
        self.folder
    }

    /// Its length in bytes, as a process sees it.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.live.len()
    }

    /// Whether it has no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A disk.
#[derive(Clone, Debug)]
pub struct Volume {
    pub(crate) nodes: BTreeMap<NodeId, Node>,
    pub(crate) names: Names,
    /// Acts so far.
    pub(crate) acts: u64,
}

impl Default for Volume {
    fn default() -> Self {
        let nodes = BTreeMap::from([(NodeId::ROOT, Node::new(true, 0o755))]);
        Self { nodes, names: Names::default(), acts: 0 }
    }
}

impl Volume {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many acts there were.
    #[must_use]
    pub const fn acts(&self) -> u64 {
        self.acts
    }

    /// A file or directory, if it is there.
    #[must_use]
    pub fn node(&self, node: NodeId) -> Option<&Node> {
        self.nodes.get(&node)
    }

    /// What `name` in `dir` stands for.
    #[must_use]
    pub fn find(&self, dir: NodeId, name: &OsStr) -> Option<NodeId> {
        self.names.find(dir, name)
    }

    /// The sum of the lengths of all files, as processes see them.
    #[must_use]
    pub fn used(&self) -> u64 {
        let named = self.names.named();
        self.nodes.iter().filter(|(id, _)| named.contains(id)).map(|(_, node)| node.len()).sum()
    }

    /// Does one act. An act on what is not there does nothing: the caller has looked.
    pub fn act(&mut self, act: &Act) {
        self.acts += 1;
        let at = self.acts;
        match act {
            Act::Make { dir, name, node, folder, mode } => {
                self.nodes.insert(*node, Node::new(*folder, *mode));
                self.names.set(at, vec![((*dir, name.clone()), Some(*node))]);
            }
            Act::Remove { dir, name } => self.names.set(at, vec![((*dir, name.clone()), None)]),
            Act::Rename { dir, name, to_dir, to_name } => {
                let moved = self.names.find(*dir, name);
                let from = ((*dir, name.clone()), None);
                self.names.set(at, vec![from, ((*to_dir, to_name.clone()), moved)]);
            }
            Act::Write { node, at: place, bytes } => {
                self.edit(*node, Edit::Write { at: *place, bytes: bytes.clone() });
            }
            Act::SetLen { node, len } => self.edit(*node, Edit::SetLen(*len)),
            Act::Sync { node } => self.sync(*node),
        }
    }

    fn edit(&mut self, node: NodeId, edit: Edit) {
        if let Some(node) = self.nodes.get_mut(&node) {
            edit.apply(&mut node.live);
            node.pending.push((self.acts, edit));
        }
    }

    fn sync(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        if node.folder {
            self.names.sync(id);
        } else {
            for (_, edit) in node.pending.drain(..) {
                edit.apply(&mut node.durable);
            }
        }
    }

    /// Copies all files, as processes see them, into `folder`, which must be there and be empty.
    ///
    /// # Errors
    /// Whatever the file system below reports.
    pub fn unpack(&self, folder: &Path) -> io::Result<()> {
        self.unpack_folder(NodeId::ROOT, folder)
    }

    fn unpack_folder(&self, dir: NodeId, folder: &Path) -> io::Result<()> {
        for (name, id) in self.names.of(dir) {
            let Some(node) = self.nodes.get(&id) else { continue };
            let path = folder.join(name);
            if node.folder {
                std::fs::DirBuilder::new().mode(u32::from(node.mode)).create(&path)?;
                self.unpack_folder(id, &path)?;
                continue;
            }
            let mut options = std::fs::File::options();
            let file = options.write(true).create_new(true).mode(u32::from(node.mode)).open(&path)?;
            file.set_len(node.live.len())?;
            for (at, bytes) in node.live.written() {
                file.write_all_at(bytes, at)?;
            }
        }
        Ok(())
    }

    /// Takes in a folder of another file system, as if it had all been synced.
    ///
    /// # Errors
    /// Whatever the file system below reports.
    pub fn pack(folder: &Path) -> io::Result<Self> {
        let mut volume = Self::new();
        volume.pack_folder(NodeId::ROOT, folder)?;
        let all: Vec<NodeId> = volume.nodes.keys().copied().collect();
        for node in all {
            volume.act(&Act::Sync { node });
        }
        Ok(volume)
    }

    fn pack_folder(&mut self, dir: NodeId, folder: &Path) -> io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.file_type()?.is_dir();
            let node = self.fresh();
            let mode = if kind { 0o700 } else { 0o600 };
            self.act(&Act::Make { dir, name: entry.file_name(), node, folder: kind, mode });
            if kind {
                self.pack_folder(node, &entry.path())?;
            } else {
                self.act(&Act::Write { node, at: 0, bytes: std::fs::read(entry.path())? });
            }
        }
        Ok(())
    }

    /// A node that was never used.
    pub(crate) fn fresh(&self) -> NodeId {
        NodeId(self.nodes.keys().next_back().map_or(2, |last| last.0 + 1))
    }
}
