//! Pages and code point at each other: every link leads to a file, and every page and section that a source file names at its
//! head is there.
//!
//! Spec: CONTRIBUTING.md, rule 1. Invariant: a section that is renamed without the files that cite it is missed here.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace is there")
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        let name = entry.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if entry.is_dir() && name != "target" && !name.starts_with('.') {
            files(&entry, ending, found);
        } else if entry.extension().is_some_and(|extension| extension == ending) {
            found.push(entry);
        }
    }
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|why| panic!("{}: {why}", file.display()))
}

#[test]
fn every_link_of_a_page_leads_to_a_file() {
    let mut pages = Vec::new();
    files(&root(), "md", &mut pages);
    let (mut followed, mut dead) = (0, Vec::new());
    for page in pages {
        let text = read(&page);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://") && !link.starts_with('#')) {
            let target = page.parent().expect("a folder").join(link.split('#').next().unwrap_or_default());
            followed += 1;
            if !target.exists() {
                dead.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(followed > 40, "{followed} links were found only");
    assert!(dead.is_empty(), "{dead:#?}");
}

/// The head of a source file, in one line.
fn head(text: &str) -> String {
    let lines = text.lines().take_while(|line| line.starts_with("//!"));
    lines.map(|line| line.trim_start_matches("//!").trim()).collect::<Vec<_>>().join(" ")
}

/// Whether `page` has a section, or a paragraph that opens in bold or italics, which begins with `name`.
fn has(page: &str, name: &str) -> bool {
    page.lines().any(|line| {
        let title = line.trim_start_matches('#');
        (title != line && title.trim_start().starts_with(name)) || line.contains(&format!("*{name}"))
    })
}

/// The sections that stand in quotation marks behind a page's name: `page, "One", "Two" and "Three"`.
fn sections(behind: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = behind;
    while let Some(quoted) = rest.trim_start_matches([',', ' ']).trim_start_matches("and ").strip_prefix('"')
    {
        let Some((name, more)) = quoted.split_once('"') else { break };
        found.push(name);
        rest = more;
    }
    found
}

#[test]
fn every_page_and_section_that_a_file_names_at_its_head_is_there() {
    let mut sources = Vec::new();
    files(&root().join("crates"), "rs", &mut sources);
    files(&root().join("tests"), "rs", &mut sources);
    let (mut cited, mut wrong) = (0, Vec::new());
    for source in sources {
        let head = head(&read(&source));
        if head.is_empty() {
            wrong.push(format!("{}: does not say what it is", source.display()));
        }
        for (at, _) in head.match_indices("docs/") {
            let rest = &head[at..];
            let Some(end) = rest.find(".md") else { continue };
            let (name, behind) = rest.split_at(end + 3);
            let page = root().join(name);
            if !page.is_file() {
                wrong.push(format!("{}: there is no {name}", source.display()));
                continue;
            }
            let page = read(&page);
            for section in sections(behind) {
                cited += 1;
                if !has(&page, section) {
                    wrong.push(format!("{}: {name} has no {section:?}", source.display()));
                }
            }
        }
    }
    assert!(cited > 100, "{cited} sections were cited only");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_file_that_the_architecture_page_names_is_there() {
    let mut sources = Vec::new();
    files(&root(), "rs", &mut sources);
    let page = read(&root().join("docs/ARCHITECTURE.md"));
    let named: Vec<&str> = page.split('`').skip(1).step_by(2).filter(|name| name.ends_with(".rs")).collect();
    assert!(named.len() > 30, "{named:?}");
    let gone: Vec<_> =
        named.iter().filter(|name| !sources.iter().any(|source| source.ends_with(name))).collect();
    assert!(gone.is_empty(), "named on the page and nowhere else: {gone:?}");
}
