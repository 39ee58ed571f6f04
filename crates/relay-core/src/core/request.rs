//! Requests: what may be asked here, and the operation that it becomes.
//!
//! Spec: docs/spec/relay.md, "Requests". Invariant: a request is counted, judged against its limits and hashed
//! before anything of it is kept.

use alloc::vec::Vec;

use subrosa_codec::Day;
use subrosa_wire::{
    Admit, BlobPut, Frame, Handle, InvitePut, MINOR, Open, QueueId, Refusal, Request, Response, Rid, Seq,
    UNANSWERED, UNANSWERED_CHUNKS, WINDOW, Welcome,
};

use super::stream::{Asker, Conn, Fetching, Pending, Turn};
use super::{Core, Phase};
use crate::{BlobOp, ConnId, InviteOp, Op, Output, Stream, lease_period};

impl Core {
    pub(super) fn frame(&mut self, conn: ConnId, frame: Frame<Request>, out: &mut Vec<Output>) {
        let Frame { rid, message } = frame;
        let Some(from) = self.conns.get_mut(&conn) else { return };
        if let Err(reason) = may_ask(from, &message) {
            return self.hang(conn, reason, out);
        }
        let at_once = match message {
            Request::Hello(_) => {
                from.greeted = true;
                Response::Welcome(self.welcome())
            }
            Request::Ping => Response::Reply(Ok(self.today.0.into())),
            Request::Ack { handle, upto } => return self.ack(conn, rid, (handle, upto), out),
            _ if self.phase == Phase::Draining => Response::Reply(Err(Refusal::Draining)),
            message => match self.ask(conn, rid, message, out) {
                Ok(()) => return,
                Err(refusal) => Response::Reply(Err(refusal)),
            },
        };
        self.send(conn, rid, at_once, out);
    }

    fn welcome(&self) -> Welcome {
        // REL-24.
        Welcome {
            minor: MINOR,
            features: self.limits.features(),
            day: self.today,
            terms: self.limits.terms(),
        }
    }

    /// Gives out the operation or the read that answers `message`.
    fn ask(
        &mut self,
        conn: ConnId,
        rid: Rid,
        message: Request,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        let asker = Asker { conn, rid, chunk: message.moves_chunk() };
        let op = match message {
            Request::Open(open) => return self.open(asker, &open, out),
            Request::BlobGet { read, index } => return self.get_chunk(asker, (read.id(), index), out),
            Request::Append { write, cell } => {
                Op::Append { queue: write.id(), cell, expires: self.last_day(self.limits.cell_days) }
            }
            Request::Close { read } => Op::Close { read: read.id() },
            Request::RotateRead { read, to } => Op::RotateRead { read: read.id(), to },
            Request::InvitePut(put) => self.put_invite(conn, put)?,
            Request::InviteTake { fetch, claim } => {
                Op::Invite(InviteOp::Take { id: fetch.id(), claim: claim.hash() })
            }
            Request::InviteCheck { owner } => Op::Invite(InviteOp::Check { owner: owner.id() }),
            Request::InviteRevoke { owner } => Op::Invite(InviteOp::Revoke { owner: owner.id() }),
            Request::BlobPut(put) => self.put_chunk(conn, put)?,
            Request::BlobDrop { owner } if self.limits.chunks > 0 => {
                Op::Blob(BlobOp::Drop { owner: owner.id() })
            }
            _ => return Err(Refusal::Unsupported),
        };
        self.give_out(asker, Turn::of(&op), op, out);
        Ok(())
    }

    fn open(&mut self, asker: Asker, open: &Open, out: &mut Vec<Output>) -> Result<(), Refusal> {
        let most = self.limits.handles as usize;
        let conn = self.conns.get_mut(&asker.conn).ok_or(Refusal::TooMany)?;
        if conn.handles.len() + usize::from(conn.opening) >= most {
            return Err(Refusal::TooMany);
        }
        conn.opening += 1;
        conn.admit = open.admit;
        let renew = self.last_day(self.limits.lease_days);
        let op = Op::Open { queue: open.queue, read: open.read.id(), admit: open.admit, renew };
        self.give_out(asker, Turn::Open(open.credit.min(WINDOW)), op, out);
        Ok(())
    }

    fn put_invite(&mut self, conn: ConnId, put: InvitePut) -> Result<Op, Refusal> {
        let InvitePut { id, owner, kind, days, bundle } = put;
        if u16::from(days) > self.limits.invite_days {
            return Err(Refusal::TooLong);
        }
        let expires = self.last_day(days.into());
        let from = self.conns.get_mut(&conn).ok_or(Refusal::TooMany)?;
        if from.puts >= self.limits.puts {
            return Err(Refusal::TooMany);
        }
        from.puts += 1;
        let admit = from.admit;
        Ok(Op::Invite(InviteOp::Put { id, owner, kind, expires, bundle, admit }))
    }

    fn put_chunk(&self, conn: ConnId, put: BlobPut) -> Result<Op, Refusal> {
        let BlobPut { blob, owner, index, of, days, chunk } = put;
        if self.limits.chunks == 0 {
            return Err(Refusal::Unsupported);
        }
        if u16::from(days) > self.limits.blob_days || of > self.limits.blob_chunks {
            return Err(Refusal::TooLong);
        }
        let expires = self.last_day(days.into());
        let admit = self.admit_of(conn);
        Ok(Op::Blob(BlobOp::Put { blob, owner, index, of, expires, chunk, admit }))
    }

    /// The token of a stream's connection.
    fn admit_of(&self, conn: ConnId) -> Admit {
        let Some(from) = self.conns.get(&conn) else { return Admit::OPEN };
        match from.stream {
            Stream::Command => from.admit,
            Stream::Chunks(command) => self.conns.get(&command).map_or(Admit::OPEN, |command| command.admit),
        }
    }

    fn get_chunk(
        &mut self,
        asker: Asker,
        (blob, index): (subrosa_wire::BlobId, u32),
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        if self.limits.chunks == 0 {
            return Err(Refusal::Unsupported);
        }
        if self.queued >= self.limits.output_total {
            return Err(Refusal::Busy);
        }
        self.count(asker);
        let ticket = self.ticket(Fetching::Chunk(asker));
        out.push(Output::FetchChunk { ticket, blob, index });
        Ok(())
    }

    /// Cumulative, of this subscription only, and never beyond what it was sent.
    fn ack(&mut self, conn: ConnId, rid: Rid, (handle, upto): (Handle, Seq), out: &mut Vec<Output>) {
        // REL-31.
        let Some(queue) = self.queue_of(conn, handle).filter(|queue| !self.is_ending(*queue)) else {
            self.send(conn, rid, Response::Reply(Err(Refusal::Missing)), out);
            return;
        };
        let Some(upto) = self.release(queue, upto) else {
            // Nothing that was not acknowledged before: no commit.
            self.send(conn, rid, Response::DONE, out);
            return;
        };
        let asker = Asker { conn, rid, chunk: false };
        self.give_out(asker, Turn::Plain, Op::Ack { queue, upto }, out);
        self.pump(queue, out);
        self.pump_stream(conn, out);
    }

    /// Whether the queue will be gone when an operation given out now is committed. If it is made anew by then, its
    /// places begin again, and an ack of the old one's cells would erase the new one's.
    fn is_ending(&self, queue: QueueId) -> bool {
        let Some(sub) = self.subs.get(&queue) else { return true };
        if sub.lease < lease_period(self.today) {
            return true;
        }
        if self.closing == 0 {
            return false;
        }
        let mut read = sub.read;
        for pending in &self.pending {
            match pending.turn {
                Turn::Close(ends) if ends == read => return true,
                Turn::Rotate(from, to) if from == read => read = to,
                _ => {}
            }
        }
        false
    }

    fn give_out(&mut self, asker: Asker, turn: Turn, op: Op, out: &mut Vec<Output>) {
        self.count(asker);
        self.closing += usize::from(matches!(turn, Turn::Close(_)));
        self.pending.push_back(Pending { asker: Some(asker), turn });
        out.push(Output::Commit(op));
    }

    fn count(&mut self, asker: Asker) {
        if let Some(conn) = self.conns.get_mut(&asker.conn) {
            conn.unanswered += 1;
            conn.chunks += u16::from(asker.chunk);
        }
    }

    /// The last of `days` full days from today on.
    fn last_day(&self, days: u16) -> Day {
        self.today.plus(days.into())
    }
}

/// Whether this stream may ask this now. A breach ends the connection.
fn may_ask(from: &Conn, message: &Request) -> Result<(), Refusal> {
    // REL-56.
    let in_place = match (from.stream, message) {
        // REL-23.
        (Stream::Command, Request::Hello(_)) => !from.greeted,
        (Stream::Command, _) => from.greeted,
        // REL-07.
        (Stream::Chunks(_), Request::BlobDrop { .. } | Request::Ping) => true,
        (Stream::Chunks(_), other) => other.moves_chunk(),
    };
    if !in_place {
        return Err(Refusal::Malformed);
    }
    // REL-20.
    if from.unanswered >= UNANSWERED || (message.moves_chunk() && from.chunks >= UNANSWERED_CHUNKS) {
        return Err(Refusal::TooMany);
    }
    Ok(())
}
