//! [`Exit`]: how a run ended, one code each; [`Fail`]: the sentence beside it.
//!
//! Spec: docs/guide/chat.md, "Exit codes". Invariant: a code's meaning never changes.

use std::fmt::Write;
use std::process::ExitCode;

use subrosa_client::{
    BackupError, ClientError, CommandError, CreateError, JoinFailure, OpenError, RestoreError, SelfTestError,
};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    Failed,
    Usage,
    NoProfile,
    Passphrase,
    InUse,
    NotFound,
    Waiting,
    Link,
    Relay,
    Alarm,
    Store,
    Broken,
    Backup,
}

/// Every exit with its code and meaning: the table of help and guide.
const TABLE: &[(Exit, u8, &str)] = &[
    (Exit::Done, 0, "done"),
    (Exit::Failed, 1, "not done; the sentence says why"),
    (Exit::Usage, 2, "the arguments are wrong"),
    (Exit::NoProfile, 3, "there is no such profile, or there is one already"),
    (Exit::Passphrase, 4, "wrong or missing passphrase"),
    (Exit::InUse, 5, "another subrosa is running with this profile"),
    (Exit::NotFound, 6, "no such contact, request or invite"),
    (Exit::Waiting, 7, "kept on this disk, not yet at the relay; goes on by itself next time"),
    (Exit::Link, 8, "the link can't be used (damaged, used, expired, not genuine)"),
    (Exit::Relay, 9, "the relay can't be reached, or is not the pinned one"),
    (Exit::Alarm, 10, "an alarm stops sending in this chat"),
    (Exit::Store, 11, "the profile's files (disk full, damaged, of a newer version)"),
    (Exit::Broken, 12, "the self-test failed: subrosa computes wrongly on this computer"),
    (
        Exit::Backup,
        13,
        "the backup or its words can't be used (wrong words, damaged, cut, of a newer version)",
    ),
];

/// The table as help shows it.
pub(crate) fn table() -> String {
    TABLE.iter().fold("Exit codes:".to_owned(), |mut text, (_, code, meaning)| {
        let _ = write!(text, "\n  {code:>2}  {meaning}");
        text
    })
}

impl Exit {
    /// The code.
    pub(crate) fn code(self) -> u8 {
        TABLE.iter().find(|(exit, ..)| *exit == self).map_or(1, |(_, code, _)| *code)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// What went wrong, in a sentence with the remedy.
#[derive(Debug)]
pub(crate) struct Fail {
    pub(crate) exit: Exit,
    pub(crate) sentence: String,
}

impl Fail {
    pub(crate) fn new(exit: Exit, sentence: impl Into<String>) -> Self {
        Self { exit, sentence: sentence.into() }
    }
}

impl From<CreateError> for Fail {
    fn from(why: CreateError) -> Self {
        let exit = match why {
            CreateError::Exists { .. } => Exit::NoProfile,
            CreateError::InUse => Exit::InUse,
            CreateError::EmptyPassphrase => Exit::Passphrase,
            CreateError::Io { .. } => Exit::Store,
            _ => Exit::Failed,
        };
        Self::new(exit, why.to_string())
    }
}

impl From<OpenError> for Fail {
    fn from(why: OpenError) -> Self {
        let exit = match why {
            OpenError::Missing { .. } => Exit::NoProfile,
            OpenError::WrongPassphrase | OpenError::PassphraseNeeded | OpenError::NoPassphrase => {
                Exit::Passphrase
            }
            OpenError::InUse => Exit::InUse,
            _ => Exit::Store,
        };
        Self::new(exit, why.to_string())
    }
}

impl From<ClientError> for Fail {
    fn from(why: ClientError) -> Self {
        let exit = match &why {
            ClientError::Refused(refused) => match refused {
                CommandError::Missing(_) => Exit::NotFound,
                CommandError::Link(_) | CommandError::Known { .. } => Exit::Link,
                CommandError::Address(_) | CommandError::NoRelay => Exit::Relay,
                CommandError::Alarmed(_) => Exit::Alarm,
                _ => Exit::Failed,
            },
            ClientError::DiskFull | ClientError::Storage(_) | ClientError::Damaged(_) => Exit::Store,
            _ => Exit::Failed,
        };
        Self::new(exit, why.to_string())
    }
}

impl From<SelfTestError> for Fail {
    fn from(why: SelfTestError) -> Self {
        Self::new(Exit::Broken, why.to_string())
    }
}

impl From<BackupError> for Fail {
    fn from(why: BackupError) -> Self {
        let exit = match why {
            BackupError::Client(why) => return why.into(),
            BackupError::Io { .. } | BackupError::ReadBack(_) => Exit::Store,
            _ => Exit::Failed,
        };
        Self::new(exit, why.to_string())
    }
}

impl From<RestoreError> for Fail {
    fn from(why: RestoreError) -> Self {
        match why {
            RestoreError::Profile(why) => why.into(),
            why => Self::new(Exit::Backup, why.to_string()),
        }
    }
}

impl From<JoinFailure> for Fail {
    fn from(why: JoinFailure) -> Self {
        Self::new(Exit::Link, why.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_has_one_code_of_its_own() {
        for (at, (exit, code, _)) in TABLE.iter().enumerate() {
            assert_eq!(exit.code(), *code);
            assert!(TABLE[at + 1..].iter().all(|(other, number, _)| other != exit && number != code));
        }
    }

    #[test]
    fn a_failed_self_test_has_its_code_and_says_what_to_do() {
        let fail = Fail::from(SelfTestError { primitive: "X25519" });
        assert_eq!((fail.exit.code(), fail.exit), (12, Exit::Broken));
        assert!(fail.sentence.starts_with("the self-test of X25519 failed"), "{}", fail.sentence);
    }

    #[test]
    fn the_guide_has_the_same_table() {
        let guide = include_str!("../../../../docs/guide/chat.md");
        for (_, code, meaning) in TABLE {
            assert!(guide.contains(&format!("| {code} | {meaning} |")), "the guide lacks {code}: {meaning}");
        }
    }
}
