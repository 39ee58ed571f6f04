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
fn no_label_stands_in_both_tables_or_twice_in_one() {
    let crypto = of_crypto();
    assert!(crypto.len() >= 40, "the table was not read: {crypto:?}");
    let all: Vec<String> =
        crypto.into_iter().chain(subrosa_wire::LABELS.iter().map(|label| (*label).to_owned())).collect();
    let distinct: BTreeSet<&String> = all.iter().collect();
    assert_eq!(distinct.len(), all.len(), "a label stands twice: {all:?}");
}

#[test]
fn the_spec_lists_every_label() {
    let spec = include_str!("../../docs/spec/README.md");
    let relay = include_str!("../../docs/spec/relay.md");
    for label in of_crypto() {
        assert!(spec.contains(&format!("`{label}`")), "docs/spec/README.md lacks {label}");
    }
    for label in subrosa_wire::LABELS {
        assert!(relay.contains(&format!("`{label}`")), "docs/spec/relay.md lacks {label}");
    }
}
