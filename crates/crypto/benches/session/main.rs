//! What first contact and a session cost, beside vodozemac and beside the primitives, in one run:
//! `cargo bench -p subrosa-crypto --bench session`.
//!
//! Spec: docs/performance.md. Invariant: every figure is the median of interleaved rounds over the public API, printed
//! and compared with nothing: the machine decides, and what is expected is for the reader.

mod chat;
mod floor;
mod hostile;
mod meter;
mod olm;
mod rest;
mod size;

use std::cell::RefCell;
use std::hint::black_box;

use subrosa_codec::{Cell, Millis};
use subrosa_crypto::{MAX_CLOSED, Session, Weight};

use chat::{Chat, IDA, JON, Meeting};
use meter::{Meter, clocked};
use olm::{OlmChat, OlmMeeting};

/// The tables, by the name that asks for one alone: `cargo bench -p subrosa-crypto --bench session -- talk`.
const TABLES: [(&str, fn()); 8] = [
    ("contact", first_contact),
    ("talk", talk),
    ("holes", skipped),
    ("parts", parts),
    ("floor", floor::print),
    ("hostile", hostile::print),
    ("rest", rest::print),
    ("size", size::print),
];

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    let wanted = |name: &str| asked.is_empty() || asked.iter().any(|asked| asked == name);
    TABLES.iter().filter(|(name, _)| wanted(name)).for_each(|(_, print)| print());
}

fn first_contact() {
    let (ours, theirs) = (RefCell::new(Meeting::new()), RefCell::new(OlmMeeting::new()));
    let mut meter = Meter::default();
    meter.case("vodozemac: a one-time key", || clocked(2, || _ = black_box(theirs.borrow_mut().invite())));
    meter.against("vodozemac: a one-time key", "invite: keys, sealed and signed bundle, link", || {
        clocked(2, || _ = black_box(ours.borrow_mut().invite()))
    });
    meter.case("vodozemac: outbound session and first message", || {
        let key = theirs.borrow_mut().invite();
        clocked(2, || _ = black_box(theirs.borrow().join(key)))
    });
    meter.against(
        "vodozemac: outbound session and first message",
        "join: open and verify the bundle, handshake",
        || {
            let created = ours.borrow_mut().invite();
            clocked(2, || _ = black_box(ours.borrow_mut().join(&created)))
        },
    );
    meter.case("vodozemac: inbound session and first message", || {
        let mut theirs = theirs.borrow_mut();
        let key = theirs.invite();
        let (_, message) = theirs.join(key);
        clocked(1, || _ = black_box(theirs.accept(&message)))
    });
    let accept = || {
        let mut ours = ours.borrow_mut();
        let created = ours.invite();
        let joined = ours.join(&created);
        clocked(1, || _ = black_box(ours.accept(&created.keys, &joined.cell)))
    };
    meter.against("vodozemac: inbound session and first message", "accept: the handshake", accept);
    meter.case("vodozemac: both sides together", || {
        let mut theirs = theirs.borrow_mut();
        let key = theirs.invite();
        clocked(1, || {
            let (_, message) = theirs.join(key);
            black_box(theirs.accept(&message));
        })
    });
    meter.against("vodozemac: both sides together", "join and accept: both sides together", || {
        let mut ours = ours.borrow_mut();
        let created = ours.invite();
        clocked(1, || {
            let joined = ours.join(&created);
            black_box(ours.accept(&created.keys, &joined.cell));
        })
    });
    meter.print("first contact");
}

/// The daily figures, in a chat that remembers as many closed chains as there can be.
fn talk() {
    let (mut ours, mut theirs) = (Chat::new(), OlmChat::new());
    ours.alternate(MAX_CLOSED + 2);
    let (mut chain, mut theirs_chain, mut stored) = (ours.clone(), OlmChat::new(), ours.clone());
    let mut meter = Meter::default();
    meter.case("vodozemac: alternating, seal + open", move || clocked(4, || theirs.alternate(1)) / 2.0);
    meter.against(
        "vodozemac: alternating, seal + open",
        "alternating, seal + open, a full step each",
        move || clocked(4, || ours.alternate(1)) / 2.0,
    );
    let through_bytes = move || {
        clocked(4, || {
            for from in [JON, IDA] {
                let cell = stored.seal(from);
                stored.store();
                stored.open(1 - from, &cell);
                stored.store();
            }
        }) / 2.0
    };
    let name = "alternating, four states written and read between";
    meter.against("vodozemac: alternating, seal + open", name, through_bytes);
    meter.case("vodozemac: one chain, seal + open", move || {
        theirs_chain.alternate(1);
        theirs_chain.say(JON);
        clocked(40, || theirs_chain.say(JON))
    });
    meter.against("vodozemac: one chain, seal + open", "one chain, seal + open", move || {
        chain.alternate(1);
        chain.say(IDA);
        chain.say(JON);
        clocked(40, || chain.say(JON))
    });
    meter.print("talk: 100 bytes of text");
}

/// Cells that come after a long hole, and what a hole costs later.
fn skipped() {
    let mut meter = Meter::default();
    let mut theirs = OlmChat::new();
    theirs.say(JON);
    (0..999).for_each(|_| _ = theirs.seal(JON));
    let after = theirs.seal(JON);
    meter.case("vodozemac: open after 999 skipped, the last 40 kept", move || {
        let mut copy = theirs.copied();
        clocked(1, || copy.open(IDA, &after))
    });
    let mut ours = Chat::new();
    ours.alternate(MAX_CLOSED + 2);
    // The most that the window of an honest peer lets it be ahead by.
    let cells = ours.seal_many(JON, 1_000);
    let (me, session) = (ours.people[IDA].clone(), ours.sessions[IDA].clone());
    let held = session.open(&me, &cells[999], Millis(1)).unwrap().next;
    let (last, missing, ida) = (cells[999].clone(), cells[500].clone(), me.clone());
    meter.against(
        "vodozemac: open after 999 skipped, the last 40 kept",
        "open after 999 skipped, all kept",
        move || clocked(1, || _ = black_box(session.open(&me, &last, Millis(1)).unwrap())),
    );
    meter.case("open one of 999 that were skipped", move || {
        clocked(4, || _ = black_box(held.open(&ida, &missing, Millis(1)).unwrap()))
    });
    meter.print("holes");
}

/// The parts of the daily figures: nothing is kept.
fn parts() {
    let mut chat = Chat::new();
    chat.alternate(MAX_CLOSED + 2);
    let Chat { people: [_, ida], sessions: [jon, before], part, rng } = chat;
    let rng = RefCell::new(rng);
    let seal = |session: &Session| session.seal(&part, Weight::Text, &mut *rng.borrow_mut()).unwrap();
    let open = |session: &Session, cell: &Cell| session.open(&ida, cell, Millis(1)).unwrap();
    let step = seal(&jon);
    let (jon_after, ida_after) = (&step.next, open(&before, &step.cell).next);
    let second = seal(jon_after);
    let state = ida_after.write();
    let mut meter = Meter::default();
    meter.case("seal with a step", || clocked(8, || _ = black_box(seal(&jon))));
    meter.case("open with a step", || clocked(8, || _ = black_box(open(&before, &step.cell))));
    meter.case("seal in a chain", || clocked(40, || _ = black_box(seal(jon_after))));
    meter.case("open in a chain", || clocked(40, || _ = black_box(open(&ida_after, &second.cell))));
    meter.case("state: write", || clocked(40, || _ = black_box(ida_after.write())));
    meter.case("state: parse", || clocked(40, || _ = black_box(Session::parse(&state).unwrap())));
    meter.print("its parts");
}
