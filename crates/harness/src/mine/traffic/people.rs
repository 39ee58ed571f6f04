//! People, their days, and who knows whom.
//!
//! Spec: docs/nothing-to-mine.md, "The traffic". Invariant: everybody knows somebody; sessions never overlap.

use super::{DAY, HOUR, Moment, Person, Scale, Tie, words};
use crate::mine::dice::Dice;

/// How likely two of one circle know each other, before popularity.
const WITHIN: f64 = 0.45;
/// How likely two of different circles do.
const ACROSS: f64 = 0.05;
/// Sessions in a day.
const SESSIONS: f64 = 7.0;
/// The logarithm of minutes that a session lasts, its median being 20.
const SESSION: (f64, f64) = (3.0, 0.9);

/// How active people are at each hour after getting up: low, two humps, and none for the last eight hours.
const WAKING: [f64; 24] = [
    0.5, 0.9, 1.0, 1.0, 0.9, 1.1, 0.9, 0.8, 0.9, 1.0, 1.1, 1.3, 1.5, 1.5, 1.2, 0.6, 0.05, 0.0, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.05,
];

/// Everybody.
pub(super) fn people(scale: Scale, dice: &mut Dice) -> Vec<Person> {
    let order = dice.order(scale.people);
    let mut people = Vec::with_capacity(scale.people);
    for place in order {
        let circle = place % scale.circles.max(1);
        let language =
            if dice.chance(0.85) { circle % words::LANGUAGES } else { dice.below(words::LANGUAGES) };
        people.push(Person {
            circle,
            popularity: dice.pareto(2.5, 1.0, 6.0),
            language,
            sessions: sessions(scale.days, dice),
        });
    }
    people
}

fn sessions(days: u64, dice: &mut Dice) -> Vec<(Moment, Moment)> {
    let gets_up = dice.normal(7.5, 1.5).clamp(4.0, 12.0);
    let liking = dice.lognormal(0.0, 0.4);
    let mut spans = Vec::new();
    for day in 0..days {
        for (hour, activity) in WAKING.iter().enumerate() {
            let mean = SESSIONS * liking * activity / WAKING.iter().sum::<f64>();
            if dice.chance(mean.min(0.95)) {
                let begin = gets_up + hour as f64 + dice.unit();
                let from = day * DAY + (begin * HOUR as f64) as Moment;
                let minutes = dice.lognormal(SESSION.0, SESSION.1).clamp(1.0, 240.0);
                spans.push((from, from + (minutes * 60_000.0) as Moment));
            }
        }
    }
    merged(spans, days * DAY)
}

fn merged(mut spans: Vec<(Moment, Moment)>, end: Moment) -> Vec<(Moment, Moment)> {
    spans.sort_unstable();
    let mut kept: Vec<(Moment, Moment)> = Vec::new();
    for (from, until) in spans.into_iter().filter(|span| span.0 < end) {
        match kept.last_mut() {
            // Less than a minute apart is one session.
            Some(last) if from <= last.1 + 60_000 => last.1 = last.1.max(until.min(end)),
            _ => kept.push((from, until.min(end))),
        }
    }
    kept
}

/// Who knows whom: a stochastic block model corrected for degree.
pub(super) fn ties(people: &[Person], dice: &mut Dice) -> Vec<Tie> {
    let mut ties = Vec::new();
    for a in 0..people.len() {
        for b in a + 1..people.len() {
            let base = if people[a].circle == people[b].circle { WITHIN } else { ACROSS };
            let popular = (people[a].popularity * people[b].popularity).sqrt() / 1.5;
            if dice.chance((base * popular).min(0.95)) {
                ties.push(tie(people, (a, b), dice));
            }
        }
    }
    for a in 0..people.len() {
        if !ties.iter().any(|tie| tie.a == a || tie.b == a) {
            let b = (a + 1 + dice.below(people.len() - 1)) % people.len();
            ties.push(Tie { late: false, ..tie(people, (a.min(b), a.max(b)), dice) });
        }
    }
    ties
}

fn tie(people: &[Person], (a, b): (usize, usize), dice: &mut Dice) -> Tie {
    let topic = if dice.chance(0.6) { people[a].circle % words::TOPICS } else { dice.below(words::TOPICS) };
    Tie { a, b, weight: dice.lognormal(0.0, 1.0), topic, late: dice.chance(0.15) }
}

pub(super) fn is_there(person: &Person, at: Moment) -> bool {
    person.sessions.iter().any(|(from, until)| (*from..*until).contains(&at))
}

pub(super) fn next_there(person: &Person, at: Moment) -> Option<Moment> {
    person.sessions.iter().find(|(_, until)| *until > at).map(|(from, _)| (*from).max(at))
}
