//! [`slack`] and [`signal`]: models of what those servers hold. Not their code: what their makers publish.
//!
//! Spec: docs/nothing-to-mine.md, "Three systems". Invariant: where a model must choose, it chooses in favour of the
//! other system, so that no comparison flatters this one.

use super::dice::Dice;
use super::traffic::{DAY, HOUR, Kind, Message, Moment, SECOND, Traffic};
use super::view::{Observer, Sighting, System, Trace, View, Way};

/// Bytes that a request adds to what it carries: headers, JSON, TLS.
const REQUEST: u32 = 400;
/// Bytes of a sealed-sender envelope without its padding.
const ENVELOPE: u32 = 400;
/// How often a copy of the disk is taken.
pub(super) const COPY_EVERY: Moment = 6 * HOUR;

/// One thing carried: a message, or a receipt for one.
struct Carried {
    from: usize,
    to: usize,
    sent: Moment,
    /// When it reached `to`, if it did.
    reached: Option<Moment>,
    bytes: u32,
    message: Option<usize>,
}

/// A server with accounts and plaintext: disk, operator, network.
#[must_use]
pub fn slack(traffic: &Traffic) -> [View; 3] {
    let bytes =
        |message: &Message| u32::try_from(message.text.len()).unwrap_or(u32::MAX).saturating_add(REQUEST);
    let carried = carry(traffic, System::Slack, bytes);
    let [mut disk, mut operator, network] = views(traffic, System::Slack, &carried);
    for view in [&mut disk, &mut operator] {
        for (trace, message) in view.traces.iter_mut().zip(&traffic.messages) {
            *trace = Some(Trace {
                bytes: message.text.len() as u64,
                text: Some(message.text.clone()),
                nibbles: None,
                sender: Some(message.from),
                arrived: None,
            });
        }
    }
    // The archive has every message with its author, its reader and its time.
    disk.sightings = up(&carried, |one| (Some(one.from), Some(one.to)));
    operator.sightings.clone_from(&disk.sightings);
    operator.presence = presence(traffic);
    [disk, operator, network]
}

/// A server with one mailbox per account, sealed sender and padding, which keeps no address.
#[must_use]
pub fn signal(traffic: &Traffic) -> [View; 3] {
    let bytes = |message: &Message| padded(message).saturating_add(ENVELOPE);
    let carried = carry(traffic, System::Signal, bytes);
    let [mut disk, mut operator, network] = views(traffic, System::Signal, &carried);
    let noise = |one: &Carried| {
        let mut noise = [0; 16];
        let mut dice = Dice::new(traffic.seed ^ one.sent, 2);
        (0..one.bytes.min(256) * 2).for_each(|_| noise[dice.below(16)] += 1);
        Trace {
            bytes: one.bytes.into(),
            text: None,
            nibbles: Some(noise),
            sender: None,
            arrived: one.reached,
        }
    };
    // Undelivered envelopes lie there, each with its mailbox and the server's time.
    for one in &carried {
        let copied = (one.sent / COPY_EVERY + 1) * COPY_EVERY;
        let lies = one.reached.is_none_or(|reached| reached > copied);
        if lies {
            disk.sightings.push(Sighting {
                at: one.sent,
                way: Way::Up,
                who: None,
                whom: Some(one.to),
                bytes: one.bytes,
            });
        }
        if let Some(message) = one.message {
            disk.traces[message] = lies.then(|| noise(one));
            operator.traces[message] = Some(noise(one));
        }
    }
    // Sending is anonymous to the server; reading is not.
    operator.sightings = up(&carried, |one| (None, Some(one.to)));
    operator.sightings.extend(down(&carried));
    operator.sightings.sort_by_key(|sighting| sighting.at);
    operator.presence = presence(traffic);
    [disk, operator, network]
}

/// Text in steps of 160 bytes; attachments in steps of 5 %.
fn padded(message: &Message) -> u32 {
    let len = message.text.len() as f64;
    match message.kind {
        Kind::Attachment => 1.05_f64.powf((len.ln() / 1.05_f64.ln()).ceil()) as u32,
        Kind::Line | Kind::Page => ((len as u32).saturating_add(1)).div_ceil(160) * 160,
    }
}

fn carry(traffic: &Traffic, system: System, bytes: impl Fn(&Message) -> u32) -> Vec<Carried> {
    let mut dice = Dice::new(traffic.seed, 3);
    let mut lag = || 30 + dice.exponential(20.0) as Moment;
    let mut carried = Vec::new();
    for (index, message) in traffic.messages.iter().enumerate() {
        let sent = message.at + lag();
        let reached = traffic.next_there(message.to, sent).map(|there| there + lag());
        let (from, to) = (message.from, message.to);
        carried.push(Carried { from, to, sent, reached, bytes: bytes(message), message: Some(index) });
        // A delivery receipt, at once.
        if let Some(reached) = reached.filter(|_| system == System::Signal) {
            let sent = reached + lag();
            let back = traffic.next_there(from, sent).map(|there| there + lag());
            carried.push(Carried {
                from: to,
                to: from,
                sent,
                reached: back,
                bytes: 160 + ENVELOPE,
                message: None,
            });
        }
    }
    carried.sort_by_key(|one| one.sent);
    carried
}

fn up(carried: &[Carried], ends: impl Fn(&Carried) -> (Option<usize>, Option<usize>)) -> Vec<Sighting> {
    let sighting = |one: &Carried| {
        let (who, whom) = ends(one);
        Sighting { at: one.sent, way: Way::Up, who, whom, bytes: one.bytes }
    };
    carried.iter().map(sighting).collect()
}

fn down(carried: &[Carried]) -> Vec<Sighting> {
    let reached = carried.iter().filter_map(|one| Some((one.reached?, one)));
    let sighting = |(at, one): (Moment, &Carried)| Sighting {
        at,
        way: Way::Down,
        who: Some(one.to),
        whom: None,
        bytes: one.bytes,
    };
    reached.map(sighting).collect()
}

/// Who is connected when.
#[must_use]
pub(super) fn presence(traffic: &Traffic) -> Vec<(usize, Moment, Moment)> {
    let of = |(who, person): (usize, &super::traffic::Person)| {
        person.sessions.iter().map(move |(from, until)| (who, *from, *until)).collect::<Vec<_>>()
    };
    traffic.people.iter().enumerate().flat_map(of).collect()
}

fn views(traffic: &Traffic, system: System, carried: &[Carried]) -> [View; 3] {
    let new = |observer| View::new(system, observer, traffic.messages.len());
    let mut network = new(Observer::Network);
    network.sightings = up(carried, |one| (Some(one.from), None));
    network.sightings.extend(down(carried));
    network.sightings.retain(|sighting| sighting.at < traffic.end() + DAY);
    network.sightings.sort_by_key(|sighting| sighting.at);
    network.presence = presence(traffic);
    for one in carried {
        if let Some(message) = one.message {
            network.traces[message] =
                Some(Trace { bytes: one.bytes.into(), arrived: one.reached, ..Trace::default() });
        }
    }
    debug_assert!(carried.iter().all(|one| one.reached.is_none_or(|reached| reached + SECOND > one.sent)));
    [new(Observer::Disk), new(Observer::Operator), network]
}
