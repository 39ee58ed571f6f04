//! Check ids: every rule of the spec has one, and code and tests cite it.
//!
//! Spec: docs/spec/README.md, "Check ids". Invariant: a rule without code or without a test, and a citation without a
//! rule, do not pass.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Which page defines the ids of which letters.
const PAGES: [(&str, &str); 11] = [
    ("README.md", "GEN"),
    ("identity.md", "ID"),
    ("invite.md", "INV"),
    ("handshake.md", "HS"),
    ("cell.md", "CEL"),
    ("ratchet.md", "RAT"),
    ("content.md", "CON"),
    ("recovery.md", "REC"),
    ("at-rest.md", "AR"),
    ("backup.md", "BAK"),
    ("relay.md", "REL"),
];

/// A file of the repository: its path from the root, and what it says.
type File = (String, String);

/// The ids in a text: known letters, a dash, two or three digits, and nothing that would make it a longer word.
fn ids(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').filter(|word| {
        let Some((letters, digits)) = word.split_once('-') else { return false };
        PAGES.iter().any(|(_, known)| *known == letters)
            && matches!(digits.len(), 2 | 3)
            && digits.bytes().all(|digit| digit.is_ascii_digit())
    })
}

/// The ids that stand alone between two `mark`s: `**` defines one, `~~` retires one.
fn marked<'t>(text: &'t str, mark: &str) -> Vec<&'t str> {
    text.split(mark).skip(1).step_by(2).filter(|inner| ids(inner).eq([*inner])).collect()
}

/// What of a source file can cite: comments. Code and tests apart; unit tests are the last part of their file.
fn comments(path: &str, text: &str) -> [Vec<String>; 2] {
    let python = path.ends_with(".py");
    let mut test = ["tests/", "/tests/", "/tests.rs", "/conformance"]
        .iter()
        .any(|part| path.starts_with(part.trim_start_matches('/')) || path.contains(part));
    let mut all = [Vec::new(), Vec::new()];
    let mut before = "";
    for line in text.lines() {
        test |= before.trim() == "#[cfg(test)]" && line.contains("mod ") && line.ends_with('{');
        before = line;
        let said = if python { Some(line) } else { line.split_once("//").map(|(_, said)| said) };
        all[usize::from(test)].extend(said.map(str::to_owned));
    }
    all
}

/// Everything that is wrong, in words.
fn findings(pages: &[File], others: &[File], sources: &[File]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut defined: BTreeMap<&str, &str> = BTreeMap::new();
    let retired: BTreeSet<&str> = pages.iter().flat_map(|(_, text)| marked(text, "~~")).collect();
    for (page, text) in pages {
        for id in marked(text, "**") {
            let (letters, _) = id.split_once('-').unwrap_or_default();
            if !PAGES.contains(&(page.as_str(), letters)) {
                wrong.push(format!("{id} is defined on {page}, where {letters} has no place"));
            }
            if retired.contains(id) {
                wrong.push(format!("{id} is retired, and defined again on {page}"));
            }
            if let Some(first) = defined.insert(id, page) {
                wrong.push(format!("{id} is defined twice: on {first} and on {page}"));
            }
        }
    }
    let mut cited = [BTreeSet::new(), BTreeSet::new()];
    for (path, text) in sources {
        for (place, said) in comments(path, text).into_iter().enumerate() {
            for id in said.iter().flat_map(|said| ids(said)) {
                cited[place].insert(id.to_owned());
                if !defined.contains_key(id) {
                    wrong.push(format!("{path} cites {id}, which no page defines"));
                }
            }
        }
    }
    for (path, text) in pages.iter().chain(others) {
        let unknown = ids(text).filter(|id| !defined.contains_key(id) && !retired.contains(id));
        wrong.extend(unknown.map(|id| format!("{path} names {id}, which no page defines")));
    }
    for (id, page) in &defined {
        for (place, cited) in ["code", "test"].iter().zip(&cited) {
            if !cited.contains(*id) {
                wrong.push(format!("{page}: no {place} cites {id}"));
            }
        }
    }
    wrong
}

fn walk(root: &Path, folder: &str, endings: &[&str], found: &mut Vec<File>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(root.join(folder))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    for entry in entries {
        let name = entry.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let path = format!("{folder}/{name}");
        if entry.is_dir() && !name.starts_with('.') && name != "target" && name != "vectors" {
            walk(root, &path, endings, found);
        } else if entry.extension().is_some_and(|ending| endings.iter().any(|one| ending == *one)) {
            found.push((path, std::fs::read_to_string(&entry).expect("a text")));
        }
    }
}

#[test]
fn every_rule_of_the_spec_has_code_and_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (mut pages, mut docs, mut sources) = (Vec::new(), Vec::new(), Vec::new());
    walk(&root, "docs", &["md"], &mut docs);
    walk(&root, "crates", &["rs"], &mut sources);
    walk(&root, "tests", &["rs", "py"], &mut sources);
    // This file cites rules that are not there, to show that it would see it.
    sources.retain(|(path, _)| path != "tests/tests/ids.rs");
    docs.retain(|(path, text)| match path.strip_prefix("docs/spec/").filter(|name| !name.contains('/')) {
        Some(name) => {
            pages.push((name.to_owned(), text.clone()));
            false
        }
        None => true,
    });
    assert!(
        pages.len() >= PAGES.len() && docs.len() > 10 && sources.len() > 300,
        "the walk found too little"
    );
    let rules: usize = pages.iter().map(|(_, text)| marked(text, "**").len()).sum();
    assert!(rules > 30, "{rules} rules were found only");
    let wrong = findings(&pages, &docs, &sources);
    assert!(wrong.is_empty(), "{} of {rules} rules and their citations: {wrong:#?}", wrong.len());
}

/// A small world: one page, one source file, one test.
fn world(page: &str, code: &str, test: &str) -> Vec<String> {
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let sources = [file("crates/x/src/a.rs", code), file("crates/x/tests/b.rs", test)];
    findings(&[file("handshake.md", page)], &[], &sources)
}

#[test]
fn each_kind_of_failure_is_found_and_nothing_else() {
    let (rule, cited) = ("**HS-91** A rule.", "// HS-91.");
    assert_eq!(world(rule, cited, cited), [""; 0]);
    let unit = format!("{cited}\n#[cfg(test)]\nmod tests {{\n    {cited}\n}}");
    assert_eq!(world(rule, &unit, ""), [""; 0], "unit tests are tests");
    assert_eq!(world("~~HS-90~~ was. **HS-91** is.", cited, cited), [""; 0]);
    for (found, wrong) in [
        (world(rule, "", cited), "handshake.md: no code cites HS-91"),
        (world(rule, cited, ""), "handshake.md: no test cites HS-91"),
        (world(rule, &cited.replace("//", ""), cited), "handshake.md: no code cites HS-91"),
        (world(rule, "// HS-91, HS-92", cited), "crates/x/src/a.rs cites HS-92, which no page defines"),
        (world(rule, cited, "// HS-91 HS-92"), "crates/x/tests/b.rs cites HS-92, which no page defines"),
        (world("**HS-91** See HS-92.", cited, cited), "handshake.md names HS-92, which no page defines"),
        (
            world("**HS-91** **HS-91**", cited, cited),
            "HS-91 is defined twice: on handshake.md and on handshake.md",
        ),
        (world("~~HS-91~~ **HS-91**", cited, cited), "HS-91 is retired, and defined again on handshake.md"),
    ] {
        assert_eq!(found, [wrong]);
    }
    let misplaced = world("**REC-91** A rule.", "// REC-91", "// REC-91");
    assert_eq!(misplaced, ["REC-91 is defined on handshake.md, where REC has no place"]);
}
