//! A36: what heartbeats are decided by; two idle ends fall silent.

use super::pair::{I, J, Pair};
use crate::ratchet::{KEY_DAYS, Session, Unanswered, Weight};
use subrosa_codec::Millis;

fn count(pair: &Pair, at: usize) -> u32 {
    pair.ends[at].session.unanswered().count
}

fn heard(pair: &mut Pair, from: usize, weight: Weight) {
    let cell = pair.try_send(from, weight).unwrap();
    pair.deliver(1 - from, &cell).unwrap();
}

#[test]
fn quiet_cells_ask_for_no_answer() {
    // RAT-94.
    let mut pair = Pair::new(1);
    pair.talk(1);
    assert_eq!(count(&pair, J), 1, "the inviter spoke last");
    pair.say(J);
    assert_eq!(count(&pair, J), 0, "any cell of ours answers");
    let start = pair.ends[I].session.unanswered();
    assert_eq!(start, Unanswered { count: 1, since: Some(pair.now) });
    pair.now = pair.now.plus(Millis::HOUR);
    for weight in [Weight::Quiet, Weight::Heartbeat, Weight::Control] {
        heard(&mut pair, J, weight);
        assert_eq!(pair.ends[I].session.unanswered(), start);
    }
    heard(&mut pair, J, Weight::Hello);
    assert_eq!(
        pair.ends[I].session.unanswered(),
        Unanswered { count: 2, ..start },
        "since the first of them"
    );
}

#[test]
fn a_quiet_cell_answers_too() {
    let mut pair = Pair::new(2);
    pair.talk(1);
    heard(&mut pair, J, Weight::Quiet);
    assert_eq!(pair.ends[J].session.unanswered(), Unanswered::default());
}

#[test]
fn the_end_of_a_gap_counts_when_the_peer_was_told_of_it() {
    // RAT-91.
    for (above, told, give_up) in [Weight::Text, Weight::Quiet]
        .into_iter()
        .flat_map(|w| [(w, true, false), (w, true, true), (w, false, false)])
    {
        let mut pair = Pair::new(3);
        pair.talk(1);
        let missing = pair.try_send(J, Weight::Quiet).unwrap();
        heard(&mut pair, J, above);
        let asked = count(&pair, I);
        if told {
            pair.try_send(I, Weight::Heartbeat).unwrap();
            assert_eq!(count(&pair, I), 0);
        }
        if give_up {
            let (session, _) = pair.ends[I].session.give_up(1, pair.now).unwrap();
            pair.ends[I].session = session;
        } else {
            pair.deliver(I, &missing).unwrap();
        }
        let expected = if told { 1 } else { asked };
        assert_eq!(count(&pair, I), expected, "{above:?} above the gap, told: {told}, given up: {give_up}");
    }
}

#[test]
fn the_end_of_a_gap_counts_when_its_key_is_too_old() {
    let mut pair = Pair::new(7);
    pair.talk(1);
    pair.try_send(J, Weight::Quiet).unwrap();
    heard(&mut pair, J, Weight::Text);
    pair.try_send(I, Weight::Heartbeat).unwrap();
    assert_eq!(count(&pair, I), 0);
    pair.now = pair.now.plus(Millis::DAY.times(u64::from(KEY_DAYS)));
    let (aged, _) = pair.ends[I].session.age(pair.now).unwrap();
    assert_eq!(aged.unanswered(), Unanswered { count: 1, since: Some(pair.now) });
    assert!(Session::parse(&aged.write()).is_ok());
}

/// The rule without its random part: a day after the first unanswered cell.
fn heartbeat(pair: &mut Pair, at: usize) -> u32 {
    let session = &pair.ends[at].session;
    let due = session.unanswered().since.is_some_and(|since| pair.now.since(since) >= Millis::DAY);
    if !due {
        return 0;
    }
    heard(pair, at, Weight::Heartbeat);
    1
}

#[test]
fn a36_two_idle_ends_fall_silent_after_one_answer() {
    // RAT-93.
    let mut pair = Pair::new(4);
    pair.talk(3);
    pair.say(J);
    let mut sent = 0;
    for _ in 0..30 {
        pair.now = pair.now.plus(Millis::DAY);
        sent += heartbeat(&mut pair, I) + heartbeat(&mut pair, J);
    }
    assert_eq!(sent, 1, "the joiner's last text is acknowledged, and that is all");
    assert_eq!(pair.ends[J].session.unacknowledged(), 0);
}

#[test]
fn my_turn_follows_the_epochs() {
    // RAT-01, RAT-18.
    let mut pair = Pair::new(5);
    let turns = |pair: &Pair| [pair.ends[J].session.my_turn(), pair.ends[I].session.my_turn()];
    assert_eq!(turns(&pair), [false, true]);
    pair.say(I);
    assert_eq!(turns(&pair), [true, false]);
    pair.send(J);
    assert_eq!(turns(&pair), [false, false]);
    pair.deliver_all(I);
    assert_eq!(turns(&pair), [false, true]);
}

#[test]
fn a_text_that_crosses_a_quiet_cell_is_acknowledged_without_another_word() {
    let mut pair = Pair::new(6);
    pair.talk(2);
    let text = pair.try_send(J, Weight::Text).unwrap();
    pair.deliver(I, &text).unwrap();
    // The inviter's receipt and the joiner's next text cross: it is not the inviter's turn.
    let receipt = pair.try_send(I, Weight::Quiet).unwrap();
    let crossing = pair.try_send(J, Weight::Text).unwrap();
    pair.deliver(I, &crossing).unwrap();
    pair.deliver(J, &receipt).unwrap();
    assert!(!pair.ends[I].session.my_turn() && count(&pair, I) == 1);
    let mut sent = 0;
    for _ in 0..30 {
        pair.now = pair.now.plus(Millis::DAY);
        sent += heartbeat(&mut pair, I) + heartbeat(&mut pair, J);
    }
    assert_eq!((sent, pair.ends[J].session.unacknowledged()), (1, 0));
}

#[test]
fn a_late_quiet_cell_whose_gap_was_named_is_acknowledged_without_another_word() {
    let mut pair = Pair::new(8);
    pair.talk(2);
    let late = pair.try_send(J, Weight::Quiet).unwrap();
    heard(&mut pair, J, Weight::Quiet);
    // The receipt names the gap; the late cell crosses it.
    heard(&mut pair, I, Weight::Quiet);
    pair.deliver(I, &late).unwrap();
    let joiner = &pair.ends[J].session;
    assert!(joiner.peer_high() > joiner.outbox_low(), "the joiner would append both again, for ever");
    let mut sent = 0;
    for _ in 0..30 {
        pair.now = pair.now.plus(Millis::DAY);
        sent += heartbeat(&mut pair, I) + heartbeat(&mut pair, J);
    }
    assert_eq!((sent, pair.ends[J].session.unacknowledged()), (1, 0));
}
