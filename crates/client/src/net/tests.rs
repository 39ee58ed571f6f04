//! The network against a real relay on 127.0.0.1, with the test in the place of the vault.

use std::net::SocketAddr;
use std::sync::mpsc::{self as std_mpsc, Receiver};
use std::time::{Duration, Instant};

use subrosa_codec::Cell;
use subrosa_engine::api::{Notice, RelayState};
use subrosa_engine::{Effect, Event, InboundId, Job, OutboxId, RelayAnswer, SessionKey};
use subrosa_relay::{Config, Relay};
use subrosa_wire::{ReadCap, Refusal, WriteCap};
use tokio::sync::broadcast;

use super::*;
use crate::options::Options;
use crate::runtime::work::Work;

const PATIENCE: Duration = Duration::from_secs(20);
const QUEUE: InboundId = InboundId(1);

/// Reads a job out of what would be a row.
type Resolve = fn(&RelayAddress, &Effect) -> Job;

/// A network whose events come to the test.
struct Rig {
    runtime: tokio::runtime::Runtime,
    net: Net,
    work: Receiver<Work>,
    notices: broadcast::Receiver<Notice>,
    activity: Activity,
    _closing: watch::Sender<bool>,
    /// What a resume lists: the rows of this vault.
    rows: Vec<(Effect, Resolve)>,
}

fn rig(dial: Vec<(RelayKeyHash, SocketAddr)>) -> Rig {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (inbox, work) = std_mpsc::channel();
    let (board, notices) = Board::new();
    let activity = Activity::new();
    let (closing, closes) = watch::channel(false);
    let dialler = {
        let _inside = runtime.enter();
        Net::bind(dial)
    };
    let clock = Options::new("").now;
    let around = Around { inbox, board, activity: activity.clone(), clock, dialler, closing: closes };
    let net = Net::new(runtime.handle().clone(), around);
    Rig { runtime, net, work, notices, activity, _closing: closing, rows: Vec::new() }
}

fn write() -> WriteCap {
    WriteCap::from_bytes([1; 32])
}

fn open(relay: &RelayAddress, _: &Effect) -> Job {
    Job::Open { relay: relay.clone(), write: write().id(), read: ReadCap::from_bytes([2; 32]), credit: 4 }
}

fn append(relay: &RelayAddress, effect: &Effect) -> Job {
    let Effect::Send(id) = effect else { panic!("not a cell") };
    let mut cell = Cell::zeroed();
    cell.as_mut_bytes()[..8].copy_from_slice(&id.seq.to_le_bytes());
    Job::Append { relay: relay.clone(), write: write(), cell }
}

fn ack(relay: &RelayAddress, effect: &Effect) -> Job {
    let Effect::Ack(_, upto) = effect else { panic!("not an ack") };
    Job::Ack { relay: relay.clone(), write: write().id(), upto: *upto }
}

fn send(seq: i64) -> Effect {
    Effect::Send(OutboxId { session: SessionKey(1), seq })
}

fn number(cell: &Cell) -> i64 {
    i64::from_le_bytes(cell.as_bytes()[..8].try_into().unwrap())
}

impl Rig {
    fn does(&self, relay: &RelayAddress, effect: Effect, job: Resolve) {
        let task = Task { job: job(relay, &effect), effect, busy: self.activity.start() };
        self.net.order(relay, Order::Do(task));
    }

    /// Adds a row that waits for the network, and hints at it.
    fn wants(&mut self, relay: &RelayAddress, effect: Effect, job: Resolve) {
        self.rows.push((effect.clone(), job));
        self.does(relay, effect, job);
    }

    /// The next event but [`Event::Online`]; what waits is listed when the network asks for it.
    fn next(&self) -> Event {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.work.recv_timeout(end.saturating_duration_since(Instant::now())).expect("nothing came")
            {
                Work::Event(Event::Online, _) => {}
                Work::Event(event, _) => return event,
                Work::Resume(relay, _busy) => {
                    self.net.order(&relay, Order::Start);
                    self.rows.iter().for_each(|(effect, job)| self.does(&relay, effect.clone(), *job));
                    self.net.order(&relay, Order::Listed);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// Reads cells and acknowledges each, until `read` has `count` numbers, in order of their first arrival.
    fn reads(&mut self, relay: &RelayAddress, read: &mut Vec<i64>, count: usize) {
        while read.len() < count {
            match self.next() {
                Event::Cell { seq, cell, .. } => {
                    // Delivery is at least once.
                    if !read.contains(&number(&cell)) {
                        read.push(number(&cell));
                    }
                    self.does(relay, Effect::Ack(QUEUE, seq), ack);
                }
                Event::Finished { effect, .. } => self.rows.retain(|(row, _)| *row != effect),
                Event::Opened { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn hears<T>(&mut self, wanted: impl Fn(Notice) -> Option<T>) -> T {
        let notices = &mut self.notices;
        self.runtime.block_on(async {
            tokio::time::timeout(PATIENCE, async {
                loop {
                    if let Some(found) = wanted(notices.recv().await.unwrap()) {
                        return found;
                    }
                }
            })
            .await
            .unwrap()
        })
    }
}

fn relay(folder: &std::path::Path) -> Relay {
    Relay::start(Config::local(folder.to_owned())).unwrap()
}

#[test]
fn cells_come_in_the_order_in_which_they_were_sent_through_restarts_of_the_relay() {
    let folder = tempfile::tempdir().unwrap();
    let mut host = relay(folder.path());
    let address = host.address().clone();
    let (mut reader, mut writer) = (rig(Vec::new()), rig(Vec::new()));
    reader.wants(&address, Effect::Open(QUEUE), open);
    assert!(matches!(reader.next(), Event::Opened { queue: QUEUE, .. }));
    let mut read = Vec::new();
    for round in 0..3_i64 {
        (round * 50..round * 50 + 50).for_each(|n| writer.wants(&address, send(n), append));
        while !writer.rows.is_empty() {
            let Event::Finished { effect, answer: RelayAnswer::Ok(_) } = writer.next() else {
                panic!("refused")
            };
            writer.rows.retain(|(row, _)| *row != effect);
            if round == 1 && writer.rows.len() == 25 {
                // In the middle of it: what was not answered is sent again.
                host.stop();
                host = relay(folder.path());
                assert_eq!(host.address(), &address, "the address outlives a restart");
            }
        }
        reader.reads(&address, &mut read, 50 * (usize::try_from(round).unwrap() + 1));
        assert!(read.iter().copied().eq(0..round * 50 + 50), "{read:?}");
    }
    host.stop();
}

#[test]
fn an_unacknowledged_cell_is_delivered_again_after_an_interruption() {
    let folder = tempfile::tempdir().unwrap();
    let host = relay(folder.path());
    let address = host.address().clone();
    let (mut reader, mut writer) = (rig(Vec::new()), rig(Vec::new()));
    reader.wants(&address, Effect::Open(QUEUE), open);
    assert!(matches!(reader.next(), Event::Opened { .. }));
    writer.wants(&address, send(7), append);
    assert!(matches!(writer.next(), Event::Finished { answer: RelayAnswer::Ok(_), .. }));
    let Event::Cell { cell, .. } = reader.next() else { panic!("no cell") };
    assert_eq!(number(&cell), 7);
    // It could not be stored.
    reader.net.interrupt();
    assert!(matches!(reader.next(), Event::Opened { .. }));
    let Event::Cell { cell, seq, .. } = reader.next() else { panic!("not again") };
    assert_eq!(number(&cell), 7);
    reader.does(&address, Effect::Ack(QUEUE, seq), ack);
    assert!(matches!(reader.next(), Event::Finished { effect: Effect::Ack(..), answer: RelayAnswer::Ok(_) }));
}

#[test]
fn whoever_opens_a_queue_takes_it_over_and_the_other_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let host = relay(folder.path());
    let address = host.address().clone();
    let (mut first, mut second) = (rig(Vec::new()), rig(Vec::new()));
    first.wants(&address, Effect::Open(QUEUE), open);
    assert!(matches!(first.next(), Event::Opened { .. }));
    second.wants(&address, Effect::Open(QUEUE), open);
    assert!(matches!(second.next(), Event::Opened { .. }));
    assert!(matches!(first.next(), Event::Moved(QUEUE)));
    // Opening one's own queue again moves nothing.
    second.does(&address, Effect::Open(QUEUE), open);
    assert!(matches!(second.next(), Event::Opened { .. }));
    first.does(&address, send(1), append);
    assert!(matches!(first.next(), Event::Finished { .. }));
    assert!(matches!(second.next(), Event::Cell { .. }));
}

#[test]
fn what_is_refused_is_an_answer_and_not_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let host = relay(folder.path());
    let mut rig = rig(Vec::new());
    rig.wants(host.address(), send(1), append);
    let Event::Finished { effect, answer } = rig.next() else { panic!("no answer") };
    assert_eq!(effect, send(1));
    assert!(matches!(answer, RelayAnswer::Refused(Refusal::Missing)), "{answer:?}");
}

#[test]
fn a_relay_that_shows_another_key_hears_nothing() {
    // REL-03.
    let folder = tempfile::tempdir().unwrap();
    let host = relay(folder.path());
    let promised =
        RelayAddress::new(RelayKeyHash::from_bytes([9; 32]), "127.0.0.1", host.local_addr().port()).unwrap();
    let mut rig = rig(Vec::new());
    rig.wants(&promised, send(1), append);
    let state = rig.hears(|notice| match notice {
        Notice::Relay { state, .. } if state != RelayState::Connecting => Some(state),
        _ => None,
    });
    assert_eq!(state, RelayState::WrongKey);
    assert!(rig.work.try_recv().is_err(), "it was spoken to");
    rig.runtime.block_on(rig.activity.idle());
}

#[test]
fn a_relay_that_is_not_there_is_offline_with_a_reason_until_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let host = relay(folder.path());
    let address = host.address().clone();
    host.stop();
    let mut rig = rig(Vec::new());
    rig.wants(&address, Effect::Open(QUEUE), open);
    let why = rig.hears(|notice| match notice {
        Notice::Relay { state: RelayState::Offline(why), .. } => Some(why),
        _ => None,
    });
    assert!(why.contains("does not answer"), "{why}");
    let _host = relay(folder.path());
    assert!(matches!(rig.next(), Event::Opened { .. }));
}
