//! [`Record`]: what passed the relay, and the three views of it.
//!
//! Spec: docs/nothing-to-mine.md, "Three views", and docs/spec/relay.md, "Transport" (padding). Invariant: each view
//! is made of what its observer can have; the message numbers serve the scoring only.

use std::collections::BTreeMap;

use subrosa_codec::CELL_LEN;
use subrosa_relay_core::Knowledge;
use subrosa_wire::QueueId;

use crate::mine::models::presence;
use crate::mine::traffic::{Moment, Traffic};
use crate::mine::view::{Observer, Sighting, System, Trace, View, Way, nibbles};

/// Bytes of UDP payload of each padded packet: the path MTU that the transport's discovery reaches on Ethernet.
pub const DATAGRAM: usize = 1_452;
/// What a packet spends on headers, frame headers and the tag: short header 1 + 8 + 2, STREAM 8, tag 16, rounded up.
const OVERHEAD: usize = 40;

/// How many padded packets carry a frame of `len` bytes alone: every packet with data is as large as the path lets it.
#[must_use]
pub const fn datagrams(len: usize) -> usize {
    len.div_ceil(DATAGRAM - OVERHEAD)
}

/// What a frame was about, as the relay saw it.
#[derive(Debug)]
pub(super) enum About {
    /// OPEN of this queue.
    Opened(QueueId),
    /// A cell into this queue, with the nibbles of its bytes.
    Cell(QueueId, Box<[u32; 16]>),
    /// A cell to its reader.
    Delivered,
    /// Anything else.
    Other,
}

/// One frame at the relay's door.
#[derive(Debug)]
pub(super) struct Passed {
    pub(super) at: Moment,
    pub(super) way: Way,
    pub(super) who: usize,
    pub(super) len: usize,
    pub(super) about: About,
    /// Of which message it is a part.
    pub(super) message: Option<usize>,
}

/// Everything.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) passed: Vec<Passed>,
    /// Copies of the disk, with the messages whose cells lay there.
    pub(super) copies: Vec<(Moment, Knowledge)>,
    /// The beginning of each cell of a message.
    pub(super) heads: BTreeMap<[u8; 32], usize>,
}

impl Record {
    /// Disk, operator, network.
    pub(super) fn views(self, traffic: &Traffic) -> [View; 3] {
        [self.disk(traffic), self.operator(traffic), self.network(traffic)]
    }

    fn disk(&self, traffic: &Traffic) -> View {
        let mut view = View::new(System::Subrosa, Observer::Disk, traffic.messages.len());
        for (at, knowledge) in &self.copies {
            for cell in &knowledge.cells {
                // A queue's name is a hash that belongs to nobody here.
                view.sightings.push(Sighting {
                    at: *at,
                    way: Way::Up,
                    who: None,
                    whom: None,
                    bytes: cell.len,
                });
                let Some(message) = self.heads.get(&cell.head) else { continue };
                let trace = view.traces[*message].get_or_insert_default();
                trace.bytes += u64::from(cell.len);
                add(trace, &nibbles(&cell.head));
            }
        }
        view
    }

    fn operator(&self, traffic: &Traffic) -> View {
        let mut view = View::new(System::Subrosa, Observer::Operator, traffic.messages.len());
        let readers: BTreeMap<QueueId, usize> = self
            .passed
            .iter()
            .filter_map(|passed| match passed.about {
                About::Opened(queue) => Some((queue, passed.who)),
                _ => None,
            })
            .collect();
        for passed in &self.passed {
            let whom = match &passed.about {
                About::Cell(queue, counts) => {
                    if let Some(message) = passed.message {
                        let trace = view.traces[message].get_or_insert_default();
                        trace.bytes += CELL_LEN as u64;
                        trace.sender = Some(passed.who);
                        add(trace, counts);
                    }
                    readers.get(queue).copied()
                }
                About::Delivered => None,
                About::Opened(_) | About::Other => continue,
            };
            arrived(&mut view, passed);
            view.sightings.push(sighting(passed, whom, passed.len));
        }
        view.presence = presence(traffic);
        view
    }

    fn network(&self, traffic: &Traffic) -> View {
        let mut view = View::new(System::Subrosa, Observer::Network, traffic.messages.len());
        for passed in &self.passed {
            let bytes = datagrams(passed.len) * DATAGRAM;
            if let (Some(message), Way::Up) = (passed.message, passed.way) {
                view.traces[message].get_or_insert_default().bytes += bytes as u64;
            }
            arrived(&mut view, passed);
            // Answers fit one packet each, way down and up; what is seen of them is one size. Cells take three.
            if datagrams(passed.len) > 1 {
                view.sightings.push(sighting(passed, None, bytes));
            }
        }
        view.presence = presence(traffic);
        view
    }
}

fn arrived(view: &mut View, passed: &Passed) {
    if let (Some(message), About::Delivered) = (passed.message, &passed.about) {
        view.traces[message].get_or_insert_default().arrived.get_or_insert(passed.at);
    }
}

fn sighting(passed: &Passed, whom: Option<usize>, bytes: usize) -> Sighting {
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    Sighting { at: passed.at, way: passed.way, who: Some(passed.who), whom, bytes }
}

fn add(trace: &mut Trace, counts: &[u32; 16]) {
    let sum = trace.nibbles.get_or_insert([0; 16]);
    sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
}
