//! The folder of a profile: its files, their modes, and the lock that one process holds.
//!
//! Spec: docs/adr/0003-vault.md. Invariant: the folder is 0700 and each file 0600 before anything is written into it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// Bytes of a key file.
pub(crate) const KEY_LEN: usize = 32;

/// Where everything of a profile lies.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    folder: PathBuf,
}

/// Held while a process has the profile open.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "held for its lock only")] File);

/// Why the lock was not given.
#[derive(Debug)]
pub(crate) enum LockError {
    InUse,
    Io(io::Error),
}

impl Profile {
    pub(crate) fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The vault.
    pub(crate) fn vault(&self) -> PathBuf {
        self.folder.join("vault.db")
    }

    /// A vault that is not complete yet.
    pub(crate) fn unfinished(&self) -> PathBuf {
        self.folder.join("vault.new")
    }

    /// The key of a vault without a passphrase.
    pub(crate) fn key_file(&self) -> PathBuf {
        self.folder.join("vault.key")
    }

    /// Makes the folder, for its owner only, and its name durable: a power cut must not take the whole profile.
    pub(crate) fn make_folder(&self) -> io::Result<()> {
        let named = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
        let made: Vec<_> = self.folder.ancestors().take_while(named).collect();
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.folder)?;
        for folder in made {
            let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
            sync_folder(parent.unwrap_or(Path::new(".")))?;
        }
        restrict(&self.folder, 0o700)
    }

    /// Takes the lock.
    pub(crate) fn lock(&self) -> Result<Lock, LockError> {
        let path = self.folder.join("lock");
        let file = private(OpenOptions::new().create(true).truncate(false).write(true), &path)
            .map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => Err(LockError::InUse),
            Err(TryLockError::Error(why)) => Err(LockError::Io(why)),
        }
    }

    /// Makes an empty file for a new vault: SQLite gives its side files the same mode.
    pub(crate) fn make_unfinished(&self) -> io::Result<()> {
        self.remove_unfinished()?;
        private(OpenOptions::new().create_new(true).write(true), &self.unfinished()).map(drop)
    }

    /// Removes what a broken `create` left.
    pub(crate) fn remove_unfinished(&self) -> io::Result<()> {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let mut path = self.unfinished().into_os_string();
            path.push(suffix);
            remove(Path::new(&path))?;
        }
        Ok(())
    }

    /// Puts the complete vault in its place.
    pub(crate) fn finish(&self) -> io::Result<()> {
        File::open(self.unfinished())?.sync_all()?;
        fs::rename(self.unfinished(), self.vault())?;
        self.sync_folder()
    }

    /// Writes the key file, durably, in one step.
    pub(crate) fn write_key(&self, key: &[u8; KEY_LEN]) -> io::Result<()> {
        let draft = self.folder.join("vault.key.new");
        remove(&draft)?;
        let mut file = private(OpenOptions::new().create_new(true).write(true), &draft)?;
        file.write_all(key)?;
        file.sync_all()?;
        fs::rename(&draft, self.key_file())?;
        self.sync_folder()
    }

    /// The key in the key file; `None` when there is none of the right length.
    pub(crate) fn read_key(&self) -> io::Result<Option<Zeroizing<[u8; KEY_LEN]>>> {
        let mut file = match File::open(self.key_file()) {
            Ok(file) => file,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(why),
        };
        if file.metadata()?.len() != KEY_LEN as u64 {
            return Ok(None);
        }
        let mut key = Zeroizing::new([0; KEY_LEN]);
        file.read_exact(&mut *key)?;
        Ok(Some(key))
    }

    /// Overwrites and removes the key file, when the vault has a passphrase instead.
    pub(crate) fn remove_key(&self) -> io::Result<()> {
        let path = self.key_file();
        if path.exists() {
            let mut file = OpenOptions::new().write(true).open(&path)?;
            file.write_all(&[0; KEY_LEN])?;
            file.sync_all()?;
        }
        remove(&path)?;
        self.sync_folder()
    }

    fn sync_folder(&self) -> io::Result<()> {
        sync_folder(&self.folder)
    }
}

/// Makes the names in a folder durable.
fn sync_folder(folder: &Path) -> io::Result<()> {
    // Other systems can't open a folder, and make renames durable by themselves.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Opens `path`, readable and writable by its owner only.
fn private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    let file = options.open(path)?;
    restrict(path, 0o600)?;
    Ok(file)
}

#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn restrict(_path: &Path, _mode: u32) -> io::Result<()> {
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => Err(why),
        _ => Ok(()),
    }
}
