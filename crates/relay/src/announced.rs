//! [`Announced`]: where this relay serves and what it announced, kept in its data folder.
//!
//! Spec: docs/guide/relay.md, "Who can reach it". Invariant: what a start announced is what every later start, and
//! `address`, announce, until somebody asks for something else.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use crate::config::Config;
use crate::{files, reach};

/// Its file in the data folder.
const FILE: &str = "address";
/// The first line: what this file is, for a person.
const TITLE: &str = "subrosa relay address";

/// What the folder keeps of the address. The key in it is `relay.key`'s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Announced {
    /// As it was asked for, with the port that was chosen.
    pub(crate) listen: SocketAddr,
    /// A name or an IP address, IPv6 without brackets.
    pub(crate) host: String,
    /// Whether somebody named the host. A host that was found is looked for again at each start: the machine may
    /// have moved.
    pub(crate) named: bool,
}

impl Announced {
    /// Reads `title \n listen ADDRESS \n host named|found HOST \n`.
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != TITLE {
            return None;
        }
        let listen: SocketAddr = lines.next()?.strip_prefix("listen ")?.parse().ok()?;
        let (how, host) = lines.next()?.strip_prefix("host ")?.split_once(' ')?;
        let named = match how {
            "named" => true,
            "found" => false,
            _ => return None,
        };
        let whole = listen.port() != 0 && !host.is_empty();
        whole.then(|| Self { listen, host: host.to_owned(), named })
    }

    /// The mirror of [`Announced::parse`].
    fn write(&self) -> String {
        let how = if self.named { "named" } else { "found" };
        format!("{TITLE}\nlisten {}\nhost {how} {}\n", self.listen, self.host)
    }

    /// What the relay in `folder` announced last, if it ever did.
    ///
    /// # Errors
    /// Whatever the file system reports; `InvalidData` when the file is not one of ours.
    pub(crate) fn load(folder: &Path) -> io::Result<Option<Self>> {
        let Some(bytes) = files::read_if_there(&folder.join(FILE))? else { return Ok(None) };
        let parsed = String::from_utf8(bytes).ok().and_then(|text| Self::parse(&text));
        let damaged = || {
            let what = "its file \"address\" is damaged; restore it from a backup, or remove it and give --listen \
                        and --host as before";
            io::Error::new(io::ErrorKind::InvalidData, what)
        };
        parsed.map(Some).ok_or_else(damaged)
    }

    /// Keeps it in `folder`; what is there already is not written again.
    ///
    /// # Errors
    /// Whatever the file system reports.
    pub(crate) fn keep(&self, folder: &Path) -> io::Result<()> {
        if Self::load(folder)?.as_ref() == Some(self) {
            return Ok(());
        }
        files::write_new(&folder.join(FILE), self.write().as_bytes())
    }

    /// `config` with what is kept: below whatever is put over it afterwards.
    pub(crate) fn under(self, config: Config) -> Config {
        Config { listen: self.listen, host: self.named.then_some(self.host), ..config }
    }

    /// Where `config` asks to listen: its port 0 is the port that was chosen once, and stays 0 before that.
    pub(crate) fn listen(config: &Config, kept: Option<&Self>) -> SocketAddr {
        let port = match config.listen.port() {
            0 => kept.map_or(0, |kept| kept.listen.port()),
            port => port,
        };
        SocketAddr::new(config.listen.ip(), port)
    }

    /// What a relay under `config` announces, asked beside the running one: a host that the relay found counts as
    /// long as it listens where it did.
    pub(crate) fn known(config: &Config, kept: Option<&Self>) -> Self {
        let listen = Self::listen(config, kept);
        let found = kept.filter(|kept| !kept.named && kept.listen == listen);
        let host = match (&config.host, found) {
            (Some(host), _) => host.clone(),
            (None, Some(kept)) => kept.host.clone(),
            (None, None) => reach::announced_host(listen),
        };
        Self { listen, host, named: config.host.is_some() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(named: bool) -> Announced {
        Announced { listen: "[::]:7000".parse().expect("parses"), host: "h.example".to_owned(), named }
    }

    #[test]
    fn what_is_kept_is_read_back_and_anything_else_is_damaged() {
        let folder = tempfile::tempdir().expect("makes a folder");
        assert_eq!(Announced::load(folder.path()).expect("reads"), None);
        for named in [true, false] {
            announced(named).keep(folder.path()).expect("keeps");
            assert_eq!(Announced::load(folder.path()).expect("reads"), Some(announced(named)));
        }
        for text in ["", "subrosa relay address\nlisten 127.0.0.1:0\nhost named h\n", "7672\n"] {
            std::fs::write(folder.path().join(FILE), text).expect("writes");
            let error = Announced::load(folder.path()).expect_err("is damaged");
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{text:?}");
        }
    }

    #[test]
    fn a_host_that_was_found_counts_only_where_the_relay_still_listens() {
        let asked = |listen: &str| Config { listen: listen.parse().expect("parses"), ..Config::default() };
        let host = |config: &Config| Announced::known(config, Some(&announced(false))).host;
        assert_eq!(host(&asked("[::]:7000")), "h.example");
        assert_eq!(host(&asked("[::]:0")), "h.example", "port 0 is the port that was chosen");
        assert_eq!(host(&asked("127.0.0.1:7000")), "127.0.0.1");
        assert_eq!(announced(false).under(Config::default()).host, None);
        assert_eq!(announced(true).under(Config::default()).host, Some("h.example".to_owned()));
    }
}
