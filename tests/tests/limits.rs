//! The tables of limits in the spec, held against the code: every constant that they name has the value that they say.
//!
//! Spec: docs/spec/README.md, "Limits"; docs/spec/relay.md, "Limits". Invariant: a limit that changes in one place only
//! does not pass.

use std::collections::BTreeSet;
use std::path::Path;

const PAGES: [(&str, &str); 2] = [
    ("README.md", include_str!("../../docs/spec/README.md")),
    ("relay.md", include_str!("../../docs/spec/relay.md")),
];

fn sources(folder: &Path, found: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            sources(&entry, found);
        } else if entry.extension().is_some_and(|ending| ending == "rs") {
            found.push_str(&std::fs::read_to_string(&entry).expect("a text"));
        }
    }
}

/// What stands in backticks in the tables below "Limits" and looks like a definition: `NAME = value` or `field: value`.
fn claims(page: &str) -> impl Iterator<Item = &str> {
    let section =
        page.split("\n## Limits\n").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("it is there");
    let rows = section.lines().filter(|line| line.starts_with("| "));
    let spans = rows.flat_map(|row| row.split('`').skip(1).step_by(2));
    spans.filter(|span| span.contains(" = ") || span.contains(": "))
}

/// What the code says, in the words of the tables.
fn facts(code: &str) -> BTreeSet<String> {
    let fact = |line: &str| -> Option<String> {
        let Some((_, rest)) = line.split_once("const ") else {
            return line.trim().strip_suffix(',').map(str::to_owned);
        };
        let (name, rest) = rest.split_once(": ")?;
        let (_, value) = rest.strip_suffix(';')?.split_once(" = ")?;
        Some(format!("{name} = {value}"))
    };
    code.lines().filter_map(fact).collect()
}

#[test]
fn every_limit_of_the_spec_is_that_of_the_code() {
    let mut code = String::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates"), &mut code);
    let facts = facts(&code);
    for (page, text) in PAGES {
        let claims: Vec<&str> = claims(text).collect();
        assert!(claims.len() > 10, "{page} was not read: {claims:?}");
        let wrong: Vec<_> = claims.into_iter().filter(|claim| !facts.contains(*claim)).collect();
        assert!(wrong.is_empty(), "{page} says what no line of the code does: {wrong:#?}");
    }
}

#[test]
fn a_limit_that_differs_is_seen() {
    let facts = facts("pub const MAX: u32 = 1_000;\n    queues: 5,\n");
    assert!(facts.contains("MAX = 1_000") && facts.contains("queues: 5"));
    assert!(!facts.contains("MAX = 1_001") && !facts.contains("AX = 1_000") && !facts.contains("queues: 6"));
}
