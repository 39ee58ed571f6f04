//! A32: only an opened body raises the level, and it never falls.

use super::pair::{I, J, Pair, flip_body};
use crate::ratchet::{Alarm, Level, OpenError, SessionEvent};

#[test]
fn levels_rise_with_the_bodies_of_the_first_three_epochs() {
    // HS-36, HS-38, HS-39, HS-41.
    let mut pair = Pair::new(1);
    let level = |pair: &Pair| [pair.ends[J].session.level(), pair.ends[I].session.level()];
    pair.say(J);
    assert_eq!(level(&pair), [Level::Sent, Level::Invited]);
    assert_eq!(pair.say(I).events, [SessionEvent::Raised(Level::PeerPq)]);
    assert_eq!(level(&pair), [Level::PeerPq, Level::Invited]);
    assert_eq!(pair.say(J).events, [SessionEvent::Raised(Level::MutualPq)]);
    assert_eq!(level(&pair), [Level::PeerPq, Level::MutualPq]);
    assert_eq!(pair.say(I).events, [SessionEvent::Raised(Level::MutualPq)]);
    pair.talk(2);
    assert_eq!(level(&pair), [Level::MutualPq; 2]);
}

#[test]
fn a_level_never_falls_whatever_comes_late_twice_or_broken() {
    // HS-41.
    let mut pair = Pair::new(6);
    let late = [pair.send(J), pair.send(J)];
    pair.say(J);
    let early = [pair.send(I), pair.send(I)];
    let mut reached = [Level::Sent, Level::Invited];
    let check = |pair: &Pair, reached: &mut [Level; 2]| {
        for at in [J, I] {
            let level = pair.ends[at].session.level();
            assert!(level >= reached[at], "{at} fell to {level:?}");
            assert_eq!(pair.copy(at).level(), level, "and it is stored");
            assert_eq!(pair.ends[at].session.latched(Alarm::Prev).level(), level);
            reached[at] = level;
        }
    };
    for from in [I, J, I, J, I] {
        pair.say(from);
        check(&pair, &mut reached);
    }
    assert_eq!(reached, [Level::MutualPq; 2]);
    for (to, cell) in [(I, &late[1]), (J, &early[0]), (I, &late[0]), (J, &early[1])] {
        assert!(pair.deliver(to, &flip_body(cell, 1)).is_err());
        check(&pair, &mut reached);
        let opened = pair.deliver(to, cell).unwrap();
        assert!(!opened.events.iter().any(|event| matches!(event, SessionEvent::Raised(_))));
        check(&pair, &mut reached);
        assert_eq!(pair.deliver(to, cell).unwrap_err(), OpenError::Duplicate);
        check(&pair, &mut reached);
    }
}

#[test]
fn the_first_body_that_comes_raises_as_far_as_its_epoch_proves() {
    // HS-38, HS-39. The first cell of each epoch is lost; what raises is any later body of it.
    let mut pair = Pair::new(7);
    let mut raised = alloc::vec::Vec::new();
    for from in [J, I, J, I] {
        pair.send(from);
        raised.push(pair.say(from).events.into_iter().find(|event| matches!(event, SessionEvent::Raised(_))));
    }
    let to = |level| Some(SessionEvent::Raised(level));
    assert_eq!(raised, [None, to(Level::PeerPq), to(Level::MutualPq), to(Level::MutualPq)]);
}

#[test]
fn a32_a_header_that_opens_raises_nothing() {
    // HS-40.
    let mut pair = Pair::new(2);
    for from in [I, J, I] {
        let before = pair.ends[1 - from].session.level();
        let cell = pair.send(from);
        let damaged = pair.deliver(1 - from, &flip_body(&cell, 5));
        assert!(matches!(damaged, Err(OpenError::BadBody { .. })));
        assert_eq!(pair.ends[1 - from].session.level(), before);
        pair.deliver(1 - from, &cell).unwrap();
    }
}

#[test]
fn a32_who_stole_the_early_state_but_not_the_identity_raises_nothing() {
    // HS-40.
    // The thief holds all that the inviter's session held before its first word: the root key, and the header key of
    // epoch 2. It lacks what epoch 1 was encapsulated to: the joiner's identity.
    let mut pair = Pair::new(3);
    let stolen_root = pair.ends[I].session.root.clone();
    pair.say(I);
    let mut thief = pair.copy(J);
    thief.root = stolen_root;
    let cell = pair.send_as(&mut thief, J);
    assert!(
        matches!(pair.deliver(I, &cell), Err(OpenError::BadBody { .. })),
        "its header opens, its body does not"
    );
    assert_eq!(pair.ends[I].session.level(), Level::Invited);
    // The real joiner is still heard.
    pair.say(J);
    assert_eq!(pair.ends[I].session.level(), Level::MutualPq);
}

#[test]
fn an_identity_that_is_not_the_joiners_opens_nothing_of_epoch_1() {
    let mut pair = Pair::new(4);
    let cell = pair.send(I);
    let wrong = pair.ends[J].session.open(&pair.ends[I].me, &cell, pair.now);
    assert!(matches!(wrong, Err(OpenError::BadBody { .. })));
    assert!(pair.deliver(J, &cell).is_ok());
}

#[test]
fn a_listener_with_the_whole_state_is_out_after_one_round_trip() {
    // RAT-08, RAT-46.
    let mut pair = Pair::new(5);
    pair.talk(2);
    let stolen = pair.copy(I);
    let cell = pair.send(J);
    pair.deliver(I, &cell).unwrap();
    let thief = stolen.open(&pair.ends[I].me, &cell, pair.now).unwrap().next;
    let more = pair.send(J);
    assert!(thief.open(&pair.ends[I].me, &more, pair.now).is_ok(), "it reads on: the state is whole");
    // Both speak once with fresh keys.
    pair.deliver(I, &more).unwrap();
    pair.say(I);
    let cell = pair.send(J);
    assert_eq!(thief.open(&pair.ends[I].me, &cell, pair.now).unwrap_err(), OpenError::OwnRollback);
    // Its next step is not the inviter's: with a step of its own, the header opens and the body does not.
    let stepped = pair.send_as(&mut thief.clone(), I);
    assert!(matches!(pair.deliver(J, &stepped), Err(OpenError::Alarm(_))));
    let mut guess = thief.clone();
    pair.send_as(&mut guess, I);
    assert!(matches!(guess.open(&pair.ends[I].me, &cell, pair.now), Err(OpenError::BadBody { .. })));
}
