//! The page of known attacks, held against code and tests: every test that it names exists, every attack that concerns the
//! protocol has tests of its name, every id that is cited has a row.
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

/// The names of all tests of the workspace.
fn tests() -> BTreeSet<String> {
    let mut code = Vec::new();
    files(&root().join("crates"), &["rs"], &mut code);
    files(&root().join("tests/tests"), &["rs"], &mut code);
    let mut found = BTreeSet::new();
    for text in &code {
        let mut marked = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                marked = true;
            } else if let Some(rest) = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn ")) {
                // The first function after the mark is the test.
                let name = rest.split('(').next().filter(|_| std::mem::take(&mut marked));
                found.extend(name.map(str::to_owned));
            }
        }
    }
    assert!(found.len() > 500, "the walk found {} tests only", found.len());
    found
}

/// The id that a test's name begins with: `a3_…` is of A3.
fn id_of(test: &str) -> Option<String> {
    let (number, _) = test.strip_prefix('a')?.split_once('_')?;
    let plain = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    plain.then(|| format!("A{number}"))
}

#[test]
fn every_attack_on_the_protocol_has_tests_of_its_name_and_the_page_names_them_all() {
    let own: BTreeSet<(String, String)> =
        tests().into_iter().filter_map(|test| Some((id_of(&test)?, test))).collect();
    let without: Vec<String> = (1..=20)
        .chain([25])
        .chain(27..=36)
        .map(|n| format!("A{n}"))
        .filter(|id| !own.iter().any(|(of, _)| of == id))
        .collect();
    assert!(without.is_empty(), "no test is named by {without:?}");
    let listed: BTreeSet<(String, String)> = rows()
        .into_iter()
        .flat_map(|(id, shown)| named(shown).map(move |name| (id.to_owned(), name.to_owned())))
        .collect();
    let silent: Vec<_> = own.difference(&listed).collect();
    assert!(silent.is_empty(), "shows an attack, and the page does not say so: {silent:?}");
}

#[test]
fn every_test_that_the_page_names_is_there() {
    let functions = tests();
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
