//! Every decoder of peer or stored bytes, fed with noise and with damaged originals.
//!
//! Spec: docs/spec/README.md, "Errors". Invariant: no input panics, and what a decoder accepts it writes back the same
//! (A20).

use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use subrosa_codec::{CELL_LEN, Cell, Day, Millis};
use subrosa_crypto::{
    BackupWords, BlobKey, BlobShape, Bundle, Created, Identity, IdentityPublic, IdentitySeed, Introduction,
    InviteKeys, InviteKind, InviteTerms, Joined, Link, QueueDescriptor, QueueEntry, RecoveryKey, RowRef,
    Session, StoreHeader, Unlock, accept, accept_recovery, join, open_backup,
};

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([1; 32])
}

fn person(seed: u8) -> Identity {
    Identity::derive(&IdentitySeed::from_bytes([seed; 32]), 0)
}

fn place() -> QueueDescriptor {
    let entry = QueueEntry { relay: [1; 32], write: [2; 32], host: "relay.example".into(), port: 1 };
    QueueDescriptor::new(entry, None).unwrap()
}

fn created() -> Created {
    let terms = InviteTerms {
        kind: InviteKind::OneTime,
        relay_key_hash: [1; 32],
        host: "relay.example",
        port: 1,
        descriptor: &place(),
        name: "Ida",
        expires: Day(7),
    };
    InviteKeys::create(&person(1), &terms, &mut rng()).unwrap()
}

fn joined(created: &Created) -> Joined {
    let bundle = Bundle::open(&created.link, &created.bundle, person(2).public(), Day(0)).unwrap();
    let intro = Introduction { descriptor: place(), name: "Jon".into(), greeting: String::new() };
    join(&person(2), &bundle, &intro, &mut rng()).unwrap()
}

/// Feeds `bytes` to every decoder of fixed layouts; whatever is accepted must be written back the same.
fn decode(bytes: &[u8]) {
    if let Ok(identity) = IdentityPublic::parse(bytes) {
        assert_eq!(identity.as_bytes(), bytes);
    }
    if let Ok(descriptor) = QueueDescriptor::parse(bytes) {
        let written = descriptor.write();
        assert_eq!((&written[..1], written[1], &written[2..]), (&bytes[..1], 0, &bytes[2..]));
    }
    if let Ok(keys) = InviteKeys::parse(bytes) {
        assert_eq!(keys.write().as_slice(), bytes);
    }
    if let Ok(key) = RecoveryKey::parse(bytes) {
        assert_eq!(key.write().as_slice(), bytes);
    }
    if let Ok(header) = StoreHeader::parse(bytes) {
        assert_eq!(header.write(), bytes);
        let _ = header.open(&Unlock::Keyring(&[1; 32]));
    }
    let (_, dek) =
        StoreHeader::create(&Unlock::Keyring(&[1; 32]), subrosa_crypto::KdfParams::FLOOR, &mut rng())
            .unwrap();
    let at = RowRef { row: 1, schema: 1, clear: b"" };
    assert!(dek.row_key(1, 1).open(&at, bytes).is_err());
    assert!(open_backup(&BackupWords::from_bytes(&[1; 32]), bytes).is_err());
    let shape = BlobShape::of(bytes.len() as u64).unwrap();
    assert!(BlobKey::from_bytes(&[1; 32]).open_chunk(shape, 0, bytes).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a20_noise_is_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        // GEN-23.
        decode(&bytes);
    }

    #[test]
    fn a_damaged_original_is_refused_or_is_another_original(
        which in 0..5_usize, at in any::<prop::sample::Index>(), value in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        let made = created();
        let header = StoreHeader::create(&Unlock::Keyring(&[1; 32]), subrosa_crypto::KdfParams::FLOOR, &mut rng());
        let mut bytes = match which {
            0 => person(1).public().as_bytes().to_vec(),
            1 => place().write().to_vec(),
            2 => made.keys.write().to_vec(),
            3 => RecoveryKey::generate(&mut rng()).write().to_vec(),
            _ => header.unwrap().0.write(),
        };
        let at = at.index(bytes.len());
        bytes[at] = value;
        decode(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        decode(&bytes);
    }

    #[test]
    fn a_text_without_the_right_checksum_is_no_link(text in "(subrosa://)?[a-z\\[\\]:0-9.]{0,12}(/i#)?[A-Za-z0-9_-]{0,95}") {
        prop_assert!(Link::parse(&text).is_err());
    }

    #[test]
    fn any_text_is_24_words_or_is_refused(text in "\\PC{0,200}") {
        prop_assert!(BackupWords::parse(&text).is_err());
    }

    #[test]
    fn a_cell_of_noise_is_nobodys(bytes in prop::collection::vec(any::<u8>(), CELL_LEN)) {
        let made = created();
        let session = joined(&made).session;
        let cell = Cell::from_vec(bytes).unwrap();
        prop_assert!(accept(&person(1), &made.keys, &cell, |_| false).is_err());
        prop_assert!(Bundle::open(&made.link, &cell, person(2).public(), Day(0)).is_err());
        let keys = [RecoveryKey::generate(&mut rng())];
        prop_assert!(accept_recovery(&person(1), person(2).public(), &keys, &cell).is_err());
        prop_assert!(session.open(&person(2), &cell, Millis(0)).is_err());
    }

    #[test]
    fn a_stored_session_is_read_back_and_a_damaged_one_never_panics(at in any::<prop::sample::Index>(), value in any::<u8>()) {
        let bytes = joined(&created()).session.write();
        prop_assert!(Session::parse(&bytes).unwrap().write() == bytes);
        let mut bad = bytes.to_vec();
        let at = at.index(bad.len());
        bad[at] = value;
        if let Ok(read) = Session::parse(&bad) {
            prop_assert!(read.write().to_vec() == bad);
        }
    }
}
