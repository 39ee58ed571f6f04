//! The thread that answers queries, beside the one that writes.
//!
//! Invariant: it reads what is committed and nothing else; the keeper tells it of message rows before the screen hears of them.

use std::sync::mpsc;

use subrosa_engine::Change;
use subrosa_engine::api::{Answer, Query};
use tokio::sync::oneshot;

use crate::error::ClientError;
use crate::options::Clock;
use crate::vault::Reader;

/// To the reader.
#[derive(Debug)]
pub(crate) enum Ask {
    /// A question.
    Query(Query, oneshot::Sender<Result<Answer, ClientError>>),
    /// Message rows that were just committed.
    Learn(Vec<Change>),
    /// The end.
    End,
}

/// Answers until the keeper ends.
pub(crate) fn serve(reader: &Reader, asks: &mpsc::Receiver<Ask>, clock: &Clock) {
    while let Ok(ask) = asks.recv() {
        match ask {
            Ask::Query(query, reply) => {
                // Whoever asked may be gone.
                let _ = reply.send(reader.query(&query, clock()).map_err(ClientError::from));
            }
            Ask::End => return,
            Ask::Learn(changes) => changes.iter().for_each(|change| reader.learn(change)),
        }
    }
}
