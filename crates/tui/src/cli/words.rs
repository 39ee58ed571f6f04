//! The 24 words at the terminal: shown once, asked for, read.
//!
//! Spec: docs/guide/chat.md, "Backups". Invariant: words come from a prompt or stdin, never from argv; they are on the
//! screen only until the person has them on paper.

use std::io::{BufRead, IsTerminal, Read, Write};

use subrosa_client::{BackupWords, WORD_COUNT, WordsError};
use zeroize::Zeroizing;

use super::exit::{Exit, Fail};
use super::out::{Out, Printer, words_text};

/// Most bytes of words that are read: 24 of 8 letters with room to spare.
const LONGEST: u16 = 4096;
/// How many of the words are asked for.
const ASKED: usize = 3;
/// How often the person may try.
const TRIES: usize = 3;

/// What is said before the words.
const ABOUT: &str = "These 24 words open your backups. Write them on paper, in this order, and keep the paper away from \
     the file.\nThe words alone restore nothing, and the file alone restores nothing. Who has both can read everything up \
     to the backup,\nand could once pretend to be you, which your contacts would see.";

fn fail(sentence: impl Into<String>) -> Fail {
    Fail::new(Exit::Backup, sentence)
}

/// Fresh words on stdout: for scripts, which keep them themselves.
pub(super) fn print(printer: &Printer) -> Exit {
    let words = subrosa_client::fresh_backup_words();
    printer.print(&Out::Words { words: words.words().collect() });
    Exit::Done
}

/// New words for this profile: shown and asked for at a terminal, else read from stdin.
pub(super) fn choose() -> Result<BackupWords, Fail> {
    if !std::io::stdin().is_terminal() {
        return read(
            "there are no words for the backups of this profile yet: run this at a terminal, or give 24 words on stdin \
             (`subrosa words` makes them)",
        );
    }
    let words = subrosa_client::fresh_backup_words();
    let list: Vec<&str> = words.words().collect();
    say(&format!("{ABOUT}\n\n{}\n\n", words_text(&list)))?;
    say("Press Enter when they are on paper: the screen is cleared then. ")?;
    line()?;
    // The screen, and what scrolled off it.
    say("\u{1b}[H\u{1b}[2J\u{1b}[3J")?;
    for _ in 0..TRIES {
        if ask(&list)? {
            return Ok(words);
        }
    }
    Err(fail("the words were not the ones that were shown: nothing was kept, begin again"))
}

/// To the person at the terminal, whatever stdout leads to.
fn say(text: &str) -> Result<(), Fail> {
    let mut screen = std::io::stderr().lock();
    let said = screen.write_all(text.as_bytes()).and_then(|()| screen.flush());
    said.map_err(|why| fail(format!("nothing can be shown here: {why}")))
}

/// Asks for three of the words; whether they were right.
fn ask(list: &[&str]) -> Result<bool, Fail> {
    for at in positions(list.len()) {
        say(&format!("Word {}: ", at + 1))?;
        let typed = line()?;
        if list.get(at).is_none_or(|word| !typed.trim().eq_ignore_ascii_case(word)) {
            say(&format!("That is not word {}. Look at the paper.\n", at + 1))?;
            return Ok(false);
        }
    }
    Ok(true)
}

/// Three different places, by chance.
fn positions(count: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..count).collect();
    let chance = std::hash::RandomState::new();
    all.sort_by_cached_key(|at| std::hash::BuildHasher::hash_one(&chance, at));
    all.truncate(ASKED);
    all.sort_unstable();
    all
}

/// The words of a backup, typed or from stdin.
pub(super) fn of_backup() -> Result<BackupWords, Fail> {
    if !std::io::stdin().is_terminal() {
        return read(
            "the 24 words of the backup are needed, and nobody is here to type them: give them on stdin",
        );
    }
    say("Type the 24 words of the backup, in one line or several:\n")?;
    let mut text = Zeroizing::new(String::with_capacity(usize::from(LONGEST)));
    while text.split_whitespace().count() < WORD_COUNT {
        let more = line()?;
        if more.trim().is_empty() || text.len() + more.len() > usize::from(LONGEST) {
            break;
        }
        text.push_str(&more);
        text.push(' ');
    }
    parse(&text)
}

fn line() -> Result<Zeroizing<String>, Fail> {
    let mut line = Zeroizing::new(String::with_capacity(1024));
    let mut stdin = std::io::stdin().lock().take(LONGEST.into());
    match stdin.read_line(&mut line) {
        Ok(0) => Err(fail("the input ended before the words were complete")),
        Ok(_) => Ok(line),
        Err(why) => Err(fail(format!("the words can't be read: {why}"))),
    }
}

fn read(missing: &str) -> Result<BackupWords, Fail> {
    let mut text = Zeroizing::new(String::with_capacity(usize::from(LONGEST)));
    let done = std::io::stdin().lock().take(LONGEST.into()).read_to_string(&mut text);
    done.map_err(|why| fail(format!("the words can't be read: {why}")))?;
    if text.trim().is_empty() { Err(fail(missing)) } else { parse(&text) }
}

fn parse(text: &str) -> Result<BackupWords, Fail> {
    BackupWords::parse(text).map_err(|why| match why {
        WordsError::Unknown { position } => {
            let word = text.split_whitespace().nth(position.saturating_sub(1)).unwrap_or_default();
            let near = nearest(word).map(|near| format!(": did you mean \"{near}\"?")).unwrap_or_default();
            // What was typed, with nothing in it that a terminal would act on.
            let shown: String = word.chars().take(16).flat_map(char::escape_debug).collect();
            fail(format!("word {position} (\"{shown}\") is not one of the list{near}"))
        }
        why => fail(why.to_string()),
    })
}

/// The word of the list that is most like `typed`, when one is.
fn nearest(typed: &str) -> Option<&'static str> {
    let typed: String = typed.to_lowercase().chars().take(16).collect();
    let near = BackupWords::list().iter().map(|word| (strsim::osa_distance(word, &typed), *word));
    near.min().filter(|(distance, _)| *distance <= 3).map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_not_on_the_list_is_named_with_the_nearest_that_is() {
        let mut list: Vec<&str> = BackupWords::from_bytes(&[7; 32]).words().collect();
        assert!(parse(&list.join(" ")).is_ok());
        list[4] = "abandom";
        let said = parse(&list.join("\n")).unwrap_err();
        assert_eq!(said.exit, Exit::Backup);
        assert!(
            said.sentence.contains("word 5") && said.sentence.contains("\"abandon\""),
            "{}",
            said.sentence
        );
        list[4] = "\u{1b}[2Jqqqqqqqqqq";
        let said = parse(&list.join(" ")).unwrap_err().sentence;
        assert!(!said.contains('\u{1b}') && !said.contains("did you mean"), "{said}");
        assert!(parse(&list[..23].join(" ")).unwrap_err().sentence.contains("23 words"));
    }

    #[test]
    fn three_different_words_are_asked_for() {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..50 {
            let asked = positions(WORD_COUNT);
            assert_eq!(asked.len(), ASKED);
            assert!(asked.is_sorted_by(|a, b| a < b) && asked.iter().all(|at| *at < WORD_COUNT));
            seen.extend(asked);
        }
        assert!(seen.len() > 12, "always the same: {seen:?}");
    }
}
