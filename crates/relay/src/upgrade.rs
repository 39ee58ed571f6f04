//! `upgrade --check`: this version on a copy of the store, before it serves the store itself.
//!
//! Spec: docs/guide/relay.md, "Upgrading". Invariant: the store is read and not written; the copy is taken away again.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::admin;
use crate::commands::{folder, print};
use crate::config::Config;
use crate::exit::Failure;
use crate::store::{self, OpenError, Report, SlabStore};
use crate::upkeep;

/// A folder that is taken away again.
struct Copy(PathBuf);

impl Drop for Copy {
    fn drop(&mut self) {
        // What is left over lies beside the data folder under a name that says what it is.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Copies the store, opens the copy as a start would, and checks it.
pub(crate) fn check(config: &Config, json: bool) -> Result<(), Failure> {
    let folder = std::path::absolute(folder(config)?).map_err(Failure::Admin)?;
    // What this version can't read is said before anything is copied.
    let format = store::format(&folder)?.ok_or_else(|| Failure::NoRelay(folder.display().to_string()))?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let copy = Copy(folder.with_file_name(format!("{name}.upgrade-check-{}", std::process::id())));
    copy_to(&folder, &copy.0)?;
    let report = tried(&copy.0, config)?;
    upkeep::sound(&report)?;
    print(&if json {
        format!(
            "{:#}\n",
            json!({ "format": format, "reads": store::FORMAT, "report": upkeep::as_json(&report) })
        )
    } else {
        format!(
            "The store has format {format}, which this version serves. A copy of it was opened, closed and is sound.\n"
        )
    })
}

fn copy_to(folder: &Path, to: &Path) -> Result<(), Failure> {
    let to_text = to.to_str().ok_or_else(|| Failure::Usage("the folder's name is no text".to_owned()))?;
    match admin::ask(folder, &json!({ "ask": "backup", "to": to_text })) {
        Some(answer) => answer.map(drop),
        None => match store::copy(folder, to) {
            Ok(_) => Ok(()),
            Err(OpenError::InUse) => Err(Failure::Running),
            Err(error) => Err(error.into()),
        },
    }
}

fn tried(copy: &Path, config: &Config) -> Result<Report, Failure> {
    SlabStore::open(copy, config.store, config.limits)?.close()?;
    Ok(store::check(copy)?)
}
