//! Exit codes of the binary, after sysexits(3), and which failure has which.
//!
//! Spec: docs/guide/relay.md, "Exit codes". Invariant: a supervisor can tell by the code alone whether starting again
//! helps.

use std::io;

use subrosa_relay_core::StoreFault;
use subrosa_wire::{Refusal, SelfTestError};

use crate::config::ConfigError;
use crate::identity::IdentityError;
use crate::relay::StartError;
use crate::store::OpenError;

/// `doctor` found something that must be mended.
pub(crate) const ILL: u8 = 1;
/// The command line is wrong.
pub(crate) const USAGE: u8 = 64;
/// The data folder holds what this version can't use.
pub(crate) const DATA: u8 = 65;
/// Something needed is taken: the port, or the folder by another relay.
pub(crate) const UNAVAILABLE: u8 = 69;
/// The program computes wrongly on this computer.
pub(crate) const SOFTWARE: u8 = 70;
/// A file can't be created.
pub(crate) const CANNOT_CREATE: u8 = 73;
/// The disk failed. What was acknowledged is on it.
pub(crate) const IO: u8 = 74;
/// No permission.
pub(crate) const NO_PERMISSION: u8 = 77;
/// The configuration, or the machine's clock, is wrong.
pub(crate) const CONFIG: u8 = 78;

/// What a command of the binary fails with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Fault(#[from] StoreFault),
    #[error(transparent)]
    SelfTest(#[from] SelfTestError),
    #[error("cannot write the answer: {0}")]
    Output(io::Error),
    #[error("{0}")]
    Usage(String),
    #[error(
        "the store is damaged: {0} faults. Bring back a backup with `subrosa-relay restore`, or save what is whole with \
         `subrosa-relay repair`, after a copy of the folder"
    )]
    Unsound(usize),
    #[error("the relay is running and has its store to itself; stop it, then ask again")]
    Running,
    #[error("no relay is running on {0}")]
    NotRunning(String),
    #[error("{0} of the checks failed")]
    Ill(usize),
    #[error("the relay is stopping")]
    Ending,
    #[error("the relay's admin socket does not answer: {0}")]
    Admin(io::Error),
    #[error("{say}")]
    Told { code: u8, say: String },
    #[error("the copy failed, and is no backup: {0}")]
    Copy(OpenError),
    #[error("there is no token {0}; `subrosa-relay token list` shows all")]
    NoToken(u32),
    #[error("{0}")]
    Refused(Refusal),
    #[error("it did not stop within {0} seconds, and was ended; what was acknowledged is on disk")]
    Stuck(u64),
    #[error("there is no relay in {0} yet; `subrosa-relay init` makes one")]
    NoRelay(String),
}

impl Failure {
    /// Its code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Start(error) => of_start(error),
            Self::Config(_) => CONFIG,
            Self::Open(error) => of_open(error),
            Self::Identity(error) => of_identity(error),
            Self::Fault(StoreFault::Damaged(_)) => DATA,
            Self::Fault(_) | Self::Output(_) => IO,
            Self::SelfTest(_) => SOFTWARE,
            Self::Usage(_) => USAGE,
            Self::Running | Self::NotRunning(_) | Self::Ending => UNAVAILABLE,
            Self::Admin(error) => of_io(error, UNAVAILABLE),
            Self::Told { code, .. } => *code,
            Self::Copy(OpenError::Io(error)) => of_io(error, CANNOT_CREATE),
            Self::Copy(error) => of_open(error),
            Self::NoToken(_) => USAGE,
            Self::Ill(_) => ILL,
            Self::Refused(_) | Self::Stuck(_) => IO,
            Self::NoRelay(_) | Self::Unsound(_) => DATA,
        }
    }
}

fn of_start(error: &StartError) -> u8 {
    match error {
        StartError::Folder { error, .. } => of_io(error, CANNOT_CREATE),
        StartError::Identity(error) => of_identity(error),
        StartError::Store(error) => of_open(error),
        StartError::Clock(_) | StartError::Host { .. } => CONFIG,
        StartError::PortInUse { .. } => UNAVAILABLE,
        StartError::Listen { error, .. } | StartError::Http { error, .. } => of_io(error, UNAVAILABLE),
        StartError::Serve(_) => UNAVAILABLE,
    }
}

fn of_open(error: &OpenError) -> u8 {
    match error {
        OpenError::InUse => UNAVAILABLE,
        OpenError::Io(error) => of_io(error, IO),
        OpenError::Disk(_) => IO,
        OpenError::Fault(StoreFault::Damaged(_)) => DATA,
        OpenError::Fault(_) => IO,
        OpenError::Newer { .. }
        | OpenError::Older { .. }
        | OpenError::Lost { .. }
        | OpenError::Damaged(_) => DATA,
    }
}

fn of_identity(error: &IdentityError) -> u8 {
    match error {
        IdentityError::Io(error) => of_io(error, IO),
        IdentityError::Damaged | IdentityError::Missing => DATA,
        IdentityError::Randomness => UNAVAILABLE,
    }
}

fn of_io(error: &io::Error, otherwise: u8) -> u8 {
    match error.kind() {
        io::ErrorKind::PermissionDenied => NO_PERMISSION,
        io::ErrorKind::StorageFull => CANNOT_CREATE,
        io::ErrorKind::InvalidData => DATA,
        _ => otherwise,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_has_a_row_for_every_code_and_no_other() {
        let guide = include_str!("../../../docs/guide/relay.md");
        let table = guide.split("\n## Exit codes\n").nth(1).and_then(|rest| rest.split("\n## ").next());
        let rows = table.expect("the section").lines().filter_map(|line| line.strip_prefix("| "));
        let told: Vec<u8> = rows.filter_map(|row| row.split(' ').next()?.parse().ok()).collect();
        let known = [0, ILL, USAGE, DATA, UNAVAILABLE, SOFTWARE, CANNOT_CREATE, IO, NO_PERMISSION, CONFIG];
        assert_eq!(told, known);
    }

    #[test]
    fn a_failed_self_test_has_its_code_and_the_guide_names_it() {
        let failure = Failure::from(SelfTestError);
        assert_eq!(failure.code(), 70);
        assert!(failure.to_string().starts_with("the self-test of SHA-256 failed"));
        assert!(
            include_str!("../../../docs/guide/relay.md").contains("| 70 | the self-test of SHA-256 failed")
        );
    }
}
