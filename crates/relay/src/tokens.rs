//! `token`: admission tokens, through the running relay or, when none runs, in the store itself.
//!
//! Spec: docs/guide/relay.md, "Access". Invariant: a token is printed once, as part of the address that it was made for.

use std::path::Path;

use serde_json::{Value, json};
use subrosa_codec::Day;
use subrosa_wire::RelayAddress;

use crate::admin;
use crate::calendar;
use crate::cli::TokenCommand;
use crate::clock;
use crate::commands::print;
use crate::config::Config;
use crate::exit::Failure;
use crate::store::{NewToken, OpenError, SlabStore, Token};

/// Does what `command` says.
pub(crate) fn perform(
    command: &TokenCommand,
    config: &Config,
    address: &RelayAddress,
) -> Result<(), Failure> {
    let folder = config.data.as_deref().ok_or_else(|| Failure::Usage("no data folder".to_owned()))?;
    let (question, json) = question(command)?;
    let answer = match admin::ask(folder, &question) {
        Some(answer) => answer?,
        None => offline(&question, (folder, config), address)?,
    };
    print(&if json { format!("{answer:#}\n") } else { text(command, &answer) })
}

fn question(command: &TokenCommand) -> Result<(Value, bool), Failure> {
    Ok(match command {
        TokenCommand::New { queues, bytes, expires, json } => {
            let today = clock::wall();
            let day = expires.as_deref().map(|text| calendar::day(text, today)).map(|day| {
                day.filter(|day| *day >= today && day.0 < u32::from(u16::MAX)).ok_or_else(|| {
                    Failure::Usage(
                        "--expires takes a date to come, as 2030-12-31, or days, as 30d".to_owned(),
                    )
                })
            });
            let day = day.transpose()?.map(|day| day.0);
            (json!({ "ask": "token-new", "queues": queues, "bytes": bytes, "expires": day }), *json)
        }
        TokenCommand::List { json } => (json!({ "ask": "tokens" }), *json),
        TokenCommand::Revoke { number, json } => (json!({ "ask": "token-revoke", "number": number }), *json),
    })
}

/// In the store of a stopped relay.
fn offline(
    question: &Value,
    (folder, config): (&Path, &Config),
    address: &RelayAddress,
) -> Result<Value, Failure> {
    let mut store = SlabStore::open(folder, config.store, config.limits).map_err(|error| match error {
        OpenError::InUse => Failure::Running,
        error => error.into(),
    })?;
    let answer = match question["ask"].as_str() {
        Some("token-new") => {
            let number = |name: &str| question[name].as_u64().unwrap_or_default();
            let allows = NewToken {
                queues: u32::try_from(number("queues")).unwrap_or(u32::MAX),
                bytes: number("bytes"),
                expires: question["expires"].as_u64().and_then(|day| u32::try_from(day).ok()).map(Day),
            };
            let made = store.make_token(allows)?;
            made.map(|(token, admit)| made_json(&token, &address.clone().with_admit(admit)))
                .map_err(Failure::Refused)
        }
        Some("token-revoke") => {
            let number =
                question["number"].as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
            if store.revoke_token(number)? {
                Ok(json!({ "revoked": number }))
            } else {
                Err(Failure::NoToken(number))
            }
        }
        _ => Ok(all_json(&store.tokens())),
    };
    store.close()?;
    answer
}

fn token_json(token: &Token) -> Value {
    json!({
        "number": token.number,
        "queues": { "used": token.used_queues, "limit": token.allows.queues },
        "bytes": { "used": token.used_bytes, "limit": token.allows.bytes },
        "expires": token.allows.expires.map(calendar::date),
    })
}

/// Every token, without the tokens.
pub(crate) fn all_json(tokens: &[Token]) -> Value {
    json!({ "tokens": tokens.iter().map(token_json).collect::<Vec<_>>() })
}

/// A token that was just made, with the address that holds it.
pub(crate) fn made_json(token: &Token, address: &RelayAddress) -> Value {
    let mut made = token_json(token);
    made["address"] = json!(address.to_string());
    made
}

fn text(command: &TokenCommand, answer: &Value) -> String {
    match command {
        TokenCommand::New { .. } => format!("{}\n", answer["address"].as_str().unwrap_or_default()),
        TokenCommand::Revoke { number, .. } => {
            format!(
                "Token {number} is revoked. What was made under it stays until its lease or its days end.\n"
            )
        }
        TokenCommand::List { .. } => {
            let tokens = answer["tokens"].as_array();
            let line = |token: &Value| {
                let part = |name: &str| format!("{} of {}", token[name]["used"], token[name]["limit"]);
                let until = token["expires"].as_str().unwrap_or("revoked");
                format!(
                    "token {}: {} queues and {} bytes in these 32 days, until {until}\n",
                    token["number"],
                    part("queues"),
                    part("bytes")
                )
            };
            match tokens {
                Some(tokens) if !tokens.is_empty() => tokens.iter().map(line).collect(),
                _ => "There are no tokens; `subrosa-relay token new` makes one.\n".to_owned(),
            }
        }
    }
}
