//! The mount's answers to the kernel: each call is checked and becomes an [`Act`], or an error.
//!
//! Spec: docs/adr/0002-slabs-and-sled.md, "Proofs". Invariant: nothing is cached here, and the kernel writes through, so
//! that every act of a process is an act of the volume, in the same order.

use std::ffi::OsStr;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty,
    ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use crate::fault::On;
use crate::mount::{Shared, State};
use crate::volume::{Act, Node, NodeId};

/// The kernel is the only one that changes anything: it may remember what it was told.
const FOREVER: Duration = Duration::from_hours(1);
const BLOCK: u64 = 4096;
/// What a disk without a limit says that it has.
const VAST: u64 = 1 << 40;

pub(crate) struct Server(pub(crate) Arc<Shared>);

fn errno(error: &io::Error) -> Errno {
    match error.kind() {
        io::ErrorKind::StorageFull => Errno::ENOSPC,
        io::ErrorKind::NotFound => Errno::ENOENT,
        io::ErrorKind::AlreadyExists => Errno::EEXIST,
        io::ErrorKind::DirectoryNotEmpty => Errno::ENOTEMPTY,
        io::ErrorKind::NotADirectory => Errno::ENOTDIR,
        io::ErrorKind::IsADirectory => Errno::EISDIR,
        io::ErrorKind::Unsupported => Errno::EOPNOTSUPP,
        _ => Errno::EIO,
    }
}

const fn id(ino: INodeNo) -> NodeId {
    NodeId(ino.0)
}

fn attr(req: &Request, id: NodeId, node: &Node) -> FileAttr {
    let epoch = SystemTime::UNIX_EPOCH;
    FileAttr {
        ino: INodeNo(id.0),
        size: node.len(),
        blocks: node.len().div_ceil(512),
        atime: epoch,
        mtime: epoch,
        ctime: epoch,
        crtime: epoch,
        kind: if node.folder { FileType::Directory } else { FileType::RegularFile },
        perm: node.mode,
        nlink: 1,
        uid: req.uid(),
        gid: req.gid(),
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

fn node(state: &State, id: NodeId) -> io::Result<&Node> {
    state.volume.node(id).ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn found(state: &State, dir: NodeId, name: &OsStr) -> io::Result<NodeId> {
    state.volume.find(dir, name).ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Whether a file may become `len` bytes long.
fn room(state: &State, id: NodeId, len: u64) -> io::Result<()> {
    let more = len.saturating_sub(node(state, id)?.len());
    match state.capacity {
        Some(capacity) if more > 0 && state.volume.used() + more > capacity => {
            Err(io::ErrorKind::StorageFull.into())
        }
        _ => Ok(()),
    }
}

impl Server {
    fn entry(&self, req: &Request, dir: NodeId, name: &OsStr) -> io::Result<FileAttr> {
        self.0.look(|state| {
            let id = found(state, dir, name)?;
            Ok(attr(req, id, node(state, id)?))
        })
    }

    fn name_of(&self, id: NodeId) -> String {
        self.0.state().name_of(id)
    }

    fn make(
        &self,
        req: &Request,
        dir: NodeId,
        name: &OsStr,
        (folder, mode): (bool, u32),
    ) -> io::Result<FileAttr> {
        self.0.allow(On::Change, &name.to_string_lossy())?;
        self.0.act(|state| {
            if state.volume.find(dir, name).is_some() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            if state.capacity.is_some_and(|capacity| state.volume.used() >= capacity) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let (id, mode) = (state.volume.fresh(), (mode & 0o7777) as u16);
            let made = attr(req, id, &Node::new(folder, mode));
            Ok((made, Act::Make { dir, name: name.to_owned(), node: id, folder, mode }))
        })
    }

    fn remove(&self, dir: NodeId, name: &OsStr, folder: bool) -> io::Result<()> {
        self.0.allow(On::Change, &name.to_string_lossy())?;
        self.0.act(|state| {
            let id = found(state, dir, name)?;
            match (folder, node(state, id)?.folder) {
                (true, false) => return Err(io::ErrorKind::NotADirectory.into()),
                (false, true) => return Err(io::ErrorKind::IsADirectory.into()),
                (true, true) if state.volume.names.of(id).next().is_some() => {
                    return Err(io::ErrorKind::DirectoryNotEmpty.into());
                }
                _ => {}
            }
            Ok(((), Act::Remove { dir, name: name.to_owned() }))
        })
    }

    fn rename(&self, (dir, name): (NodeId, &OsStr), (to_dir, to_name): (NodeId, &OsStr)) -> io::Result<()> {
        self.0.allow(On::Change, &to_name.to_string_lossy())?;
        self.0.act(|state| {
            found(state, dir, name)?;
            let (name, to_name) = (name.to_owned(), to_name.to_owned());
            Ok(((), Act::Rename { dir, name, to_dir, to_name }))
        })
    }

    fn set_len(&self, id: NodeId, len: u64, only_longer: bool) -> io::Result<()> {
        self.0.allow(On::Change, &self.name_of(id))?;
        self.0.act(|state| {
            room(state, id, len)?;
            let len = if only_longer { node(state, id)?.len().max(len) } else { len };
            Ok(((), Act::SetLen { node: id, len }))
        })
    }

    fn write(&self, id: NodeId, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.allow(On::Write, &self.name_of(id))?;
        self.0.act(|state| {
            room(state, id, at + bytes.len() as u64)?;
            Ok(((), Act::Write { node: id, at, bytes: bytes.to_vec() }))
        })
    }

    fn sync(&self, id: NodeId) -> io::Result<()> {
        self.0.allow(On::Sync, &self.name_of(id))?;
        self.0.act(|_| Ok(((), Act::Sync { node: id })))
    }
}

fn done(result: io::Result<()>, reply: ReplyEmpty) {
    match result {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(errno(&error)),
    }
}

fn entered(result: io::Result<FileAttr>, reply: ReplyEntry) {
    match result {
        Ok(attr) => reply.entry(&FOREVER, &attr, Generation(0)),
        Err(error) => reply.error(errno(&error)),
    }
}

impl Filesystem for Server {
    fn lookup(&self, req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        entered(self.entry(req, id(parent), name), reply);
    }

    fn getattr(&self, req: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.0.look(|state| Ok(attr(req, id(ino), node(state, id(ino))?))) {
            Ok(attr) => reply.attr(&FOREVER, &attr),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn setattr(
        &self,
        req: &Request,
        ino: INodeNo,
        _mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        _mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        fh: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        match size.map_or(Ok(()), |len| self.set_len(id(ino), len, false)) {
            Ok(()) => self.getattr(req, ino, fh, reply),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn mkdir(&self, req: &Request, parent: INodeNo, name: &OsStr, mode: u32, umask: u32, reply: ReplyEntry) {
        entered(self.make(req, id(parent), name, (true, mode & !umask)), reply);
    }

    fn create(
        &self,
        req: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        match self.make(req, id(parent), name, (false, mode & !umask)) {
            Ok(attr) => reply.created(&FOREVER, &attr, Generation(0), FileHandle(0), FopenFlags::empty()),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(self.remove(id(parent), name, false), reply);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(self.remove(id(parent), name, true), reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if !flags.is_empty() {
            return reply.error(Errno::EINVAL);
        }
        done(Self::rename(self, (id(parent), name), (id(newparent), newname)), reply);
    }

    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.0.look(|state| node(state, id(ino)).map(|_| ())) {
            Ok(()) => reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let read = self.0.allow(On::Read, &self.name_of(id(ino)));
        let read = read
            .and_then(|()| self.0.look(|state| Ok(node(state, id(ino))?.live.read(offset, size as usize))));
        match read {
            Ok(bytes) => reply.data(&bytes),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        data: &[u8],
        _write_flags: WriteFlags,
        _flags: OpenFlags,
        _lock: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match Self::write(self, id(ino), offset, data) {
            Ok(()) => reply.written(data.len() as u32),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        done(self.sync(id(ino)), reply);
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        done(self.sync(id(ino)), reply);
    }

    fn readdir(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let listed = self.0.look(|state| {
            let kind = |id| match state.volume.node(id) {
                Some(node) if node.folder => FileType::Directory,
                _ => FileType::RegularFile,
            };
            let dots = [".", ".."].map(|name| (name.into(), ino, FileType::Directory));
            let names = state.volume.names.of(id(ino));
            let names = names.map(|(name, node)| (name.clone(), INodeNo(node.0), kind(node)));
            Ok(dots.into_iter().chain(names).collect::<Vec<(std::ffi::OsString, _, _)>>())
        });
        match listed {
            Ok(listed) => {
                for (at, (name, ino, kind)) in (1..).zip(listed).skip(offset as usize) {
                    if reply.add(ino, at, kind, name) {
                        break;
                    }
                }
                reply.ok();
            }
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let (used, capacity) = {
            let state = self.0.state();
            (state.volume.used(), state.capacity.unwrap_or(VAST))
        };
        let free = capacity.saturating_sub(used) / BLOCK;
        reply.statfs(capacity / BLOCK, free, free, 1 << 20, 1 << 20, BLOCK as u32, 255, BLOCK as u32);
    }

    fn fallocate(
        &self,
        _: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        if mode != 0 {
            return reply.error(Errno::EOPNOTSUPP);
        }
        done(self.set_len(id(ino), offset + length, true), reply);
    }
}
