//! [`Folder`]: a folder that is gone when it is dropped.
//!
//! Spec: docs/guide/chat.md, "The demo". Invariant: it is made by this process alone, readable by its user alone.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process;

/// A folder that is gone when it is dropped.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// A new one below the system's folder for temporary files.
    ///
    /// # Errors
    /// What the system said; also when one of that name is there already.
    pub(super) fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("subrosa-demo-{}-{}", process::id(), crate::run::now()));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Whatever holds a file in it has ended by now; what can't be removed can't be reported from here.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_gone_after_a_panic_too() {
        let folder = Folder::new().expect("made");
        let path = folder.path().to_owned();
        std::fs::write(path.join("vault"), "x").expect("written");
        let caught = std::panic::catch_unwind(move || {
            let _folder = folder;
            std::panic::resume_unwind(Box::new("stop"));
        });
        assert!(caught.is_err());
        assert!(!path.exists());
    }
}
