//! Conversations: turns, bursts, replies, lengths, kinds.
//!
//! Spec: docs/nothing-to-mine.md, "The traffic". Invariant: whoever writes is there; messages are in order of time.

use super::people::{is_there, next_there};
use super::{DAY, EMOJI, HOUR, Kind, LANGUAGES, Message, Moment, Person, SECOND, Scale, TOPICS, Tie, words};
use crate::mine::dice::Dice;

/// Letters of a line: ProcessOne's fit over 474,562 messages.
const LINE: (f64, f64) = (2.83, 1.15);
/// Bytes of a page that was pasted. Chosen, not published.
const PAGE: (f64, f64) = (7.6, 0.6);
/// Bytes of an attachment. Chosen, not published; cut at [`LARGEST`].
const ATTACHMENT: (f64, f64) = (10.0, 0.7);
/// What every system here can carry as one message.
const LARGEST: f64 = 90_000.0;
/// How the gaps within a burst fall: Hong et al. found 1.5 to 2.2, 1.8 on average.
const GAP: f64 = 1.8;
/// The longest conversation.
const TURNS: usize = 40;

/// Everything that is written.
pub(super) fn messages(scale: Scale, people: &[Person], ties: &[Tie], dice: &mut Dice) -> Vec<Message> {
    let end = scale.days * DAY;
    let turn = end * 2 / 3;
    let mut messages = Vec::new();
    for who in 0..people.len() {
        for _ in 0..scale.talks * scale.days {
            let Some(at) = some_moment(&people[who], dice) else { continue };
            let weights = ties.iter().map(|tie| match (tie.a == who, tie.b == who) {
                (false, false) => 0.0,
                _ if tie.late && at < turn => 0.0,
                (true, _) => tie.weight * people[tie.b].popularity,
                (_, true) => tie.weight * people[tie.a].popularity,
            });
            if let Some(tie) = dice.weighted(weights) {
                conversation(people, &ties[tie], (who, at), dice, &mut messages);
            }
        }
    }
    messages.retain(|message| message.at < end);
    messages.sort_by_key(|message| (message.at, message.from, message.to));
    messages
}

/// Uniform over the time that somebody is there.
fn some_moment(person: &Person, dice: &mut Dice) -> Option<Moment> {
    let spans = person.sessions.iter().map(|(from, until)| (until - from) as f64);
    let (from, until) = person.sessions[dice.weighted(spans)?];
    Some(from + dice.below((until - from) as usize) as Moment)
}

/// Turn by turn, until somebody has enough or is away for long.
fn conversation(
    people: &[Person],
    tie: &Tie,
    (first, begin): (usize, Moment),
    dice: &mut Dice,
    messages: &mut Vec<Message>,
) {
    let topic = if dice.chance(0.75) { tie.topic } else { dice.below(TOPICS) };
    let (mut speaker, mut at) = (first, begin);
    for _ in 0..TURNS {
        if !is_there(&people[speaker], at) {
            // Whoever was away may answer later; whoever leaves, leaves.
            match next_there(&people[speaker], at) {
                Some(back) if back < at + 8 * HOUR && dice.chance(0.6) => {
                    at = back + (dice.pareto(GAP, 10.0, 600.0) * SECOND as f64) as Moment;
                }
                _ => return,
            }
            if !is_there(&people[speaker], at) {
                return;
            }
        }
        let to = if speaker == tie.a { tie.b } else { tie.a };
        messages.push(message(people, (speaker, to, at), topic, dice));
        if dice.chance(0.2) {
            return;
        }
        if dice.chance(0.35) {
            at += (dice.pareto(GAP, 3.0, 300.0) * SECOND as f64) as Moment;
        } else {
            speaker = to;
            at += (dice.pareto(GAP, 6.0, 1_200.0) * SECOND as f64) as Moment;
        }
    }
}

fn message(
    people: &[Person],
    (from, to, at): (usize, usize, Moment),
    topic: usize,
    dice: &mut Dice,
) -> Message {
    let draw = dice.unit();
    let (kind, (mu, sigma)) = match draw {
        ..0.93 => (Kind::Line, LINE),
        ..0.98 => (Kind::Page, PAGE),
        _ => (Kind::Attachment, ATTACHMENT),
    };
    let len = dice.lognormal(mu, sigma).clamp(1.0, LARGEST) as usize;
    let language = people[from].language.min(LANGUAGES - 1);
    let text = words::text(language, topic, len, dice);
    let emoji = if dice.chance(0.6) { topic % EMOJI } else { dice.below(EMOJI) };
    Message { from, to, at, kind, text, language, topic, emoji }
}
