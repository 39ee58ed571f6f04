//! What each command of the binary does.
//!
//! Spec: docs/guide/relay.md, "Commands". Invariant: results go to stdout, everything else to stderr, and neither
//! ever shows a peer's address, an id in use or a capability, except `disclose`, which exists to.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser};
use rustix::fs::Mode;
use serde_json::{Value, json};
use subrosa_wire::RelayAddress;

use crate::announced::Announced;
use crate::cli::{Cli, Command, ConfigCommand};
use crate::config::Config;
use crate::exit::{self, Failure};
use crate::identity::Identity;
use crate::reach::Reach;
use crate::relay::{Relay, StartError};
use crate::store::{self, OpenError};
use crate::{admin, disclose, doctor, log, qr, run, status, tokens, upgrade, upkeep};

/// The whole of `subrosa-relay`.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing is left to tell if even this can't be printed.
            let _ = error.print();
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return ExitCode::from(if asked { 0 } else { exit::USAGE });
        }
    };
    match perform(cli) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of a pipe had enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("subrosa-relay: {failure}");
            ExitCode::from(failure.code())
        }
    }
}

fn perform(cli: Cli) -> Result<(), Failure> {
    // Ids on disk are hashes: one that is wrong would lose what is kept.
    subrosa_wire::self_test()?;
    // Whatever the folder allows: nothing that this process makes is for others.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let command = cli.command.unwrap_or(Command::Run);
    let config = match &command {
        Command::Run
        | Command::Init { .. }
        | Command::Address { .. }
        | Command::Token(_)
        | Command::Doctor { .. } => cli.options.config_there()?,
        // Disclosing shows what is kept, not what is asked for; a configuration belongs to no folder.
        _ => cli.options.config()?,
    };
    log::to_stderr(config.log, config.log_format);
    match command {
        Command::Run => run::run(config, cli.options),
        Command::Init { json } => init(config, json),
        Command::Address { json: true, .. } => address_json(&known_address(&config)?),
        Command::Address { qr, json: false } => print_address(&known_address(&config)?, qr),
        Command::Doctor { json } => doctor::perform(&config, json),
        Command::Upgrade { check: _, json } => upgrade::check(&config, json),
        Command::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "subrosa-relay", &mut out);
            print(&String::from_utf8_lossy(&out))
        }
        Command::Man => {
            let mut out = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut out).map_err(Failure::Output)?;
            print(&String::from_utf8_lossy(&out))
        }
        Command::Status { json } => {
            let status = asked(&folder(&config)?, "status")?;
            print(&if json { format!("{status:#}\n") } else { status::text(&status) })
        }
        Command::Reload { json } => {
            let done = asked(&folder(&config)?, "reload")?;
            print(&if json { format!("{done:#}\n") } else { run::reloaded(&done) })
        }
        Command::Token(command) => tokens::perform(&command, &config, &known_address(&config)?),
        Command::Disclose { json, rows } => disclose_all(&config, json, rows),
        Command::Check { json } => upkeep::check(&folder(&config)?, json),
        Command::Repair { json } => upkeep::repair(&folder(&config)?, json),
        Command::Backup { to, json } => upkeep::backup(&folder(&config)?, &to, json),
        Command::Restore { from, verify: true, json } => upkeep::check(&from, json),
        Command::Restore { from, verify: false, json } => upkeep::restore(&from, &folder(&config)?, json),
        Command::Config(ConfigCommand::Check { json: true }) => print("{\n  \"good\": true\n}\n"),
        Command::Config(ConfigCommand::Check { json: false }) => print("The configuration is good.\n"),
        Command::Config(ConfigCommand::Show { json: true }) => print(&format!("{:#}\n", config.to_json())),
        Command::Config(ConfigCommand::Show { json: false }) => print(&config.to_toml()),
    }
}

pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::Output)
}

/// Makes everything that a start makes, by starting once.
fn init(config: Config, json: bool) -> Result<(), Failure> {
    let relay = Relay::start(config)?;
    let address = relay.address().clone();
    relay.stop();
    if json { address_json(&address) } else { print_address(&address, false) }
}

fn address_json(address: &RelayAddress) -> Result<(), Failure> {
    let reach = Reach::of(address.host()).sentence();
    print(&format!("{:#}\n", json!({ "address": address.to_string(), "reach": reach })))
}

/// What the running relay answers.
fn asked(folder: &Path, question: &str) -> Result<Value, Failure> {
    let answer = admin::ask(folder, &json!({ "ask": question }));
    answer.unwrap_or_else(|| Err(Failure::NotRunning(folder.display().to_string())))
}

pub(crate) fn print_address(address: &RelayAddress, qr: bool) -> Result<(), Failure> {
    let mut text = format!("{address}\n");
    if qr {
        text += &qr::half_blocks(&address.to_string()).unwrap_or_default();
    }
    print(&text)?;
    // For the person, not for the program that reads the address.
    eprintln!("{}", Reach::of(address.host()).sentence());
    Ok(())
}

pub(crate) fn folder(config: &Config) -> Result<PathBuf, Failure> {
    config.data.clone().ok_or_else(|| Failure::Usage("no data folder; give one with --data".to_owned()))
}

/// What the relay in `folder` announced last, if it ever did.
fn announced(folder: &Path) -> Result<Option<Announced>, StartError> {
    Announced::load(folder).map_err(|error| StartError::Folder { path: folder.to_owned(), error })
}

/// The address of the relay in the data folder, running or not.
pub(crate) fn known_address(config: &Config) -> Result<RelayAddress, Failure> {
    let folder = folder(config)?;
    let missing = || Failure::NoRelay(folder.display().to_string());
    let identity = Identity::load(&folder)?.ok_or_else(missing)?;
    let Announced { listen, host, .. } = Announced::known(config, announced(&folder)?.as_ref());
    if listen.port() == 0 {
        // It has a key, and no start ever got as far as a port.
        return Err(missing());
    }
    let address = RelayAddress::new(identity.pin(), &host, listen.port());
    Ok(address.map_err(|error| StartError::Host { host, error })?)
}

fn disclose_all(config: &Config, json: bool, rows: usize) -> Result<(), Failure> {
    let folder = folder(config)?;
    let question = json!({ "ask": "disclose", "rows": rows, "json": json });
    if let Some(answer) = admin::ask(&folder, &question) {
        return print(answer?.as_str().unwrap_or_default());
    }
    let missing = || Failure::NoRelay(folder.display().to_string());
    let knowledge = match store::inspect(&folder, rows) {
        Err(OpenError::InUse) => return Err(Failure::Running),
        known => known?.ok_or_else(missing)?,
    };
    let announced = announced(&folder)?;
    let announced = announced.as_ref();
    print(&if json { disclose::json(&knowledge, announced) } else { disclose::text(&knowledge, announced) })
}
