//! [`Office`]: answers an operator's questions about the relay that runs in this process.
//!
//! Spec: docs/guide/relay.md, "Asking a running relay". Invariant: no answer but that of `disclose` holds an id of anyone.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};
use subrosa_codec::Day;
use subrosa_wire::RelayAddress;

use crate::announced::Announced;
use crate::config::Config;
use crate::exit::Failure;
use crate::manage::{Errand, Told};
use crate::remote::Remote;
use crate::store::{self, NewToken};
use crate::{disclose, status, tokens, upkeep};

/// Reads the configuration again.
type Reread = Box<dyn Fn() -> Result<Config, Failure> + Send + Sync>;

/// Knows the relay.
pub(crate) struct Office {
    pub(crate) remote: Remote,
    pub(crate) folder: PathBuf,
    pub(crate) address: RelayAddress,
    pub(crate) started: Instant,
    config: Mutex<Config>,
    reread: Reread,
}

impl Office {
    pub(crate) fn new(
        remote: Remote,
        (folder, address): (PathBuf, RelayAddress),
        config: Config,
        reread: Reread,
    ) -> Self {
        Self { remote, folder, address, started: Instant::now(), config: Mutex::new(config), reread }
    }

    /// What the relay runs under.
    pub(crate) fn config(&self) -> Config {
        self.config.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn answer(&self, question: &Value) -> Result<Value, Failure> {
        let number = |name: &str| question[name].as_u64();
        match question["ask"].as_str() {
            Some("status") => status::status(self),
            Some("tokens") => match self.manage(Errand::Tokens)? {
                Told::Tokens(all) => Ok(tokens::all_json(&all)),
                other => Err(unable(other)),
            },
            Some("token-new") => {
                let limits = (number("queues"), number("bytes"));
                let (Some(queues), Some(bytes)) = limits else { return Err(no_question()) };
                let expires = number("expires").and_then(|day| u32::try_from(day).ok()).map(Day);
                let queues = u32::try_from(queues).unwrap_or(u32::MAX);
                match self.manage(Errand::MakeToken(NewToken { queues, bytes, expires }))? {
                    Told::Made(Ok((token, admit))) => {
                        Ok(tokens::made_json(&token, &self.address.clone().with_admit(admit)))
                    }
                    Told::Made(Err(refusal)) => Err(Failure::Refused(refusal)),
                    other => Err(unable(other)),
                }
            }
            Some("token-revoke") => {
                let token =
                    number("number").and_then(|number| u32::try_from(number).ok()).ok_or_else(no_question)?;
                match self.manage(Errand::RevokeToken(token))? {
                    Told::Revoked(true) => Ok(json!({ "revoked": token })),
                    Told::Revoked(false) => Err(Failure::NoToken(token)),
                    other => Err(unable(other)),
                }
            }
            Some("backup") => self.backup(question["to"].as_str().ok_or_else(no_question)?),
            Some("disclose") => self.disclose(number("rows"), question["json"] == true),
            Some("reload") => self.reload(),
            _ => Err(no_question()),
        }
    }

    pub(crate) fn manage(&self, errand: Errand) -> Result<Told, Failure> {
        self.remote.manage(errand).ok_or(Failure::Ending)
    }

    fn backup(&self, to: &str) -> Result<Value, Failure> {
        let to = Path::new(to);
        if !to.is_absolute() {
            return Err(no_question());
        }
        self.remote.copy(&self.folder, to).map_err(Failure::Copy)?;
        let report = store::check(to)?;
        upkeep::sound(&report)?;
        Ok(upkeep::as_json(&report))
    }

    fn disclose(&self, rows: Option<u64>, json: bool) -> Result<Value, Failure> {
        let rows = rows.and_then(|rows| usize::try_from(rows).ok()).unwrap_or(1);
        let knowledge = self.remote.knowledge(rows).ok_or(Failure::Ending)?;
        let announced = Announced::load(&self.folder).ok().flatten();
        let print = if json { disclose::json } else { disclose::text };
        Ok(Value::String(print(&knowledge, announced.as_ref())))
    }

    /// Limits, access and rates of the configuration as it is now. One that is wrong changes nothing.
    pub(crate) fn reload(&self) -> Result<Value, Failure> {
        let new = (self.reread)()?;
        let mut config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        self.remote.reload(&new);
        let restart = config.needs_restart(&new);
        let (limits, rates) = (new.limits, new.rates);
        let (patience, retry_above) = (new.patience, new.retry_above);
        *config = Config { limits, rates, patience, retry_above, ..config.clone() };
        Ok(json!({ "reloaded": true, "restart_for": restart }))
    }
}

fn no_question() -> Failure {
    Failure::Usage("this is no question that the relay knows".to_owned())
}

fn unable(told: Told) -> Failure {
    match told {
        Told::Failed(why) => Failure::Copy(why),
        _ => Failure::Usage("this relay keeps nothing on disk".to_owned()),
    }
}
