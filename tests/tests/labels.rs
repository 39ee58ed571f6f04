//! The two tables of labels, joined: no label is used twice, and both say the same prefix.
//!
//! Spec: docs/spec/README.md, "Labels". Invariant: A14.

use std::collections::BTreeSet;

/// Labels in crates/crypto are private to it; its table is read as text, where each stands as `NAME = "label";`.
fn of_crypto() -> Vec<String> {
    let table = include_str!("../../crates/crypto/src/labels.rs");
    let body =
        table.split("labels! {").nth(1).and_then(|rest| rest.split("\n}\n").next()).expect("the table");
    body.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("//"))
        .filter_map(|line| line.split('"').nth(1))
        .map(str::to_owned)
        .collect()
}

#[test]
fn a14_no_label_stands_in_both_tables_or_twice_in_one() {
    // GEN-17.
    let crypto = of_crypto();
    assert!(crypto.len() >= 40, "the table was not read: {crypto:?}");
    let all: Vec<String> =
        crypto.into_iter().chain(subrosa_wire::LABELS.iter().map(|label| (*label).to_owned())).collect();
    let distinct: BTreeSet<&String> = all.iter().collect();
    assert_eq!(distinct.len(), all.len(), "a label stands twice: {all:?}");
}

/// The first column of the spec's one table.
fn of_spec() -> BTreeSet<String> {
    let page = include_str!("../../docs/spec/README.md");
    let section =
        page.split("\n## Labels\n").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("the section");
    let rows = section.lines().filter(|line| line.starts_with("| ") && line.contains('/'));
    let labels = rows.filter_map(|row| row.split('|').nth(1)).flat_map(|cell| cell.split(','));
    labels.map(|label| label.trim().to_owned()).collect()
}

#[test]
fn the_spec_lists_exactly_the_labels_of_both_tables() {
    let code = of_crypto().into_iter().chain(subrosa_wire::LABELS.iter().map(|label| (*label).to_owned()));
    let (code, spec) = (code.collect::<BTreeSet<String>>(), of_spec());
    let missing: Vec<_> = code.difference(&spec).collect();
    let unused: Vec<_> = spec.difference(&code).collect();
    assert!(
        missing.is_empty() && unused.is_empty(),
        "not in the spec: {missing:?}; in the spec only: {unused:?}"
    );
}
