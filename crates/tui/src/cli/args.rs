//! What can be typed after `subrosa`, as one table for parser and help.
//!
//! Spec: docs/guide/chat.md, "The command line". Invariant: no argument holds a passphrase.

use std::path::PathBuf;

use clap::{Args as Group, Parser, Subcommand};

use super::exit;

/// The head of the help.
const ABOUT: &str = "End-to-end encrypted chat in the terminal, over a relay that has nothing to mine.\n\n\
     `subrosa` alone opens the screen; with a command it does that one thing and ends.";

/// End-to-end encrypted chat in the terminal, over a relay that has nothing to mine.
#[derive(Parser, Debug)]
#[command(version, long_about = None, about = ABOUT, after_help = exit::table(), disable_help_subcommand = true)]
pub(crate) struct Args {
    /// Which profile: each has its own identity, contacts and messages
    #[arg(long, global = true, default_value = "default", value_name = "NAME")]
    pub(crate) profile: String,
    /// The profile's folder, in place of the one that --profile names
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) folder: Option<PathBuf>,
    /// One JSON object a line, errors too
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) key: Key,
    /// Without a verb: the screen
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
}

/// Where the passphrase comes from; asked for at the terminal when neither is given.
#[derive(Group, Debug, Clone, Default)]
pub(crate) struct Key {
    /// Read the passphrase from the first line of this file
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "passphrase_fd")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Read the passphrase from this open file descriptor
    #[arg(long, global = true, value_name = "FD")]
    pub(crate) passphrase_fd: Option<u32>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// Make a profile
    Init(Init),
    /// Make an invite: for one person, or (--reusable) an address that may be published
    Invite {
        /// An address: everyone who has the link may ask, you accept or reject
        #[arg(long)]
        reusable: bool,
        /// Seconds to wait until the relay has it
        #[arg(long, default_value_t = 15)]
        wait: u64,
    },
    /// List invites, and links that are being taken
    Invites,
    /// Take an invite back
    Revoke {
        /// Its number, from `invites`
        invite: i64,
        /// Seconds to wait until the relay has erased it
        #[arg(long, default_value_t = 15)]
        wait: u64,
    },
    /// Add a contact by a link
    Add(Add),
    /// List contacts
    Contacts,
    /// List requests at your address
    Requests {
        /// Seconds to wait for what lies at the relay
        #[arg(long, default_value_t = 3)]
        wait: u64,
    },
    /// Accept a request
    Accept {
        /// Its number or name, from `requests`
        request: String,
        /// Seconds to wait until the relay has the answer
        #[arg(long, default_value_t = 15)]
        wait: u64,
    },
    /// Turn a request away; the other side learns nothing
    Reject {
        /// Its number or name, from `requests`
        request: String,
        /// Seconds to wait
        #[arg(long, default_value_t = 3)]
        wait: u64,
    },
    /// Send a text
    Send(Send),
    /// Print messages that were not read yet, and mark them read
    Read(Read),
    /// Show a contact's safety number, or say whether it matched
    Verify(Verify),
    /// Name a contact
    Rename {
        /// Their number or name
        contact: String,
        /// Your name for them
        name: String,
    },
    /// Erase a contact with all messages
    Forget {
        /// Their number or name
        contact: String,
        /// Seconds to wait until they were told
        #[arg(long, default_value_t = 5)]
        wait: u64,
    },
    /// Go on sending after an alarm that you have looked into
    Unlatch {
        /// Their number or name
        contact: String,
    },
    /// Start a visible recovery of a chat that is out of step
    Recover {
        /// Their number or name
        contact: String,
        /// Seconds to wait until the relay has it
        #[arg(long, default_value_t = 15)]
        wait: u64,
    },
    /// Write an encrypted backup of this profile, or (--verify) check one
    Backup(Backup),
    /// Make a new profile of a backup and its 24 words
    Restore(Restore),
    /// Print 24 fresh words for a backup; nothing is kept of them
    Words,
    /// Print a whole chat, to keep or to read elsewhere
    Export(Export),
    /// Who you are, how the relays stand, what waits
    Status {
        /// Seconds to wait for the relays
        #[arg(long, default_value_t = 3)]
        wait: u64,
    },
    /// Check this machine: folder, clock, relays, terminal
    Doctor,
    /// Change, set or remove the passphrase
    Passwd(New),
    /// Keep this profile's relay running without the screen
    #[cfg(feature = "host")]
    Host,
    /// Two people and all that their relay knows, on one screen; leaves nothing behind
    Demo,
    /// Print every key and command of the screen
    Keys,
    /// Draw a picture of the screen
    #[command(hide = true)]
    Picture {
        /// The SVG file; stdout when missing
        out: Option<PathBuf>,
    },
}

#[derive(Group, Debug)]
pub(crate) struct Init {
    /// The name that your friends will see
    #[arg(long)]
    pub(crate) name: String,
    /// Your relay: an address that its operator gave you
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) relay: Option<String>,
    /// Host a relay in this profile, announced at this host (and UDP port); without a value, at this machine's own address
    #[cfg(feature = "host")]
    #[arg(long, value_name = "HOST[:PORT]", num_args = 0..=1, default_missing_value = "", conflicts_with = "relay")]
    pub(crate) host: Option<String>,
    #[command(flatten)]
    pub(crate) new: New,
}

/// Which passphrase a profile gets.
#[derive(Group, Debug, Clone)]
pub(crate) struct New {
    /// No passphrase: whoever copies the profile's folder can read it
    #[arg(long, conflicts_with = "new_passphrase_file")]
    pub(crate) no_passphrase: bool,
    /// Read the new passphrase from the first line of this file
    #[arg(long, value_name = "FILE")]
    pub(crate) new_passphrase_file: Option<PathBuf>,
}

#[derive(Group, Debug)]
pub(crate) struct Backup {
    /// The backup; `subrosa-NAME-DATE.backup` here when missing
    #[arg(required_if_eq("verify", "true"))]
    pub(crate) file: Option<PathBuf>,
    /// Write nothing: open FILE with its words and read all of it
    #[arg(long)]
    pub(crate) verify: bool,
    /// Replace FILE if it is there already
    #[arg(long, conflicts_with = "verify")]
    pub(crate) overwrite: bool,
    /// Choose new words; backups that were made before keep theirs
    #[arg(long, conflicts_with = "verify")]
    pub(crate) new_words: bool,
    /// Seconds to wait until your contacts were asked for fresh recovery keys
    #[arg(long, default_value_t = 5)]
    pub(crate) wait: u64,
}

#[derive(Group, Debug)]
pub(crate) struct Restore {
    /// The backup
    pub(crate) file: PathBuf,
    /// Your relay from now on; that of the backup when missing
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) relay: Option<String>,
    /// Host a relay in the new profile, as with `init`
    #[cfg(feature = "host")]
    #[arg(long, value_name = "HOST[:PORT]", num_args = 0..=1, default_missing_value = "", conflicts_with = "relay")]
    pub(crate) host: Option<String>,
    #[command(flatten)]
    pub(crate) new: New,
    /// Seconds to wait until the relays have what tells your contacts
    #[arg(long, default_value_t = 15)]
    pub(crate) wait: u64,
}

/// How a chat is printed.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// A line for each message
    Text,
    /// Names and times as headings, texts as quotations
    Markdown,
    /// The objects of `read --json`
    Json,
}

#[derive(Group, Debug)]
pub(crate) struct Export {
    /// Number or name of the contact
    pub(crate) contact: String,
    /// How
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Into this new file, for you only; stdout when missing
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Group, Debug)]
pub(crate) struct Add {
    /// The link; `-` reads it from stdin, so that it stays out of the shell's history
    pub(crate) link: String,
    /// A few words beside your request at an address
    #[arg(long, default_value = "")]
    pub(crate) greeting: String,
    /// Join although the inviter is a contact already
    #[arg(long)]
    pub(crate) again: bool,
    /// Seconds to wait for the relays
    #[arg(long, default_value_t = 20)]
    pub(crate) wait: u64,
}

#[derive(Group, Debug)]
pub(crate) struct Send {
    /// Number or name of the contact
    pub(crate) contact: String,
    /// The text; `-` reads it from stdin
    pub(crate) text: String,
    /// Seconds to wait until the relay has it; it is sent later otherwise
    #[arg(long, default_value_t = 15)]
    pub(crate) wait: u64,
}

#[derive(Group, Debug)]
pub(crate) struct Read {
    /// Number or name of the contact; all when missing
    pub(crate) contact: Option<String>,
    /// Stay, and print what arrives
    #[arg(long)]
    pub(crate) follow: bool,
    /// The newest N messages of each chat, read or not, mine too; marks nothing
    #[arg(long, value_name = "N")]
    pub(crate) last: Option<u32>,
    /// Seconds to wait for what lies at the relay
    #[arg(long, default_value_t = 3)]
    pub(crate) wait: u64,
}

#[derive(Group, Debug)]
pub(crate) struct Verify {
    /// Number or name of the contact
    pub(crate) contact: String,
    /// You compared the number, and it is the same
    #[arg(long, conflicts_with = "no")]
    pub(crate) yes: bool,
    /// Take it back
    #[arg(long)]
    pub(crate) no: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_help_says_that_the_program_alone_opens_the_screen() {
        let mut command = Args::command();
        for help in [command.render_help(), command.render_long_help()] {
            assert!(help.to_string().contains("`subrosa` alone opens the screen"), "{help}");
        }
    }
}
