//! The core's thread: one loop that drains what came in, commits it, answers, and fans out.
//!
//! Spec: docs/spec/relay.md. Invariant: this thread alone touches the core and the store, so an append
//! can't race a subscription; it never waits for a socket.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc as std_mpsc;
use std::time::Instant;

use subrosa_codec::Day;
use subrosa_relay_core::{
    Act, BATCH, ConnId, Core, Input, Knowledge, Limits, Service, Store, StoreFault, Stream,
};
use subrosa_wire::{Frame, Refusal, Response};
use tokio::sync::{mpsc, oneshot};

use crate::manage::{Errand, Manager, Told};
use crate::remote::Load;
use crate::served::Kept;
use crate::tally::Tally;

/// Inputs that may wait for the core; whoever has more waits with them, and so does his peer.
pub(crate) const INBOX: usize = 4 * BATCH;

/// What the core sends to a stream.
pub(crate) struct Outlet {
    /// Frames; the core itself bounds how many bytes wait here.
    pub(crate) frames: mpsc::UnboundedSender<Frame<Response>>,
    /// Why the stream is hung up, after its last frame.
    pub(crate) hang: oneshot::Sender<Refusal>,
}

/// What comes to the core's thread.
pub(crate) enum Message {
    /// A stream is there, and hears by this.
    Joined(ConnId, Stream, Outlet),
    /// Anything else for the core.
    Input(Input),
    /// Someone asks what the store keeps, with so many rows of each table.
    Knowledge(usize, std_mpsc::Sender<Knowledge>),
    /// Someone asks how many streams and subscriptions there are.
    Load(std_mpsc::Sender<Load>),
    /// The operator has the store do something.
    Manage(Errand, std_mpsc::Sender<Told>),
    /// Other limits from now on.
    Limits(Limits),
    /// Someone asks whether the relay is well, and in earnest: by a write of its own that is durable.
    Probe(Probe, oneshot::Sender<()>),
    /// No more input: what is under way is answered, then everyone is hung up and the store closed.
    Drain,
}

/// What is asked of a relay's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// That the core answers.
    Alive,
    /// That the store can make something durable.
    Durable,
}

/// The core, its store, and the ways to the streams.
struct Desk<S> {
    service: Service<S>,
    outlets: HashMap<ConnId, Outlet>,
    manage: Manager<S>,
    tally: Arc<Tally>,
}

/// What is asked beside the inputs, and answered after their commit.
enum Question {
    Knowledge(usize, std_mpsc::Sender<Knowledge>),
    Load(std_mpsc::Sender<Load>),
    Manage(Errand, std_mpsc::Sender<Told>),
}

/// Runs the relay's core over a store until it is told to drain, which closes the store, or the store fails.
///
/// # Errors
/// [`StoreFault`], after everyone was hung up: the process must end.
pub(crate) fn run<S: Store>(
    Kept { store, close, manage }: Kept<S>,
    limits: Limits,
    today: Day,
    (inbox, tally): (mpsc::Receiver<Message>, Arc<Tally>),
) -> Result<(), StoreFault> {
    let service = Service::new(Core::new(limits, today), store);
    let mut desk = Desk { service, outlets: HashMap::new(), manage, tally };
    desk.serve(inbox)?;
    close(desk.service.into_store())
}

impl<S: Store> Desk<S> {
    fn serve(&mut self, mut inbox: mpsc::Receiver<Message>) -> Result<(), StoreFault> {
        let mut messages = Vec::with_capacity(BATCH);
        while inbox.blocking_recv_many(&mut messages, BATCH) > 0 {
            let (mut inputs, mut asked, mut draining) =
                (Vec::with_capacity(messages.len()), Vec::new(), false);
            let mut probes = Vec::new();
            for message in messages.drain(..) {
                match message {
                    Message::Input(input) => {
                        self.tally.heard(&input);
                        if let Input::Left(id) = &input {
                            self.outlets.remove(id);
                        }
                        inputs.push(input);
                    }
                    Message::Joined(id, stream, outlet) => {
                        self.outlets.insert(id, outlet);
                        inputs.push(Input::Joined(id, stream));
                    }
                    Message::Knowledge(rows, answer) => asked.push(Question::Knowledge(rows, answer)),
                    Message::Load(answer) => asked.push(Question::Load(answer)),
                    Message::Manage(errand, answer) => asked.push(Question::Manage(errand, answer)),
                    Message::Probe(probe, answer) => probes.push((probe, answer)),
                    Message::Limits(limits) => {
                        self.service.set_limits(limits);
                        self.tally.set_limits(limits);
                    }
                    Message::Drain => {
                        draining = true;
                        self.tally.drain();
                        inputs.push(Input::Drain);
                    }
                }
            }
            self.settle(inputs)?;
            self.answer_probes(probes)?;
            for question in asked {
                self.reply(question)?;
            }
            if draining && self.service.is_idle() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn reply(&mut self, question: Question) -> Result<(), StoreFault> {
        // Whoever asked may have gone.
        match question {
            Question::Knowledge(rows, answer) => drop(answer.send(self.service.knowledge(rows))),
            Question::Load(answer) => drop(answer.send(self.service.load())),
            Question::Manage(errand, answer) => match (self.manage)(self.service.store_mut(), errand) {
                Ok(told) => drop(answer.send(told)),
                Err(fault) => {
                    self.settle(vec![Input::Fault(fault)])?;
                    return Err(fault);
                }
            },
        }
        Ok(())
    }

    /// One commit, and the time that it took if anybody asked for anything.
    fn settle(&mut self, inputs: Vec<Input>) -> Result<(), StoreFault> {
        let asked = inputs.iter().any(|input| matches!(input, Input::Frame(..)));
        let (start, outlets, tally) = (Instant::now(), &mut self.outlets, &self.tally);
        let end = self.service.run(inputs, &mut |act| {
            tally.said(&act);
            perform(outlets, act);
        });
        let (streams, amounts) = self.service.amounts();
        self.tally.settled(asked.then(|| start.elapsed()), streams, amounts);
        end
    }

    /// Answers whoever asked whether the relay is well; one write is enough for all of them.
    ///
    /// # Errors
    /// [`StoreFault`]: it is not, which is a failed commit like any other, and everyone was hung up.
    fn answer_probes(&mut self, probes: Vec<(Probe, oneshot::Sender<()>)>) -> Result<(), StoreFault> {
        if probes.iter().any(|(probe, _)| *probe == Probe::Durable)
            && let Err(fault) = self.service.store_mut().commit(&[])
        {
            self.settle(vec![Input::Fault(fault)])?;
            return Err(fault);
        }
        for (_, answer) in probes {
            // Whoever asked may have given up.
            let _ = answer.send(());
        }
        Ok(())
    }
}

fn perform(outlets: &mut HashMap<ConnId, Outlet>, act: Act) {
    match act {
        Act::Send(id, frame) => {
            if let Some(outlet) = outlets.get(&id) {
                // Its task may have ended; the core hears of it next.
                let _ = outlet.frames.send(frame);
            }
        }
        Act::Hang(id, reason) => {
            if let Some(Outlet { frames, hang }) = outlets.remove(&id) {
                // First the reason, so that it is there when the last frame is out.
                let _ = hang.send(reason);
                drop(frames);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use subrosa_codec::{CELL_LEN, Cell};
    use subrosa_wire::{Admit, FEATURES, Hello, Open, ReadCap, Request, Rid, WriteCap};
    use tempfile::TempDir;

    use super::*;
    use crate::served::Served;
    use crate::slab::MemDisk;
    use crate::store::{Disks, SlabStore, StoreSettings};

    const ID: ConnId = ConnId(1);

    fn asks(rid: u32, request: Request) -> Message {
        Message::Input(Input::Frame(ID, Frame::new(Rid(rid), request)))
    }

    fn append(rid: u32) -> Message {
        let cell = Cell::from_vec(vec![7; CELL_LEN]).expect("is a cell");
        asks(rid, Request::Append { write: WriteCap::from_bytes([1; 32]), cell })
    }

    /// What a stream heard up to now, by rid, and why it was hung up.
    struct Ear(mpsc::UnboundedReceiver<Frame<Response>>, oneshot::Receiver<Refusal>);

    impl Ear {
        fn heard(&mut self) -> Vec<Frame<Response>> {
            std::iter::from_fn(|| self.0.try_recv().ok()).collect()
        }
    }

    fn desk_on(disk: &MemDisk) -> (TempDir, Desk<Served>, Ear) {
        desk_on_both(disk, &MemDisk::new())
    }

    fn desk_on_both(disk: &MemDisk, records: &MemDisk) -> (TempDir, Desk<Served>, Ear) {
        let folder = tempfile::tempdir().expect("makes a folder");
        let disks = |_| {
            let cells = Arc::new(disk.clone());
            Ok(Disks { records: Arc::new(records.clone()), cells, chunks: Arc::new(MemDisk::new()) })
        };
        let settings = StoreSettings { grow: 1, reserve: 0 };
        let store = SlabStore::open_on(folder.path(), settings, Limits::default(), disks).expect("opens");
        let core = Core::new(Limits::default(), Day(20_000));
        let service = Service::new(core, Served::Disk(Box::new(store)));
        let tally = Arc::new(Tally::new(Limits::default()));
        let mut desk = Desk { service, outlets: HashMap::new(), manage: crate::manage::manager(), tally };
        let (frames, inlet) = mpsc::unbounded_channel();
        let (hang, hung) = oneshot::channel();
        let (queue, read) = (WriteCap::from_bytes([1; 32]).id(), ReadCap::from_bytes([2; 32]));
        let hello = Request::Hello(Hello { minor: 0, features: FEATURES });
        let open = Request::Open(Open { queue, read, admit: Admit::OPEN, credit: 4 });
        let joined = Message::Joined(ID, Stream::Command, Outlet { frames, hang });
        give(&mut desk, [joined, asks(1, hello), asks(2, open)]).expect("serves");
        (folder, desk, Ear(inlet, hung))
    }

    fn give(desk: &mut Desk<Served>, messages: impl IntoIterator<Item = Message>) -> Result<(), StoreFault> {
        let (inbox, waiting) = mpsc::channel(8);
        for message in messages {
            assert!(inbox.try_send(message).is_ok(), "has room");
        }
        drop(inbox);
        desk.serve(waiting)
    }

    /// D12.
    #[test]
    fn after_a_failed_sync_nothing_of_the_batch_is_answered_and_everyone_is_hung_up() {
        // REL-57.
        let disk = MemDisk::new();
        let (_folder, mut desk, mut ear) = desk_on(&disk);
        give(&mut desk, [append(3)]).expect("serves");
        let answered: Vec<_> = ear.heard().iter().map(|frame| frame.rid.0).collect();
        assert_eq!(answered, [1, 2, 3, 0], "the last is the cell itself");
        disk.fail_syncs();
        assert_eq!(give(&mut desk, [append(4), append(5)]), Err(StoreFault::Io));
        let heard = ear.heard();
        assert!(
            matches!(&heard[..], [Frame { rid: Rid::NONE, message: Response::GoAway(bye) }] if bye.reason == Refusal::Storage),
            "{heard:?}"
        );
        assert_eq!(ear.1.try_recv(), Ok(Refusal::Storage));
        assert!(desk.outlets.is_empty());
    }

    #[test]
    fn a_probe_is_answered_after_a_sync_and_by_nobody_after_a_failed_one() {
        let records = MemDisk::new();
        let (_folder, mut desk, mut ear) = desk_on_both(&MemDisk::new(), &records);
        ear.heard();
        let ask = |probe| {
            let (answer, answered) = oneshot::channel();
            (Message::Probe(probe, answer), answered)
        };
        let (probe, mut answered) = ask(Probe::Durable);
        give(&mut desk, [probe]).expect("serves");
        assert_eq!(answered.try_recv(), Ok(()));
        records.fail_syncs();
        let (probe, mut answered) = ask(Probe::Alive);
        give(&mut desk, [probe]).expect("nothing was written");
        assert_eq!(answered.try_recv(), Ok(()));
        let (probe, mut answered) = ask(Probe::Durable);
        assert_eq!(give(&mut desk, [probe]), Err(StoreFault::Io));
        assert!(answered.try_recv().is_err());
        assert_eq!(
            ear.1.try_recv(),
            Ok(Refusal::Storage),
            "a failed write of its own is one as of any other"
        );
    }

    #[test]
    fn draining_answers_what_is_under_way_and_then_hangs_up() {
        let (_folder, mut desk, mut ear) = desk_on(&MemDisk::new());
        give(&mut desk, [append(3), Message::Drain]).expect("serves");
        let heard = ear.heard();
        assert!(
            heard.iter().any(|frame| frame.rid == Rid(3) && matches!(frame.message, Response::Reply(Ok(_))))
        );
        assert_eq!(ear.1.try_recv(), Ok(Refusal::Draining));
    }
}
