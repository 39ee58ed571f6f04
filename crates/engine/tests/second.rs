//! The contents that the second implementation made: tests/second/vectors/contents.json.
//!
//! Spec: docs/spec/content.md. Invariant: what that implementation reads, refuses or takes for newer is read, refused or
//! taken for newer here, and what is read writes back as the same bytes.

use subrosa_engine::content::{Content, Kind};

#[test]
fn contents_are_read_as_the_second_implementation_reads_them() {
    let file = include_str!("../../../tests/second/vectors/contents.json");
    let mut read = 0;
    for line in file.lines().filter(|line| line.starts_with('{')) {
        // One object of strings, without escapes: every second piece between quotes is a name or a value.
        let [_, name, _, content, _, verdict] = line.split('"').skip(1).step_by(2).collect::<Vec<_>>()[..]
        else {
            panic!("{line}")
        };
        let hex = content.trim_matches('-').as_bytes();
        let bytes: Vec<u8> = hex
            .chunks_exact(2)
            .map(|two| u8::from_str_radix(core::str::from_utf8(two).unwrap(), 16).unwrap())
            .collect();
        let said = match Content::parse(&bytes) {
            Err(_) => "malformed".to_owned(),
            Ok(content) => {
                assert_eq!(*content.write().unwrap(), bytes, "{name}");
                match content.kind {
                    Kind::Newer(_) => "newer".to_owned(),
                    kind => format!("kind {}", kind.number()),
                }
            }
        };
        assert_eq!(said, verdict, "{name}");
        read += 1;
    }
    assert!(read > 100);
}
