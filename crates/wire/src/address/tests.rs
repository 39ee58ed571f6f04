//! The published address, every way to damage one, and what each is answered.

use alloc::format;
use alloc::string::ToString;

use proptest::prelude::*;

use super::*;

const PUBLISHED: &str = include_str!("../../tests/vectors/address.txt");

fn published(name: &str) -> &'static str {
    PUBLISHED.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(" = ")).expect("in the file")
}

fn key() -> RelayKeyHash {
    RelayKeyHash::of_ed25519(&core::array::from_fn(|i| i as u8))
}

#[test]
fn the_published_address_and_key_hash_come_out() {
    // REL-09.
    assert_eq!(hex::encode(key().as_bytes()), published("key hash"));
    let address = RelayAddress::new(key(), "relay.example.org", 7672).unwrap();
    assert_eq!(address.to_string(), published("address"));
    assert_eq!(RelayAddress::parse(published("address")), Ok(address));
}

#[test]
fn the_published_address_with_a_token_comes_out_and_every_changed_character_of_the_token_is_damage() {
    let text = published("with the token 00 01 .. 1f");
    let admit = Admit::from_bytes(core::array::from_fn(|i| i as u8));
    let address = RelayAddress::new(key(), "relay.example.org", 7672).unwrap().with_admit(admit);
    assert_eq!(address.to_string(), text);
    assert_eq!(RelayAddress::parse(text), Ok(address.clone()));
    let open = address.clone().with_admit(Admit::OPEN);
    assert!(address.is_same_relay(&open) && address != open && open.to_string() == published("address"));
    for at in text.find('?').unwrap()..text.len() {
        for new in ["A", "z", "?"] {
            let mut changed = text.to_string();
            changed.replace_range(at..=at, new);
            if changed != text {
                assert_eq!(RelayAddress::parse(&changed), Err(AddressError::Damaged), "{at} {new}");
            }
        }
        assert!(RelayAddress::parse(&text[..at]).is_err() || at == text.find('?').unwrap(), "cut at {at}");
    }
    assert_eq!(RelayAddress::parse(&format!("{text}A")), Err(AddressError::Damaged));
    let other = RelayAddress::new(RelayKeyHash::from_bytes([7; 32]), "relay.example.org", 7672).unwrap();
    let token = text.split_once('?').unwrap().1;
    let moved = RelayAddress::parse(&format!("{other}?{token}"));
    assert_eq!(moved, Err(AddressError::Damaged), "a token of another relay");
    assert!(!format!("{address:?}").contains("00, 1, 2"), "{address:?}");
}

#[test]
fn the_two_ways_to_hash_a_key_agree() {
    let mut der = SPKI_PREFIX.to_vec();
    der.extend_from_slice(&[9; 32]);
    assert_eq!(RelayKeyHash::of_spki(&der), RelayKeyHash::of_ed25519(&[9; 32]));
}

#[test]
fn an_ipv6_host_stands_in_brackets() {
    // REL-09.
    for host in ["::1", "2001:db8::7", "fe80::1%eth0"] {
        let address = RelayAddress::new(key(), host, 1).unwrap();
        let text = address.to_string();
        assert!(text.starts_with(&format!("subrosa://[{host}]:1/r#")), "{text}");
        assert_eq!(RelayAddress::parse(&text), Ok(address));
    }
}

#[test]
fn white_space_around_an_address_is_ignored_and_inside_it_is_not() {
    let text = published("address");
    assert!(RelayAddress::parse(&format!("  {text}\r\n")).is_ok());
    assert_eq!(RelayAddress::parse(&text.replace("/r#", "/r# ")), Err(AddressError::Damaged));
}

#[test]
fn an_invite_is_recognised_as_one() {
    // REL-10.
    let text = published("address").replace("/r#", "/i#");
    let error = RelayAddress::parse(&text).unwrap_err();
    assert_eq!(error, AddressError::Invite);
    assert!(error.to_string().contains("subrosa add"));
}

#[test]
fn every_changed_character_of_the_code_is_damage() {
    // REL-10.
    let text = published("address");
    let start = text.find('#').unwrap() + 1;
    for at in start..text.len() {
        for new in ["A", "z", "-", "!"] {
            let mut changed = text.to_string();
            changed.replace_range(at..=at, new);
            if changed != text {
                assert_eq!(RelayAddress::parse(&changed), Err(AddressError::Damaged), "{at} {new}");
            }
        }
        assert_eq!(RelayAddress::parse(&text[..at]), Err(AddressError::Damaged), "cut at {at}");
    }
    assert_eq!(RelayAddress::parse(&format!("{text}A")), Err(AddressError::Damaged));
}

#[test]
fn an_intact_address_of_a_later_version_says_so() {
    // REL-10.
    let mut bytes = [7; 60];
    bytes[0] = 0x20;
    let sum = checksum(&bytes[..56]);
    bytes[56..].copy_from_slice(&sum);
    let text = format!("subrosa://host:1/r#{}", URL_SAFE_NO_PAD.encode(bytes));
    assert_eq!(RelayAddress::parse(&text), Err(AddressError::NewerVersion));
    // Of this version, but of another length or kind.
    for first in [0x10, 0x11, 0x00] {
        bytes[0] = first;
        let sum = checksum(&bytes[..56]);
        bytes[56..].copy_from_slice(&sum);
        let text = format!("subrosa://host:1/r#{}", URL_SAFE_NO_PAD.encode(bytes));
        assert_eq!(RelayAddress::parse(&text), Err(AddressError::Damaged));
    }
}

#[test]
fn what_is_no_address_is_told_so() {
    // REL-10.
    let code = published("address").split_once('#').unwrap().1;
    let long = "a".repeat(HOST_LEN + 1);
    for front in [
        "https://host:1",
        "subrosa://host",
        "subrosa://host:",
        "subrosa://host:0",
        "subrosa://host:+1",
        "subrosa://host:01",
        "subrosa://host:65536",
        "subrosa://:1",
        "subrosa://a:b:1",
        "subrosa://[host]:1",
        "subrosa://[::1]",
        "subrosa://[::1:1",
        "subrosa://ho st:1",
        "subrosa://ho\u{202e}st:1",
        "subrosa://ho\u{1b}st:1",
        "subrosa://user@host:1",
        &format!("subrosa://{long}:1"),
    ] {
        let text = format!("{front}/r#{code}");
        assert_eq!(RelayAddress::parse(&text), Err(AddressError::NotAnAddress), "{front}");
    }
    assert_eq!(RelayAddress::parse(""), Err(AddressError::NotAnAddress));
    assert_eq!(RelayAddress::parse(&format!("subrosa://host:1/{code}")), Err(AddressError::NotAnAddress));
    let longest = &long[1..];
    assert!(RelayAddress::parse(&format!("subrosa://{longest}:1/r#{code}")).is_ok());
}

#[test]
fn a_key_hash_is_not_printed() {
    assert_eq!(format!("{:?}", key()), "RelayKeyHash(..)");
}

proptest! {
    #[test]
    fn any_text_parses_or_is_refused_and_what_parsed_prints_the_same(text in ".{0,120}") {
        if let Ok(address) = RelayAddress::parse(&text) {
            prop_assert_eq!(address.to_string(), text.trim());
        }
    }

    #[test]
    fn every_address_survives_its_text(bytes in any::<[u8; 32]>(), host in "[a-zA-Z0-9._-]{1,102}", port in 1_u16..) {
        let address = RelayAddress::new(RelayKeyHash::from_bytes(bytes), &host, port).unwrap();
        prop_assert_eq!(RelayAddress::parse(&address.to_string()), Ok(address));
    }
}
