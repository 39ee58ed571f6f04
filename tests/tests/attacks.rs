//! The page of known attacks, held against code and tests: every test that it names exists, every id that is cited has a row.
//!
//! Spec: docs/security/attacks.md. Invariant: a test that is renamed or removed is missed here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const PAGE: &str = include_str!("../../docs/security/attacks.md");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn files(folder: &Path, endings: &[&str], found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            files(&entry, endings, found);
        } else if entry.extension().is_some_and(|ending| endings.iter().any(|one| ending == *one)) {
            found.push(std::fs::read_to_string(&entry).expect("a text"));
        }
    }
}

/// The ids in a line of prose: words of `A` or `D` and a number of one or two digits.
fn ids(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| {
        let number = word.strip_prefix(['A', 'D']).unwrap_or_default();
        matches!(number.len(), 1 | 2) && number.bytes().all(|digit| digit.is_ascii_digit()) && number != "0"
    })
}

/// The rows of both tables: id, and what shows it.
fn rows() -> Vec<(&'static str, &'static str)> {
    let cells = PAGE.lines().filter(|line| line.starts_with("| A") || line.starts_with("| D"));
    cells.filter_map(|row| Some((row.split('|').nth(1)?.trim(), row.split('|').nth(4)?.trim()))).collect()
}

/// Names in backticks that look like a function's.
fn named(shown: &str) -> impl Iterator<Item = &str> {
    shown.split('`').skip(1).step_by(2).filter(|name| name.contains('_') && !name.contains(['/', '.']))
}

#[test]
fn every_known_attack_has_one_row_and_something_that_shows_it() {
    let ids: Vec<String> = rows().iter().map(|(id, _)| (*id).to_owned()).collect();
    let attacks = (1..=36).map(|n| format!("A{n}"));
    let expected: Vec<String> = attacks.chain((1..=12).map(|n| format!("D{n}"))).collect();
    assert_eq!(ids, expected);
    for (id, shown) in rows() {
        let argued = shown.starts_with("by construction") || shown.starts_with("the rule only");
        assert_ne!(named(shown).next().is_some(), argued, "{id}: {shown}");
    }
}

#[test]
fn every_test_that_the_page_names_is_there() {
    let mut code = Vec::new();
    files(&root().join("crates"), &["rs"], &mut code);
    files(&root().join("tests/tests"), &["rs"], &mut code);
    let lines = code.iter().flat_map(|text| text.lines()).map(str::trim_start);
    let functions: BTreeSet<&str> = lines
        .filter_map(|line| line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn ")))
        .filter_map(|rest| rest.split('(').next())
        .collect();
    assert!(functions.len() > 500, "the walk found {} functions only", functions.len());
    let named: Vec<&str> = rows().into_iter().flat_map(|(_, shown)| named(shown)).collect();
    assert!(named.len() > 60, "the page was not read: {named:?}");
    let gone: Vec<_> = named.iter().filter(|name| !functions.contains(**name)).collect();
    assert!(gone.is_empty(), "named on the page and nowhere else: {gone:?}");
}

#[test]
fn every_id_that_is_cited_has_a_row() {
    let mut texts = Vec::new();
    files(&root().join("crates"), &["rs"], &mut texts);
    files(&root().join("tests/tests"), &["rs"], &mut texts);
    files(&root().join("docs"), &["md"], &mut texts);
    let known: BTreeSet<&str> = rows().into_iter().map(|(id, _)| id).collect();
    // In code, ids stand in comments.
    let prose = texts.iter().flat_map(|text| text.lines()).filter_map(|line| {
        if line.starts_with('|') || !line.contains('"') {
            Some(line)
        } else {
            line.split_once("//").map(|(_, rest)| rest)
        }
    });
    let cited: BTreeSet<&str> = prose.flat_map(ids).collect();
    assert!(cited.len() > 40, "hardly an id was found: {cited:?}");
    let unknown: Vec<_> = cited.difference(&known).collect();
    assert!(unknown.is_empty(), "cited without a row: {unknown:?}");
}
