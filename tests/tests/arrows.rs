//! The arrows of the map are a table, and the trees of the pure crates are committed lists.
//!
//! Spec: docs/ARCHITECTURE.md, "Arrows". Invariant: both checks compare for equality, so a new edge, a lost edge
//! and a new crate in a pure tree all fail.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every first-party edge, by kind. `dev` edges may point anywhere that they don't make a cycle of meaning.
const EDGES: &[(&str, &str, &str)] = &[
    ("subrosa-crypto", "normal", "subrosa-codec"),
    ("subrosa-wire", "normal", "subrosa-codec"),
    ("subrosa-engine", "normal", "subrosa-crypto"),
    ("subrosa-engine", "normal", "subrosa-wire"),
    ("subrosa-engine", "normal", "subrosa-codec"),
    ("subrosa-relay-core", "normal", "subrosa-wire"),
    ("subrosa-relay-core", "normal", "subrosa-codec"),
    ("subrosa-relay", "normal", "subrosa-relay-core"),
    ("subrosa-relay", "normal", "subrosa-wire"),
    ("subrosa-relay", "normal", "subrosa-codec"),
    ("subrosa-client", "normal", "subrosa-engine"),
    ("subrosa-client", "normal", "subrosa-crypto"),
    ("subrosa-client", "normal", "subrosa-wire"),
    ("subrosa-client", "normal", "subrosa-codec"),
    ("subrosa", "normal", "subrosa-client"),
    ("subrosa", "normal", "subrosa-relay"),
    ("subrosa-tests", "normal", "subrosa"),
    ("subrosa-tests", "normal", "subrosa-relay"),
    // The harness is an instrument, in no product: real engines and the relay's core in one thread.
    ("subrosa-harness", "normal", "subrosa-engine"),
    ("subrosa-harness", "normal", "subrosa-relay-core"),
    ("subrosa-harness", "normal", "subrosa-wire"),
    ("subrosa-harness", "normal", "subrosa-codec"),
    // Comparing capabilities is timed by the same statistics as the rest.
    ("subrosa-crypto", "dev", "subrosa-wire"),
    // Its tests speak to a real relay.
    ("subrosa-client", "dev", "subrosa-relay"),
    ("subrosa-tests", "dev", "subrosa-codec"),
    // The malicious relay is the real one around a store of the tests' own.
    ("subrosa-tests", "dev", "subrosa-relay-core"),
    // Power cuts under the real processes; of no product.
    ("subrosa-relay", "dev", "subrosa-lossyfs"),
    ("subrosa-tests", "dev", "subrosa-lossyfs"),
    // A client with a clock of its own.
    ("subrosa-tests", "dev", "subrosa-client"),
    ("subrosa-tests", "dev", "subrosa-wire"),
    // The fuzz targets, played over their corpora.
    ("subrosa-tests", "dev", "subrosa-crypto"),
    ("subrosa-tests", "dev", "subrosa-engine"),
];

/// Crates that can't name a socket, a file, a clock or a thread: `#![no_std]`, and a committed tree each.
const PURE: &[&str] =
    &["subrosa-codec", "subrosa-crypto", "subrosa-wire", "subrosa-engine", "subrosa-relay-core"];

/// Crates whose tree must not contain the code that decrypts.
const BLIND: &[&str] = &["subrosa-wire", "subrosa-relay-core", "subrosa-relay"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace is there")
}

fn cargo(args: &[&str]) -> String {
    let run = |extra: &[&str]| {
        Command::new(env!("CARGO")).current_dir(root()).args(args).args(extra).output().expect("cargo starts")
    };
    // Offline when the registry's folder holds everything, which `cargo test` alone does not promise for other targets.
    let mut out = run(&["--offline"]);
    if !out.status.success() {
        out = run(&[]);
    }
    assert!(out.status.success(), "cargo {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("cargo prints UTF-8")
}

fn first_party_edges() -> BTreeSet<(String, String, String)> {
    let text = cargo(&["metadata", "--locked", "--no-deps", "--format-version", "1"]);
    let metadata: serde_json::Value = serde_json::from_str(&text).expect("metadata is JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let names: BTreeSet<&str> = packages.iter().filter_map(|p| p["name"].as_str()).collect();
    let mut edges = BTreeSet::new();
    for package in packages {
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let to = dependency["name"].as_str().expect("a name");
            if names.contains(to) {
                let kind = dependency["kind"].as_str().unwrap_or("normal");
                let from = package["name"].as_str().expect("a name");
                edges.insert((from.to_owned(), kind.to_owned(), to.to_owned()));
            }
        }
    }
    edges
}

/// What a package is built from; for every target, or (`built`) for this machine only.
fn tree(package: &str, built: bool) -> BTreeSet<String> {
    let mut args = vec!["tree", "--locked", "-p", package, "-e", "normal,build", "--prefix", "none"];
    args.extend(["--format", "{p}"]);
    if !built {
        args.extend(["--target", "all"]);
    }
    let text = cargo(&args);
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn first_party_edges_are_exactly_the_map() {
    let map: BTreeSet<_> = EDGES
        .iter()
        .map(|(from, kind, to)| ((*from).to_owned(), (*kind).to_owned(), (*to).to_owned()))
        .collect();
    let real = first_party_edges();
    let new: Vec<_> = real.difference(&map).collect();
    let gone: Vec<_> = map.difference(&real).collect();
    assert!(new.is_empty() && gone.is_empty(), "not on the map: {new:?}; on the map only: {gone:?}");
}

#[test]
fn trees_of_the_pure_crates_are_the_committed_ones() {
    for package in PURE {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("arrows/{package}.txt"));
        let real: Vec<String> = tree(package, false).into_iter().collect();
        if std::env::var_os("SUBROSA_BLESS").is_some() {
            std::fs::write(&file, real.join("\n") + "\n").expect("the list is written");
        }
        let listed = std::fs::read_to_string(&file).unwrap_or_default();
        let listed: Vec<&str> = listed.lines().collect();
        assert_eq!(
            real, listed,
            "the tree of {package} changed: argue for it, then run with SUBROSA_BLESS=1"
        );
    }
}

#[test]
fn pure_crates_are_no_std_and_draw_no_entropy() {
    for package in PURE {
        let folder = package.trim_start_matches("subrosa-");
        let lib =
            std::fs::read_to_string(root().join("crates").join(folder).join("src/lib.rs")).expect("lib.rs");
        assert!(lib.lines().any(|line| line == "#![no_std]"), "{package} is not no_std");
        // Built, not for all targets: the KEM's proof tools (`cfg(hax)`, never built) stand in that list.
        assert!(!tree(package, true).contains("getrandom"), "{package} reaches for the OS's entropy");
    }
}

#[test]
fn the_relay_cannot_link_the_code_that_decrypts() {
    for package in BLIND {
        let tree = tree(package, false);
        assert!(tree.contains("subrosa-codec"), "the tree of {package} was not read");
        assert!(!tree.contains("subrosa-crypto"), "{package} links subrosa-crypto");
        assert!(!tree.contains("x25519-dalek"), "{package} links x25519-dalek");
    }
}

#[test]
fn every_outside_dependency_has_its_reason_beside_it() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let section = manifest.split("[workspace.dependencies]").nth(1).expect("dependencies");
    let section = section.split("\n[").next().expect("a section");
    for line in section.lines().filter(|line| line.contains('=') && !line.contains("path =")) {
        assert!(line.contains(" # "), "no reason beside: {line}");
    }
    for entry in std::fs::read_dir(root().join("crates")).expect("crates") {
        let file = entry.expect("a crate").path().join("Cargo.toml");
        let text = std::fs::read_to_string(&file).expect("a manifest");
        let own =
            text.lines().filter(|line| line.contains("version = \"") && !line.trim_start().starts_with('#'));
        assert_eq!(own.count(), 0, "{} names a version of its own: use the workspace's", file.display());
    }
}
