//! Healing and forgetting, measured: one side's whole state is copied at a random point of a chat, and the chat goes on.
//!
//! Spec: docs/spec/ratchet.md, "Keys". Invariant: whoever has the copy and listens reads the chains that the copy stands in and
//! one answer to it, and nothing that was opened or sealed before.
//!
//! `SUBROSA_HEALING=20 cargo test -p subrosa-crypto --test healing -- --nocapture` copies 20 states for each line
//! of the table in docs/security/healing.md and prints it; without the variable there are a few.

mod chat;
mod thief;

use chat::{Chat, Shape, seed_of};
use rand_core::Rng;
use subrosa_crypto::{Identity, IdentitySeed, Session};
use thief::{Read, Thief};

/// What one copy was worth.
#[derive(Default)]
struct Worth {
    /// Cells that were sealed after the copy, up to the last one that it reads.
    messages: usize,
    /// Half round trips until nothing more is read: epochs begun after the copied state's newest, the first unread one included.
    halves: u32,
    /// Cells of which only the header is read.
    headers: usize,
    /// Cells under way to the copied side that it reads: those ahead in a chain, and those with a waiting key.
    under_way: usize,
    /// Cells of the past that it reads.
    past: usize,
}

/// The copy in the hands of a client: what `open` gives of the cells to the copied side.
fn by_the_client(state: &[u8], me: &Identity, victim: usize, chat: &Chat) -> Vec<usize> {
    let mut copy = Session::parse(state).unwrap();
    let mut read = Vec::new();
    for (i, flight) in chat.wire.iter().enumerate().filter(|(_, flight)| flight.from != victim) {
        if let Ok(opened) = copy.open(me, &flight.cell, chat.now) {
            assert_eq!(*opened.part.content, i.to_le_bytes());
            copy = opened.next;
            read.push(i);
        }
    }
    read
}

fn measure(shape: Shape, late: bool, seed: u64) -> Worth {
    let mut chat = Chat::new(shape, late, seed);
    let long = matches!(shape, Shape::Bursts | Shape::OneSided);
    for _ in 0..chat.rng.next_u32() % if long { 160 } else { 60 } {
        chat.act();
    }
    let (victim, with_identity) = ((chat.rng.next_u32() % 2) as usize, chat.rng.next_u32().is_multiple_of(2));
    let state = chat.sessions[victim].write();
    let (copied_at, opened) = (chat.wire.len(), chat.wire.iter().map(|f| f.opened).collect::<Vec<_>>());
    let newest = |chat: &Chat| chat.wire.iter().map(|flight| flight.epoch).max().unwrap_or(0);
    let before = newest(&chat);
    for act in 0..600 {
        chat.act();
        if act > 30 && newest(&chat) > before + 4 {
            break;
        }
    }
    assert!(newest(&chat) > before + 3, "{shape:?} {seed}: nobody answers");

    let mut thief = Thief::new(&state, with_identity.then(|| seed_of(victim)).as_ref());
    let stranger = Identity::derive(&IdentitySeed::from_bytes([99; 32]), 0);
    let me = if with_identity { &chat.people[victim] } else { &stranger };
    let by_client = by_the_client(&state, me, victim, &chat);
    // The last epoch that can be read: the newest, or the answer to it when its secrets were copied. Those of the joiner's
    // epoch 0 are the identity's.
    let answer = thief.own && (thief.newest > 0 || with_identity);
    let last = thief.newest + u32::from(answer);

    let mut worth = Worth::default();
    let mut unread = u32::MAX;
    for (i, flight) in chat.wire.iter().enumerate() {
        let read = thief.read(flight.cell.as_bytes());
        let text = read == Read::Text(i.to_le_bytes().to_vec());
        assert!(text || !matches!(read, Read::Text(_)), "{shape:?} {seed}: a wrong text");
        assert!(text || !by_client.contains(&i), "{shape:?} {seed}: a client reads more than the thief");
        if let Read::Header(epoch) = read {
            assert!(epoch <= last + 2, "{shape:?} {seed}: a header of epoch {epoch}");
            worth.headers += usize::from(i >= copied_at);
        }
        if i >= copied_at {
            assert_eq!(text, flight.epoch <= last, "{shape:?} {seed}: cell {i} of epoch {}", flight.epoch);
            if text {
                worth.messages = i + 1 - copied_at;
            } else {
                unread = unread.min(flight.epoch);
            }
        } else if flight.from != victim && !opened[i] {
            // Its key waits or is ahead, in a chain that the copy stands in.
            assert_eq!(text, flight.epoch <= last, "{shape:?} {seed}: cell {i} was under way");
            worth.under_way += usize::from(text);
        } else {
            worth.past += usize::from(text);
        }
    }
    assert_eq!(worth.past, 0, "{shape:?} {seed}: something from before the copy");
    worth.halves = unread - thief.newest;
    worth
}

fn median(mut values: Vec<usize>) -> usize {
    values.sort_unstable();
    values[values.len() / 2]
}

#[test]
fn a_copied_state_reads_nothing_after_a_round_trip_and_nothing_from_before() {
    let copies: u64 = std::env::var("SUBROSA_HEALING").map_or(2, |n| n.parse().unwrap());
    println!(
        "| traffic | network | copies | reads on: median, most cells | round trips until nothing | only headers: most | \
         under way, read: most | of the past |\n|---|---|---|---|---|---|---|---|"
    );
    let shapes = [Shape::PingPong, Shape::TenNinety, Shape::Bursts, Shape::OneSided, Shape::OneSidedSlow];
    let lines = shapes.into_iter().flat_map(|shape| [(shape, false), (shape, true)]);
    let threads: Vec<_> =
        lines.map(|(shape, late)| std::thread::spawn(move || line(shape, late, copies))).collect();
    for thread in threads {
        println!("{}", thread.join().unwrap());
    }
}

/// A line of the table.
fn line(shape: Shape, late: bool, copies: u64) -> String {
    let worths: Vec<Worth> = (0..copies).map(|seed| measure(shape, late, seed)).collect();
    let messages: Vec<usize> = worths.iter().map(|worth| worth.messages).collect();
    let most = |of: fn(&Worth) -> usize| worths.iter().map(of).max().unwrap_or(0);
    let halves = most(|worth| worth.halves as usize);
    assert!(halves <= 2, "{shape:?}: one round trip");
    if shape == Shape::PingPong && !late {
        assert!(most(|worth| worth.messages) <= 1, "an answer, and no more");
    }
    format!(
        "| {shape:?} | {} | {copies} | {}, {} | {} | {} | {} | {} |",
        if late { "late" } else { "prompt" },
        median(messages),
        most(|worth| worth.messages),
        halves as f64 / 2.0,
        most(|worth| worth.headers),
        most(|worth| worth.under_way),
        worths.iter().map(|worth| worth.past).sum::<usize>(),
    )
}
