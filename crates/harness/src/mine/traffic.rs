//! [`Traffic`]: who knows whom, who is there when, and who writes what to whom; made up out of one seed.
//!
//! Spec: docs/nothing-to-mine.md, "The traffic". Invariant: it knows nothing of the systems that carry it, so all
//! of them carry the same; nobody writes while away.

mod people;
mod talk;
mod words;

use super::dice::Dice;

pub use words::{EMOJI, LANGUAGES, TOPICS};

/// Milliseconds since the record began.
pub type Moment = u64;

/// A second of [`Moment`].
pub const SECOND: Moment = 1_000;
/// An hour of it.
pub const HOUR: Moment = 3_600 * SECOND;
/// A day of it.
pub const DAY: Moment = 24 * HOUR;

/// How much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// People.
    pub people: usize,
    /// Circles (communities) that they fall into.
    pub circles: usize,
    /// Days of the record.
    pub days: u64,
    /// Conversations that one person begins in a day, on average.
    pub talks: u64,
}

/// One person.
#[derive(Clone, Debug)]
pub struct Person {
    /// The circle they belong to.
    pub circle: usize,
    /// How much more than others they are known and written to.
    pub popularity: f64,
    /// The language they write in.
    pub language: usize,
    /// When they are there: from, until; in order, never overlapping.
    pub sessions: Vec<(Moment, Moment)>,
}

/// Two people who know each other.
#[derive(Clone, Copy, Debug)]
pub struct Tie {
    /// The lower number.
    pub a: usize,
    /// The higher number.
    pub b: usize,
    /// How much of their talk is with each other.
    pub weight: f64,
    /// What they mostly talk about.
    pub topic: usize,
    /// They write to each other only in the last third of the record.
    pub late: bool,
}

/// What kind of thing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A line of chat.
    Line,
    /// Something pasted: a page of text.
    Page,
    /// A picture or file.
    Attachment,
}

/// One message.
#[derive(Clone, Debug)]
pub struct Message {
    /// Who wrote it.
    pub from: usize,
    /// To whom.
    pub to: usize,
    /// When it was sent.
    pub at: Moment,
    /// What it is.
    pub kind: Kind,
    /// Its text (an attachment's bytes are stood for by as much text).
    pub text: String,
    /// The language it is in.
    pub language: usize,
    /// What it is about.
    pub topic: usize,
    /// The emoji that the reader would answer with.
    pub emoji: usize,
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// What it was made with.
    pub scale: Scale,
    /// The seed.
    pub seed: u64,
    /// Everybody.
    pub people: Vec<Person>,
    /// Who knows whom.
    pub ties: Vec<Tie>,
    /// What was written, in order of time.
    pub messages: Vec<Message>,
}

impl Traffic {
    /// Makes it up.
    #[must_use]
    pub fn new(scale: Scale, seed: u64) -> Self {
        let mut dice = Dice::new(seed, 1);
        let people = people::people(scale, &mut dice);
        let ties = people::ties(&people, &mut dice);
        let messages = talk::messages(scale, &people, &ties, &mut dice);
        Self { scale, seed, people, ties, messages }
    }

    /// The end of the record.
    #[must_use]
    pub const fn end(&self) -> Moment {
        self.scale.days * DAY
    }

    /// Before this moment late ties are silent.
    #[must_use]
    pub const fn turn(&self) -> Moment {
        self.scale.days * DAY * 2 / 3
    }

    /// Whether `who` is there.
    #[must_use]
    pub fn is_there(&self, who: usize, at: Moment) -> bool {
        people::is_there(&self.people[who], at)
    }

    /// The first moment from `at` on at which `who` is there.
    #[must_use]
    pub fn next_there(&self, who: usize, at: Moment) -> Option<Moment> {
        people::next_there(&self.people[who], at)
    }

    /// All pairs of people, the lower number first.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize)> {
        let n = self.people.len();
        (0..n).flat_map(move |a| (a + 1..n).map(move |b| (a, b)))
    }

    /// Pairs that wrote to each other between two moments.
    #[must_use]
    pub fn talked(&self, from: Moment, until: Moment) -> std::collections::BTreeSet<(usize, usize)> {
        let within = self.messages.iter().filter(|message| (from..until).contains(&message.at));
        within.map(|message| (message.from.min(message.to), message.from.max(message.to))).collect()
    }
}

#[cfg(test)]
mod tests;
