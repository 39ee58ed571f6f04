//! One connection to a relay: HELLO, then requests out and answers in until it ends.
//!
//! Spec: docs/spec/relay.md, "Transport". Invariant: every byte of the relay passes the [`Decoder`] and the [`Desk`]; what
//! those refuse ends the connection.

use std::time::Duration;

use quinn::{Connection, RecvStream, SendStream};
use subrosa_engine::Event;
use subrosa_wire::{
    Admit, Decoder, FEATURES, Frame, FrameError, GoAway, Hello, MINOR, Request, Response, Rid, Welcome,
};
use tokio::time::{Instant, timeout};

use super::desk::{Breach, Desk, Heard, Task};
use crate::runtime::activity::Busy;

/// How long an answer may take before the connection counts as dead.
const ANSWER: Duration = Duration::from_secs(20);
/// Bytes that are waiting to be written before no further request is made.
const OUT_MAX: usize = 64 << 10;
/// Bytes read at a time.
const READ: usize = 16 << 10;

/// Why a connection ended, or never began.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error("the connection broke")]
    Broken,
    #[error("it did not answer in time")]
    Silent,
    #[error("it said something that is no subrosa frame ({0})")]
    Frame(#[from] FrameError),
    #[error("{0}")]
    Breach(#[from] Breach),
    #[error("this machine could not store what it delivered: it will deliver it again")]
    Unstored,
    #[error("{}", .0.reason)]
    GoAway(GoAway),
}

/// An open command stream.
#[derive(Debug)]
pub(crate) struct Session {
    connection: Connection,
    send: SendStream,
    recv: RecvStream,
    decoder: Decoder<Response>,
    out: Vec<u8>,
    input: Vec<u8>,
    desk: Desk,
    /// When the relay last said something, or was asked something after having answered everything.
    heard: Instant,
}

impl Session {
    /// Says HELLO on a new stream of `connection`, for whoever has `admit`.
    ///
    /// # Errors
    /// [`Ended`] when WELCOME does not follow.
    pub(crate) async fn begin(connection: Connection, admit: Admit) -> Result<(Self, Welcome), Ended> {
        let (mut send, mut recv) = connection.open_bi().await.map_err(|_| Ended::Broken)?;
        let hello = Frame::new(Rid(1), Request::Hello(Hello { minor: MINOR, features: FEATURES }));
        send.write_all(&hello.encode()).await.map_err(|_| Ended::Broken)?;
        let mut decoder = Decoder::new();
        let (welcome, input) =
            timeout(ANSWER, welcome(&mut recv, &mut decoder)).await.map_err(|_| Ended::Silent)??;
        let session = Self {
            connection,
            send,
            recv,
            decoder,
            out: Vec::new(),
            input,
            desk: Desk::new(&welcome, admit),
            heard: Instant::now(),
        };
        Ok((session, welcome))
    }

    /// Takes on a task; [`step`](Self::step) does it.
    pub(crate) fn give(&mut self, task: Task) {
        self.desk.give(task);
    }

    /// Whether everything is answered and every answer handed on.
    pub(crate) fn is_idle(&self) -> bool {
        self.desk.is_idle() && self.out.is_empty()
    }

    /// Whether a queue of ours is read over it.
    pub(crate) fn reads(&self) -> bool {
        self.desk.reads()
    }

    /// Writes, reads and waits until the relay said something for the engine. Cancel-safe: nothing is lost when
    /// the future is dropped, and the next call goes on.
    ///
    /// # Errors
    /// [`Ended`] when the connection is over.
    pub(crate) async fn step(&mut self) -> Result<(Event, Option<Busy>), Ended> {
        loop {
            if let Some(heard) = self.decode()? {
                return Ok(heard);
            }
            self.fill();
            let mut buffer = [0; READ];
            let deadline = if self.desk.awaits() { Some(self.heard + ANSWER) } else { None };
            tokio::select! {
                wrote = self.send.write(&self.out), if !self.out.is_empty() => {
                    self.out.drain(..wrote.map_err(|_| Ended::Broken)?);
                }
                read = self.recv.read(&mut buffer) => {
                    let len = read.map_err(|_| Ended::Broken)?.ok_or(Ended::Broken)?;
                    self.heard = Instant::now();
                    self.input.extend_from_slice(buffer.get(..len).unwrap_or_default());
                }
                () = until(deadline) => return Err(Ended::Silent),
            }
        }
    }

    /// Puts requests into the output while there is room and leave.
    fn fill(&mut self) {
        while self.out.len() < OUT_MAX {
            let waited = self.desk.awaits();
            let Some(bytes) = self.desk.next_request() else { return };
            if !waited {
                self.heard = Instant::now();
            }
            self.out.extend_from_slice(&bytes);
        }
    }

    /// The next thing for the engine out of what was read.
    fn decode(&mut self) -> Result<Option<(Event, Option<Busy>)>, Ended> {
        let mut rest = self.input.as_slice();
        let mut found = None;
        while found.is_none() && !rest.is_empty() {
            let Some(frame) = self.decoder.decode(&mut rest)? else { break };
            match self.desk.hear(frame)? {
                Heard::Event(event, busy) => found = Some((event, busy)),
                Heard::GoAway(bye) => return Err(Ended::GoAway(bye)),
                Heard::Nothing => {}
            }
        }
        let used = self.input.len() - rest.len();
        self.input.drain(..used);
        Ok(found)
    }

    /// Ends the connection; unanswered tasks are left to `resume`.
    pub(crate) fn end(self) {
        self.connection.close(quinn::VarInt::from_u32(0), b"");
    }
}

/// Reads up to WELCOME; gives it and the bytes after it.
async fn welcome(
    recv: &mut RecvStream,
    decoder: &mut Decoder<Response>,
) -> Result<(Welcome, Vec<u8>), Ended> {
    let mut buffer = [0; 1024];
    loop {
        let len = recv.read(&mut buffer).await.map_err(|_| Ended::Broken)?.ok_or(Ended::Broken)?;
        let mut rest = buffer.get(..len).unwrap_or_default();
        let Some(frame) = decoder.decode(&mut rest)? else { continue };
        return match (frame.rid, frame.message) {
            (Rid(1), Response::Welcome(welcome)) => Ok((welcome, rest.to_vec())),
            (_, Response::GoAway(bye)) => Err(Ended::GoAway(bye)),
            (Rid(1), Response::Reply(Err(reason))) => {
                Err(Ended::GoAway(GoAway { reason, retry: 0, jitter: 0 }))
            }
            _ => Err(Breach::Unasked.into()),
        };
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
