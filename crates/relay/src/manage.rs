//! [`Errand`]: what an operator asks of a store that serves, between two commits.
//!
//! Spec: docs/guide/relay.md, "Asking a running relay". Invariant: an errand takes no longer than a commit may; a copy is made
//! of many.

use std::io;
use std::path::PathBuf;

use subrosa_relay_core::StoreFault;
use subrosa_wire::{Admit, Refusal};

use crate::served::Served;
use crate::store::{Backup, NewToken, OpenError, SlabStore, Token, Totals};

/// What is asked.
#[derive(Debug)]
pub(crate) enum Errand {
    Count,
    Tokens,
    MakeToken(NewToken),
    RevokeToken(u32),
    /// Begin a copy of the store in the first folder to the second.
    BeginCopy(PathBuf, PathBuf),
    /// Some more of it.
    StepCopy,
    /// The rest.
    EndCopy,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Told {
    Counts(Totals),
    Tokens(Vec<Token>),
    Made(Result<(Token, Admit), Refusal>),
    Revoked(bool),
    /// Whether there is more to copy.
    Copying(bool),
    Copied,
    /// It did not work; the store is well.
    Failed(OpenError),
    /// This store has nothing of the kind.
    Unable,
}

/// Does errands for one store, one after the other.
pub(crate) type Manager<S> = Box<dyn FnMut(&mut S, Errand) -> Result<Told, StoreFault> + Send>;

/// For the stores that a relay makes itself.
pub(crate) fn manager() -> Manager<Served> {
    let mut copy = None;
    Box::new(move |store, errand| match store {
        Served::Disk(store) => manage(store, &mut copy, errand),
        Served::Memory(_) => Ok(Told::Unable),
    })
}

fn manage(store: &mut SlabStore, copy: &mut Option<Backup>, errand: Errand) -> Result<Told, StoreFault> {
    Ok(match errand {
        Errand::Count => Told::Counts(store.totals()),
        Errand::Tokens => Told::Tokens(store.tokens()),
        Errand::MakeToken(allows) => Told::Made(store.make_token(allows)?),
        Errand::RevokeToken(number) => Told::Revoked(store.revoke_token(number)?),
        Errand::BeginCopy(..) if copy.is_some() => {
            Told::Failed(io::Error::from(io::ErrorKind::ResourceBusy).into())
        }
        Errand::BeginCopy(from, to) => match Backup::begin(store, &from, &to) {
            Ok(begun) => {
                *copy = Some(begun);
                Told::Copying(true)
            }
            Err(error) => Told::Failed(error),
        },
        Errand::StepCopy => match copy.as_mut().map(|copy| copy.step(store)) {
            Some(Ok(more)) => Told::Copying(more),
            Some(Err(error)) => {
                *copy = None;
                Told::Failed(error)
            }
            None => Told::Failed(io::Error::from(io::ErrorKind::NotFound).into()),
        },
        Errand::EndCopy => match copy.take().map(|copy| copy.finish(store)) {
            Some(Ok(())) => Told::Copied,
            Some(Err(error)) => Told::Failed(error),
            None => Told::Failed(io::Error::from(io::ErrorKind::NotFound).into()),
        },
    })
}
