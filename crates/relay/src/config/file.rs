//! Reading the configuration file, with errors that name the line.
//!
//! Spec: docs/guide/relay.md, "Configuration". Invariant: an unknown key is an error, never a setting that silently
//! does nothing.

use std::io;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::Config;
use crate::config::settings::{Item, SETTINGS};

/// Why a configuration file is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It can't be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A line of it is wrong.
    #[error("{path}, line {line}: {what}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it, and what to do.
        what: String,
    },
}

/// The byte at which a fault stands, and what it is.
type Fault = (usize, String);

/// `config` with what the file says.
pub(super) fn load(path: &Path, config: Config) -> Result<Config, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| ConfigError::Read { path: path.to_owned(), error })?;
    parse(&text, config).map_err(|(at, what)| {
        let line = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        ConfigError::Line { path: path.to_owned(), line, what }
    })
}

pub(super) fn parse(text: &str, mut config: Config) -> Result<Config, Fault> {
    let table = DeTable::parse(text)
        .map_err(|error| (error.span().map_or(0, |span| span.start), error.message().to_owned()))?;
    for (name, value) in table.get_ref() {
        let (section, at) = (name.get_ref(), name.span().start);
        if !SETTINGS.iter().any(|setting| setting.section == section) {
            return Err((at, unknown_section(section, value.get_ref())));
        }
        let DeValue::Table(keys) = value.get_ref() else {
            return Err((at, format!("[{section}] must be a section")));
        };
        for (key, value) in keys {
            read_key(&mut config, section, (key.get_ref(), key.span().start), value)?;
        }
    }
    Ok(config)
}

fn read_key(
    config: &mut Config,
    section: &str,
    (key, at): (&str, usize),
    value: &Spanned<DeValue<'_>>,
) -> Result<(), Fault> {
    let known = SETTINGS.iter().filter(|setting| setting.section == section);
    let Some(setting) = known.clone().find(|setting| setting.name == key) else {
        if let Some(elsewhere) = SETTINGS.iter().find(|setting| setting.name == key) {
            return Err((at, format!("\"{key}\" belongs into [{}]", elsewhere.section)));
        }
        return Err((at, unknown_key(key, section)));
    };
    let wrong = |what: &str| (value.span().start, format!("\"{key}\" in [{section}] {what}"));
    let item = match value.get_ref() {
        DeValue::String(text) => Item::Text(text.to_string()),
        DeValue::Integer(number) => {
            let digits = u64::from_str_radix(&number.as_str().replace('_', ""), number.radix());
            Item::Number(digits.map_err(|_| wrong("must be a whole number of 0 or more"))?)
        }
        _ => return Err(wrong("must be a string or a whole number")),
    };
    (setting.write)(config, &item).map_err(wrong)
}

/// What is wrong with a name outside all sections, or with a section that does not exist.
fn unknown_section(name: &str, value: &DeValue<'_>) -> String {
    let key = SETTINGS.iter().find(|setting| setting.name == name);
    match (value, key) {
        (DeValue::Table(_), _) | (_, None) => {
            let sections = SETTINGS.iter().map(|setting| setting.section);
            let nearest = nearest(name, sections.clone());
            unknown("section", name, nearest.map(|nearest| format!("\"{nearest}\"")), sections)
        }
        (_, Some(key)) => format!("\"{name}\" belongs into [{}]", key.section),
    }
}

/// What is wrong with a key that no section has: the nearest one may stand in another section.
fn unknown_key(name: &str, section: &str) -> String {
    let known = SETTINGS.iter().filter(|setting| setting.section == section).map(|setting| setting.name);
    let here = nearest(name, known.clone()).map(|nearest| format!("\"{nearest}\""));
    let elsewhere = || {
        let nearest = nearest(name, SETTINGS.iter().map(|setting| setting.name))?;
        let setting = SETTINGS.iter().find(|setting| setting.name == nearest)?;
        Some(format!("\"{nearest}\" in [{}]", setting.section))
    };
    unknown("key", name, here.or_else(elsewhere), known)
}

/// The known name that `name` may have meant.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |other: &str| strsim::jaro(name, other);
    known.max_by(|a, b| likeness(a).total_cmp(&likeness(b))).filter(|nearest| likeness(nearest) > 0.7)
}

/// Says that `name` is unknown, and what it may have meant, or all that is known.
fn unknown<'a>(
    what: &str,
    name: &str,
    meant: Option<String>,
    known: impl Iterator<Item = &'a str>,
) -> String {
    match meant {
        Some(meant) => format!("unknown {what} \"{name}\"; did you mean {meant}?"),
        None => {
            let mut all: Vec<_> = known.collect();
            all.dedup();
            format!("unknown {what} \"{name}\"; known are: {}", all.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EXAMPLE;

    #[test]
    fn the_example_is_exactly_the_defaults() {
        assert_eq!(parse(EXAMPLE, Config::default()), Ok(Config::default()));
        assert_eq!(EXAMPLE, Config::default().to_toml(), "write Config::default().to_toml() to relay.toml");
    }

    #[test]
    fn every_setting_is_read_back_as_it_was_written() {
        let mut config = Config::local(PathBuf::from("/a \"b\"/c"));
        config.host = Some("relay.example.org".to_owned());
        config.limits.queues = 77;
        config.accept_clock = false;
        config.log_format = crate::config::LogFormat::Json;
        config.http = "[::1]:9672".parse().ok();
        assert_eq!(parse(&config.to_toml(), Config::default()), Ok(config));
    }

    fn fault(text: &str) -> String {
        let folder = tempfile::tempdir().expect("makes a folder");
        let path = folder.path().join("relay.toml");
        std::fs::write(&path, text).expect("writes");
        load(&path, Config::default())
            .expect_err("is wrong")
            .to_string()
            .replace(&path.display().to_string(), "FILE")
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_nearest_known_one() {
        let found = fault("[limits]\nqueues = 5\nqueue_sells = 1\n");
        assert_eq!(found, "FILE, line 3: unknown key \"queue_sells\"; did you mean \"queue_cells\"?");
        assert!(
            fault("[limmits]\n").contains("line 1: unknown section \"limmits\"; did you mean \"limits\"?")
        );
        assert!(fault("[servers]\n").contains("unknown section \"servers\"; "));
        assert!(fault("[zzz]\nlisten = 1\n").contains("\"zzz\"; known are: relay, limits, store, network"));
        assert!(fault("[store]\nqueues = 5\n").contains("belongs into [limits]"));
        assert!(fault("listen = \"[::]:1\"\n").contains("line 1: \"listen\" belongs into [relay]"));
        let found = fault("[store]\nqueue_sells = 1\n");
        assert!(found.contains("line 2") && found.contains("mean \"queue_cells\" in [limits]?"), "{found}");
        assert!(fault("[relay]\nzzz = 5\n").contains("known are: data, listen, host, log"));
    }

    #[test]
    fn a_wrong_value_says_what_it_must_be() {
        assert!(
            fault("[relay]\n\nlisten = \"nowhere\"\n")
                .contains("line 3: \"listen\" in [relay] must be an address")
        );
        assert!(fault("[limits]\nqueues = \"many\"\n").contains("must be a whole number"));
        assert!(fault("[limits]\nqueues = -1\n").contains("must be a whole number of 0 or more"));
        assert!(fault("[limits]\nsweep = 99999999999\n").contains("is too large"));
        assert!(fault("[limits\n").contains("line 1"));
        for elsewhere in
            ["0.0.0.0:9672", "[::]:9672", "192.168.1.2:9672", "[2001:db8::1]:9672", "[::ffff:127.0.0.1]:1"]
        {
            let found = fault(&format!("[observe]\nhttp = \"{elsewhere}\"\n"));
            assert!(found.contains("must be a loopback address") && found.contains("ssh -L"), "{found}");
        }
        assert!(fault("[observe]\nhttp = \"localhost\"\n").contains("must be a loopback address and a port"));
    }
}
