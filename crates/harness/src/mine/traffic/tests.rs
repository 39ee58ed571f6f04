//! The traffic is what its page says.

use super::*;

const SCALE: Scale = Scale { people: 24, circles: 4, days: 3, talks: 4 };

#[test]
fn a_seed_makes_the_same_traffic_twice_and_another_seed_another() {
    let texts =
        |seed| Traffic::new(SCALE, seed).messages.iter().map(|m| (m.at, m.text.clone())).collect::<Vec<_>>();
    assert_eq!(texts(7), texts(7));
    assert_ne!(texts(7), texts(8));
}

#[test]
fn whoever_writes_is_there_and_knows_the_other() {
    let traffic = Traffic::new(SCALE, 1);
    assert!(traffic.messages.len() > 300, "{}", traffic.messages.len());
    for message in &traffic.messages {
        assert!(traffic.is_there(message.from, message.at));
        let pair = (message.from.min(message.to), message.from.max(message.to));
        let tie = traffic.ties.iter().find(|tie| (tie.a, tie.b) == pair).expect("they know each other");
        assert!(!tie.late || message.at >= traffic.turn());
    }
    assert!(traffic.messages.is_sorted_by_key(|message| message.at));
}

#[test]
fn circles_keep_to_themselves_and_nights_are_quiet() {
    let traffic = Traffic::new(SCALE, 2);
    let within =
        traffic.ties.iter().filter(|tie| traffic.people[tie.a].circle == traffic.people[tie.b].circle);
    assert!(2 * within.count() > traffic.ties.len(), "most ties are within a circle");
    let at_night =
        traffic.messages.iter().filter(|message| (2..5).contains(&(message.at % DAY / HOUR))).count();
    assert!(at_night * 20 < traffic.messages.len(), "{at_night} of {}", traffic.messages.len());
}

#[test]
fn lines_have_the_published_median() {
    let mut lens: Vec<usize> = (0..8)
        .flat_map(|seed| Traffic::new(SCALE, seed).messages)
        .filter(|message| message.kind == Kind::Line)
        .map(|message| message.text.len())
        .collect();
    lens.sort_unstable();
    let median = lens[lens.len() / 2];
    assert!((14..=20).contains(&median), "exp(2.83) is 17, published median 18; here {median}");
}
