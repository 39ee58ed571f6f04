//! Made-up languages, whose words tell what they are about.
//!
//! Spec: docs/nothing-to-mine.md, "The traffic". Invariant: a word belongs to one language, and to one topic or none.

use crate::mine::dice::Dice;

/// Languages.
pub const LANGUAGES: usize = 3;
/// Topics.
pub const TOPICS: usize = 5;
/// Emoji that a reader may answer with.
pub const EMOJI: usize = 5;
/// Words of one topic, or of none, in one language.
const VOCABULARY: usize = 30;

const ONSETS: [[&str; 6]; LANGUAGES] =
    [["t", "s", "n", "w", "th", "m"], ["sch", "k", "g", "z", "pf", "r"], ["l", "j", "ch", "qu", "v", "d"]];
const NUCLEI: [[&str; 4]; LANGUAGES] =
    [["e", "a", "o", "ea"], ["ei", "u", "ie", "au"], ["ou", "i", "ai", "oi"]];

/// The `n`th word about `topic` (or about nothing) in `language`.
fn word(language: usize, topic: Option<usize>, n: usize) -> String {
    let mut code = n + VOCABULARY * topic.map_or(0, |topic| topic + 1);
    let mut word = String::new();
    for _ in 0..2 {
        let (onset, nucleus) = (code % 6, code / 6 % 4);
        word.push_str(ONSETS[language][onset]);
        word.push_str(NUCLEI[language][nucleus]);
        code /= 24;
    }
    word
}

/// A rank by Zipf's law.
fn rank(dice: &mut Dice) -> usize {
    (dice.pareto(1.2, 1.0, VOCABULARY as f64 + 1.0) as usize).saturating_sub(1).min(VOCABULARY - 1)
}

/// About `len` bytes, four in ten of its words about `topic`; never empty.
pub(super) fn text(language: usize, topic: usize, len: usize, dice: &mut Dice) -> String {
    let mut text = String::with_capacity(len + 16);
    while text.len() < len.max(1) {
        if !text.is_empty() {
            text.push(' ');
        }
        let about = dice.chance(0.4).then_some(topic);
        let rank = rank(dice);
        text.push_str(&word(language, about, rank));
    }
    // All letters are ASCII.
    text.truncate(len.max(1));
    if text.ends_with(' ') {
        text.pop();
        text.push('.');
    }
    text
}
