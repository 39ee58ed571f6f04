//! docs/spec/relay.md says what the code does: types, lengths, refusals, vectors, the protocol's own limits.

use subrosa_wire::{
    ALPN, CHUNK_LEN, DEFAULT_PORT, HOST_LEN, LABELS, LONGEST_FRAME, Message, Refusal, Request, Response,
    SERVER_NAME, UNANSWERED, UNANSWERED_CHUNKS, WINDOW,
};

const SPEC: &str = include_str!("../../../docs/spec/relay.md");

/// The cells of every table row whose first cell `is` accepts.
fn rows(is: fn(&str) -> bool) -> Vec<Vec<&'static str>> {
    let rows = SPEC.lines().filter(|line| line.starts_with('|'));
    let rows = rows.map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    rows.filter(|cells| is(cells[0])).collect()
}

#[test]
fn every_type_and_its_one_length_stand_in_the_spec() {
    // REL-21, REL-22.
    let rows =
        rows(|cell| cell.len() == 2 && u8::from_str_radix(cell, 16).is_ok() && cell.starts_with(['0', '8']));
    let table: Vec<(u8, usize)> = rows
        .iter()
        .map(|cells| {
            let len = cells
                .iter()
                .find_map(|cell| cell.replace(',', "").parse().ok().filter(|_| *cell != cells[0]));
            (u8::from_str_radix(cells[0], 16).unwrap(), len.expect("a length"))
        })
        .collect();
    let code: Vec<(u8, usize)> = (0..=255)
        .filter_map(|kind| Some((kind, Request::body_len(kind).or_else(|| Response::body_len(kind))?)))
        .collect();
    assert_eq!(table, code);
}

#[test]
fn every_refusal_stands_in_the_spec_under_its_code() {
    // REL-54.
    let rows = rows(|cell| cell.parse::<u8>().is_ok() && !cell.starts_with('0'));
    let table: Vec<(u8, &str)> = rows
        .iter()
        .map(|cells| (cells[0].parse().unwrap(), cells[1]))
        .filter(|(code, _)| *code < 81)
        .collect();
    let code: Vec<(u8, String)> = (1..=255)
        .filter_map(Refusal::parse)
        .filter(|refusal| !matches!(refusal, Refusal::Other(_)))
        .map(|refusal| (refusal.code(), format!("{refusal:?}")))
        .collect();
    assert_eq!(table, code.iter().map(|(code, name)| (*code, name.as_str())).collect::<Vec<_>>());
}

#[test]
fn every_vector_stands_in_the_spec() {
    let files = [include_str!("vectors/capabilities.txt"), include_str!("vectors/address.txt")];
    let values = files.iter().flat_map(|file| file.lines()).filter_map(|line| line.split_once(" = "));
    for (name, value) in values {
        assert!(SPEC.contains(value), "{name}");
    }
    assert!(LABELS.iter().all(|label| SPEC.contains(&format!("`{label}`"))));
}

#[test]
fn the_numbers_of_the_protocol_stand_in_the_spec() {
    // REL-04.
    let grouped = |n: usize| format!("{},{:03}", n / 1_000, n % 1_000);
    for said in [
        format!("**{DEFAULT_PORT}**"),
        format!("`{SERVER_NAME}`"),
        format!("`{}`", std::str::from_utf8(ALPN).unwrap()),
        format!("1..{HOST_LEN} bytes"),
        format!("at most **{}** bytes", grouped(LONGEST_FRAME)),
        format!("chunks of {} bytes", grouped(CHUNK_LEN)),
        format!("At most **{UNANSWERED}** requests"),
        format!("at most **{UNANSWERED_CHUNKS}** that move a chunk"),
        format!("at most **{WINDOW}** of a connection"),
    ] {
        assert!(SPEC.contains(&said), "{said}");
    }
}
