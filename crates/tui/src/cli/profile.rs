//! [`Place`]: where a profile lies; and where its passphrase comes from.
//!
//! Spec: docs/guide/chat.md, "Profiles". Invariant: a passphrase comes from a file, a descriptor or a prompt, never from argv.

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use subrosa_client::Unlock;
use zeroize::Zeroizing;

use super::args::{Key, New};
use super::exit::{Exit, Fail};

/// Longest passphrase, in bytes: as many as the screen's field takes.
const LONGEST: usize = crate::input::SecretField::ROOM;

/// A profile's name and folder.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
}

impl Place {
    /// The folder that was given, or the one of profile `name` below the user's data folder (XDG).
    pub(crate) fn of(name: &str, folder: Option<PathBuf>) -> Result<Self, Fail> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
            let why = format!("a profile's name is made of letters, digits, '-' and '_': {name:?} is not");
            return Err(Fail::new(Exit::Usage, why));
        }
        let folder = match folder {
            Some(folder) => folder,
            None => {
                let why = "this machine has no home folder: say where the profile lies with --folder";
                let home = ProjectDirs::from("", "", "subrosa").ok_or_else(|| Fail::new(Exit::Usage, why))?;
                home.data_dir().join(name)
            }
        };
        Ok(Self { name: name.to_owned(), folder })
    }

    /// Whether there is a profile.
    pub(crate) fn exists(&self) -> bool {
        subrosa_client::exists(&self.folder)
    }
}

impl Key {
    /// What opens the profile at `folder`: what was given, else a prompt when it has a passphrase.
    pub(crate) fn unlock(&self, folder: &Path) -> Result<Unlock, Fail> {
        if !subrosa_client::needs_passphrase(folder)? {
            return Ok(Unlock::None);
        }
        self.given()?.map_or_else(
            || prompt("Passphrase: ").map(Unlock::Passphrase),
            |given| Ok(Unlock::Passphrase(given)),
        )
    }

    /// The passphrase from file or descriptor.
    pub(crate) fn given(&self) -> Result<Option<Zeroizing<String>>, Fail> {
        let path = match (&self.passphrase_file, self.passphrase_fd) {
            (Some(file), _) => file.clone(),
            // The system's own name of an open descriptor: opens it without unsafe code.
            (None, Some(fd)) => PathBuf::from(format!("/dev/fd/{fd}")),
            (None, None) => return Ok(None),
        };
        first_line(&path).map(Some)
    }
}

impl New {
    /// The passphrase of a new profile, or a changed one: from a file, asked for twice, or none.
    pub(crate) fn unlock(&self, key: &Key) -> Result<Unlock, Fail> {
        if self.no_passphrase {
            return Ok(Unlock::None);
        }
        if let Some(file) = &self.new_passphrase_file {
            return first_line(file).map(Unlock::Passphrase);
        }
        if let Some(given) = key.given()? {
            return Ok(Unlock::Passphrase(given));
        }
        let (first, second) = (prompt("New passphrase: ")?, prompt("Once more: ")?);
        if *first == *second {
            Ok(Unlock::Passphrase(first))
        } else {
            Err(Fail::new(Exit::Passphrase, "the two are not the same: nothing was changed, try again"))
        }
    }
}

fn first_line(path: &Path) -> Result<Zeroizing<String>, Fail> {
    let fail = |why: std::io::Error| {
        Fail::new(
            Exit::Passphrase,
            format!("the passphrase could not be read from {}: {why}", path.display()),
        )
    };
    // Room for all of it at once, and no buffered reader: what grows or buffers leaves its bytes behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 2));
    let file = File::open(path).map_err(fail)?;
    file.take(LONGEST as u64 + 2).read_to_end(&mut bytes).map_err(fail)?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() > LONGEST {
        return Err(too_long());
    }
    let text = std::str::from_utf8(line).map_err(|why| fail(std::io::Error::other(why)))?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn too_long() -> Fail {
    Fail::new(Exit::Passphrase, format!("a passphrase has at most {LONGEST} bytes, and this one is longer"))
}

fn prompt(text: &str) -> Result<Zeroizing<String>, Fail> {
    if !std::io::stdin().is_terminal() {
        let why = "a passphrase is needed and nobody is here to type it: give it by --passphrase-file or --passphrase-fd";
        return Err(Fail::new(Exit::Passphrase, why));
    }
    rpassword::prompt_password(text)
        .map(Zeroizing::new)
        .map_err(|why| Fail::new(Exit::Passphrase, format!("the passphrase could not be read: {why}")))
        .and_then(|text| if text.len() > LONGEST { Err(too_long()) } else { Ok(text) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_leave_the_folder_is_refused() {
        for name in ["", "..", "a/b", "a b", "é", &"x".repeat(65)] {
            assert!(Place::of(name, None).is_err(), "{name:?}");
        }
        assert!(Place::of("work-2", Some(PathBuf::from("/x"))).is_ok());
    }

    #[test]
    fn a_passphrase_file_gives_its_first_line_without_the_line_break() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pass");
        std::fs::write(&file, "two words \r\nand more\n").unwrap();
        assert_eq!(*first_line(&file).unwrap(), "two words ");
        std::fs::write(&file, "no line break").unwrap();
        assert_eq!(*first_line(&file).unwrap(), "no line break");
        assert!(first_line(&folder.path().join("none")).is_err());
    }

    #[test]
    fn a_passphrase_that_the_screen_could_not_take_is_refused_and_not_cut() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pass");
        for (len, taken) in [(LONGEST, true), (LONGEST + 1, false), (10 * LONGEST, false)] {
            std::fs::write(&file, "x".repeat(len) + "\nmore").unwrap();
            assert_eq!(first_line(&file).map(|line| line.len()).ok(), taken.then_some(len), "{len}");
        }
    }
}
