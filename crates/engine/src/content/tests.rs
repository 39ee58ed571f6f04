//! Contents: the published bytes of every kind, what is kept, what is refused.
//!
//! Spec: docs/spec/content.md.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

const ID: MessageId = MessageId([0x11; 16]);
const OTHER: MessageId = MessageId([0x22; 16]);

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(text: &str) -> Content {
    Content::text(ID, Text { text: text.to_string(), ..Text::default() })
}

fn attachment() -> Attachment {
    Attachment {
        caption: String::new(),
        reply: None,
        lifetime: None,
        name: "notes.txt".to_string(),
        len: 70_000,
        hash: [7; 32],
        chunks: 2,
        key: Opaque::from_bytes([8; 32]),
        read: Opaque::from_bytes([9; 32]),
        relay: [10; 32],
        host: "relay.example".to_string(),
        port: 4190,
    }
}

fn row(kind: Kind) -> Content {
    Content { id: Some(ID), ..Content::of(kind) }
}

/// One of each kind, with its bytes as docs/spec/content.md publishes them.
fn vectors() -> Vec<(Content, String)> {
    let all = messages().into_iter().chain(controls());
    all.map(|(content, hex)| (content, hex.replace(' ', ""))).collect()
}

fn messages() -> Vec<(Content, String)> {
    let id = "11".repeat(16);
    let other = "22".repeat(16);
    vec![
        (text("hi"), format!("a3 00 01 01 50 {id} 02 62 6869")),
        (
            row(Kind::Text(Text {
                text: "yes".to_string(),
                reply: Some(Reference { own: false, id: OTHER }),
                lifetime: Some(3_600),
            })),
            format!("a5 00 01 01 50 {id} 02 63 796573 03 51 00{other} 04 190e10"),
        ),
        (
            Content::of(Kind::Edit(Edit { text: "ho".to_string(), target: ID, revision: 1 })),
            format!("a4 00 02 02 62 686f 03 50 {id} 04 01"),
        ),
        (Content::of(Kind::Delete(Delete { target: ID })), format!("a2 00 03 03 50 {id}")),
        (
            Content::of(Kind::Reaction(Reaction {
                emoji: "🚀".to_string(),
                target: Reference { own: true, id: ID },
                revision: 2,
            })),
            format!("a4 00 04 02 64 f09f9a80 03 51 01{id} 04 02"),
        ),
        (
            Content::of(Kind::Receipt(Receipt { reached: Reached::Read, ids: vec![ID, OTHER] })),
            format!("a3 00 05 02 02 03 5820 {id}{other}"),
        ),
        (Content::of(Kind::Typing(true)), "a2 00 06 02 f5".to_string()),
        (
            row(Kind::Attachment(attachment())),
            format!(
                "ab 00 07 01 50 {id} 05 69 6e6f7465732e747874 06 1a00011170 07 5820 {} 08 02 09 5820 {} 0a 5820 {} \
                 0b 5820 {} 0c 6d 72656c61792e6578616d706c65 0d 19105e",
                "07".repeat(32),
                "08".repeat(32),
                "09".repeat(32),
                "0a".repeat(32)
            ),
        ),
    ]
}

fn controls() -> Vec<(Content, String)> {
    let control = |control| Content::of(Kind::Control(control));
    vec![
        (
            Content::of(Kind::Profile(Profile { name: "Ana".to_string() })),
            "a2 00 08 02 63 416e61".to_string(),
        ),
        (
            Content::of(Kind::Timer(Timer { seconds: 604_800, revision: 1 })),
            "a3 00 09 02 1a00093a80 03 01".to_string(),
        ),
        (
            Content::of(Kind::Move(Opaque::from_bytes([5; DESCRIPTOR_LEN]))),
            format!("a2 00 0a 02 590154 {}", "05".repeat(340)),
        ),
        (
            control(Control::Hello {
                queue: Some(Opaque::from_bytes([5; DESCRIPTOR_LEN])),
                recovery: Some(Opaque::from_bytes([6; RECOVERY_LEN])),
            }),
            format!("a4 00 0b 02 01 03 590154 {} 04 5824 {}", "05".repeat(340), "06".repeat(36)),
        ),
        (control(Control::Hello { queue: None, recovery: None }), "a2 00 0b 02 01".to_string()),
        (
            control(Control::Confirm { recovery: Some(Opaque::from_bytes([6; RECOVERY_LEN])) }),
            format!("a3 00 0b 02 02 04 5824 {}", "06".repeat(36)),
        ),
        (
            control(Control::Recovery { key: Opaque::from_bytes([6; RECOVERY_LEN]), renew: false }),
            format!("a3 00 0b 02 03 04 5824 {}", "06".repeat(36)),
        ),
        (
            control(Control::Recovery { key: Opaque::from_bytes([6; RECOVERY_LEN]), renew: true }),
            format!("a4 00 0b 02 03 04 5824 {} 06 f5", "06".repeat(36)),
        ),
        (
            control(Control::Replaced { session: [3; 32] }),
            format!("a3 00 0b 02 04 05 5820 {}", "03".repeat(32)),
        ),
        (control(Control::Close), "a2 00 0b 02 05".to_string()),
        (control(Control::Heartbeat), "a2 00 0b 02 06".to_string()),
    ]
}

fn bytes(hex: &str) -> Vec<u8> {
    let hex = hex.replace(' ', "");
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn every_kind_has_its_published_bytes_and_reads_them_back() {
    for (content, expected) in vectors() {
        let written = content.write().unwrap();
        assert_eq!(hex(&written), expected, "{content:?}");
        let read = Content::parse(&written).unwrap();
        assert!(read.unknown.is_empty(), "{read:?}");
        assert_eq!(read.id, content.id);
        assert_eq!(read.write().unwrap(), written);
    }
}

#[test]
fn a_truncated_content_is_malformed_at_every_length() {
    // CON-07.
    for (_, hex) in vectors() {
        let whole = bytes(&hex);
        for len in 0..whole.len() {
            assert!(Content::parse(&whole[..len]).is_err(), "{len} of {hex}");
        }
        let mut longer = whole;
        longer.push(0);
        assert!(Content::parse(&longer).is_err(), "trailing byte after {hex}");
    }
}

#[test]
fn fields_of_a_later_version_come_back_as_they_were() {
    // CON-08, CON-31.
    // A text with field 9: {2: [1, null, -1, "x"]}.
    let later = bytes(&format!("a4 00 01 01 50 {} 02 62 6869 09 a1 02 84 01 f6 20 61 78", "11".repeat(16)));
    let content = Content::parse(&later).unwrap();
    assert!(matches!(&content.kind, Kind::Text(text) if text.text == "hi"));
    assert_eq!(content.unknown.keys().collect::<Vec<_>>(), [9]);
    assert_eq!(*content.write().unwrap(), later);
}

#[test]
fn a_kind_a_status_or_a_verb_of_a_later_version_is_kept_whole() {
    // CON-32.
    let later = [
        (format!("a3 00 18c8 01 50 {} 02 05", "11".repeat(16)), 200, true),
        ("a2 00 1903e8 02 f4".to_string(), 1_000, false),
        (format!("a3 00 05 02 03 03 50 {}", "11".repeat(16)), 5, false),
        ("a3 00 0b 02 07 08 61 78".to_string(), 11, false),
    ];
    for (hex, number, row) in later {
        let content = Content::parse(&bytes(&hex)).unwrap();
        assert!(matches!(content.kind, Kind::Newer(kind) if kind == number), "{content:?}");
        assert_eq!(content.id.is_some(), row);
        assert_eq!(*content.write().unwrap(), bytes(&hex));
    }
}

#[test]
fn a_second_way_to_write_the_same_is_malformed() {
    // CON-04, CON-05, CON-06, CON-07.
    for hex in [
        "bf 00 06 02 f5 ff",                     // indefinite map
        "a2 00 1806 02 f5",                      // kind not in its shortest form
        "a2 00 190006 02 f5",                    //
        "a2 02 f5 00 06",                        // keys not ascending
        "a3 00 06 02 f5 02 f5",                  // key twice
        "a2 61 30 06 02 f5",                     // key not unsigned
        "b8 02 00 06 02 f5",                     // map head not in its shortest form
        "a3 00 06 02 f5 190100 00",              // key above 255
        "a3 00 06 02 f5 03 f97e00",              // float
        "a3 00 06 02 f5 03 c101",                // tag
        "a3 00 06 02 f5 03 f7",                  // undefined
        "a3 00 06 02 f5 03 7f 61 61 ff",         // indefinite text
        "a3 00 06 02 f5 03 61 ff",               // not UTF-8
        "a3 00 06 02 f5 03 81 81 81 81 81 00",   // too deep
        "a3 00 06 02 f5 03 a2 01 00 00 00",      // nested keys not ascending
        "a3 00 06 02 f5 03 9b ffffffffffffffff", // a length that is not there
        "a2 00 00 02 f5",                        // kind 0
        "82 00 06",                              // not a map
        "",
    ] {
        assert!(Content::parse(&bytes(hex)).is_err(), "{hex}");
    }
    assert!(Content::parse(&bytes("a3 00 06 02 f5 03 81 81 81 81 00")).is_ok(), "as deep as allowed");
}

#[test]
fn a_field_that_is_missing_or_out_of_its_range_is_malformed() {
    // CON-09, CON-11, CON-13.
    let id = "11".repeat(16);
    for hex in [
        format!("a2 00 01 01 50 {id}"),       // no text
        format!("a3 00 01 01 50 {id} 02 60"), // empty text
        "a2 00 01 02 62 6869".to_string(),    // text without id
        format!("a3 00 01 01 4f {} 02 62 6869", "11".repeat(15)),
        format!("a3 00 06 01 50 {id} 02 f5"),            // typing with id
        format!("a4 00 01 01 50 {id} 02 62 6869 04 00"), // lifetime 0
        format!("a4 00 01 01 50 {id} 02 62 6869 03 51 02 {id}"), // neither author
        format!("a4 00 02 02 62 686f 03 50 {id} 04 00"), // revision 0
        format!("a3 00 05 02 01 03 4f {}", "11".repeat(15)),
        "a3 00 05 02 01 03 40".to_string(),
        format!("a3 00 05 02 01 03 590410 {}", "11".repeat(65 * 16)),
        "a2 00 0a 02 40".to_string(),
        "a2 00 0b 02 03".to_string(), // recovery without a key
        "a1 00 0b".to_string(),
    ] {
        assert!(Content::parse(&bytes(&hex)).is_err(), "{hex}");
    }
}

#[test]
fn an_attachment_must_add_up() {
    // CON-22.
    let row = |attachment| row(Kind::Attachment(attachment));
    for (attachment, why) in [
        (Attachment { chunks: 1, ..attachment() }, "fewer chunks than bytes"),
        (Attachment { chunks: 0, len: 0, ..attachment() }, "no chunk"),
        (Attachment { chunks: CHUNKS_MAX + 1, ..attachment() }, "too many chunks"),
        (Attachment { port: 0, ..attachment() }, "no port"),
        (Attachment { host: "a b".to_string(), ..attachment() }, "no host"),
    ] {
        assert_eq!(row(attachment).write().unwrap_err(), ContentError::Inconsistent, "{why}");
    }
    let mut bytes = row(attachment()).write().unwrap();
    let chunks = bytes.windows(2).position(|pair| pair == [0x08, 0x02]).unwrap() + 1;
    bytes[chunks] = 1;
    assert!(Content::parse(&bytes).is_err());
}

#[test]
fn what_would_not_parse_is_not_written() {
    let long = "x".repeat(crate::api::TEXT_MAX + 1);
    assert_eq!(text(&long).write().unwrap_err(), ContentError::TooLong { len: 96_001, max: 96_000 });
    assert!(text(&long[1..]).write().is_ok());
    assert!(text("").write().is_err());
    assert_eq!(Content { id: None, ..text("hi") }.write().unwrap_err(), ContentError::Id);
    let none = Receipt { reached: Reached::Read, ids: Vec::new() };
    assert!(Content::of(Kind::Receipt(none)).write().is_err());
}

#[test]
fn the_longest_receipt_and_hello_fit_one_cell() {
    let receipt = Receipt { reached: Reached::Delivered, ids: vec![ID; RECEIPT_MAX] };
    assert!(Content::of(Kind::Receipt(receipt)).write().unwrap().len() <= 1_634);
    let hello = Control::Hello {
        queue: Some(Opaque::from_bytes([5; DESCRIPTOR_LEN])),
        recovery: Some(Opaque::from_bytes([6; RECOVERY_LEN])),
    };
    assert!(Content::of(Kind::Control(hello)).write().unwrap().len() <= 1_634);
}

#[test]
fn nothing_that_was_written_is_printed() {
    for (content, _) in vectors() {
        let printed = format!("{content:?}");
        for secret in ["hi", "yes", "Ana", "notes", "relay.example", "8, 8"] {
            assert!(!printed.contains(&format!("\"{secret}\"")), "{printed}");
        }
        assert!(!printed.contains("8, 8, 8"), "{printed}");
    }
}

#[test]
fn only_what_asks_for_an_answer_is_not_quiet() {
    // CON-12.
    for (content, _) in vectors() {
        let quiet = match &content.kind {
            Kind::Receipt(_) | Kind::Typing(_) => true,
            Kind::Control(Control::Hello { .. }) => false,
            Kind::Control(_) => true,
            _ => false,
        };
        assert_eq!(content.is_quiet(), quiet, "{content:?}");
    }
}

fn reference() -> impl Strategy<Value = Option<Reference>> {
    proptest::option::of((any::<bool>(), any::<[u8; 16]>()))
        .prop_map(|some| some.map(|(own, id)| Reference { own, id: MessageId(id) }))
}

proptest! {
    #[test]
    fn random_bytes_never_panic_and_what_parses_writes_back(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        // CON-08.
        if let Ok(content) = Content::parse(&bytes) {
            prop_assert_eq!(&*content.write().unwrap(), &bytes);
        }
    }

    #[test]
    fn a_changed_vector_never_panics_and_what_parses_writes_back(
        which in 0..18usize, at in any::<prop::sample::Index>(), to in any::<u8>()
    ) {
        let mut bytes = bytes(&vectors()[which].1);
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(content) = Content::parse(&bytes) {
            prop_assert_eq!(&*content.write().unwrap(), &bytes);
        }
    }

    #[test]
    fn a_text_reads_back_as_written(
        id in any::<[u8; 16]>(), words in "\\PC{1,400}", reply in reference(), life in proptest::option::of(1u32..)
    ) {
        let sent = Content::text(MessageId(id), Text { text: words.clone(), reply, lifetime: life });
        let read = Content::parse(&sent.write().unwrap()).unwrap();
        prop_assert_eq!(read.id, Some(MessageId(id)));
        let Kind::Text(text) = read.kind else { return Err(TestCaseError::fail("another kind")) };
        prop_assert_eq!(text.text, words);
        prop_assert_eq!(text.reply, reply);
        prop_assert_eq!(text.lifetime, life);
    }
}
