//! Stores open under their key only, rows in their place only.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([1; 32])
}

#[test]
fn a_store_opens_under_its_passphrase_only() {
    // AR-07.
    let unlock = Unlock::Passphrase("correct horse");
    let (header, dek) = StoreHeader::create(&unlock, KdfParams::FLOOR, &mut rng()).unwrap();
    let bytes = header.write();
    assert_eq!(bytes.len(), StoreHeader::LEN);
    assert_eq!(StoreHeader::LEN, 118);
    let read = StoreHeader::parse(&bytes).unwrap();
    assert_eq!(read, header);
    assert!(read.asks_passphrase());
    let key = read.open(&unlock).unwrap().row_key(1, 0);
    assert_eq!(key.expose(), dek.row_key(1, 0).expose());
    assert_eq!(read.open(&Unlock::Passphrase("correct horsf")).err(), Some(UnlockError::WrongKey));
    assert_eq!(read.open(&Unlock::Keyring(&[1; 32])).err(), Some(UnlockError::WrongMethod));
}

#[test]
fn another_passphrase_wraps_the_same_data_key() {
    // AR-09.
    let (old, dek) = StoreHeader::create(&Unlock::Keyring(&[7; 32]), KdfParams::FLOOR, &mut rng()).unwrap();
    assert!(!old.asks_passphrase());
    let unlock = Unlock::Passphrase("new");
    let new = StoreHeader::wrap(&dek, &unlock, KdfParams::FLOOR, &mut rng()).unwrap();
    assert_eq!(new.store_id(), old.store_id());
    assert_eq!(new.open(&unlock).unwrap().row_key(3, 2).expose(), dek.row_key(3, 2).expose());
    assert_eq!(new.open(&Unlock::Keyring(&[7; 32])).err(), Some(UnlockError::WrongMethod));
}

#[test]
fn any_altered_byte_of_the_header_is_refused() {
    // AR-07.
    let unlock = Unlock::Keyring(&[7; 32]);
    let (header, _) = StoreHeader::create(&unlock, KdfParams::FLOOR, &mut rng()).unwrap();
    let bytes = header.write();
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        let opened = StoreHeader::parse(&bad).map(|header| header.open(&unlock).is_ok());
        assert_ne!(opened, Ok(true), "{at}");
    }
    assert!(StoreHeader::parse(&bytes[1..]).is_err());
}

#[test]
fn a_keyring_has_neither_salt_nor_parameters() {
    // AR-05.
    let (header, _) = StoreHeader::create(&Unlock::Keyring(&[7; 32]), KdfParams::FLOOR, &mut rng()).unwrap();
    for at in 18..46 {
        let mut bad = header.write();
        bad[at] = 1;
        assert!(StoreHeader::parse(&bad).is_err(), "{at}");
    }
}

#[test]
fn parameters_outside_floor_and_cap_are_refused_before_any_memory_is_taken() {
    // AR-08.
    assert!(KdfParams::new(19 * 1024, 2, 1).is_ok());
    assert!(KdfParams::new(1024 * 1024, 16, 4).is_ok());
    for (memory, passes, lanes) in [
        (19 * 1024 - 1, 2, 1),
        (1024 * 1024 + 1, 2, 1),
        (u32::MAX, 2, 1),
        (19 * 1024, 1, 1),
        (19 * 1024, 17, 1),
        (19 * 1024, 2, 0),
        (19 * 1024, 2, 5),
    ] {
        assert_eq!(KdfParams::new(memory, passes, lanes), Err(KdfParamsError));
    }
    let unlock = Unlock::Passphrase("x");
    let (header, _) = StoreHeader::create(&unlock, KdfParams::FLOOR, &mut rng()).unwrap();
    let mut bytes = header.write();
    bytes[18..22].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(StoreHeader::parse(&bytes).is_err());
}

#[test]
fn a_row_opens_in_its_place_only() {
    // AR-11.
    let unlock = Unlock::Keyring(&[7; 32]);
    let (_, dek) = StoreHeader::create(&unlock, KdfParams::FLOOR, &mut rng()).unwrap();
    let key = dek.row_key(4, 1);
    let at = RowRef { row: 9, schema: 2, clear: b"clear" };
    let sealed = key.seal(&at, b"text", &mut rng()).unwrap();
    assert_eq!(sealed.len(), 128 + 40);
    assert_eq!(key.open(&at, &sealed).unwrap().as_slice(), b"text");
    for other in [RowRef { row: 10, ..at }, RowRef { schema: 3, ..at }, RowRef { clear: b"cleaR", ..at }] {
        assert_eq!(key.open(&other, &sealed), Err(RowError::Damaged));
    }
    for other in [dek.row_key(5, 1), dek.row_key(4, 2), key.generate_within(&mut rng())] {
        assert_eq!(other.open(&at, &sealed), Err(RowError::Damaged));
    }
    for at_byte in 0..sealed.len() {
        let mut bad = sealed.clone();
        bad[at_byte] ^= 1;
        assert_eq!(key.open(&at, &bad), Err(RowError::Damaged));
    }
}

#[test]
fn a_row_of_another_store_does_not_open_even_under_the_same_key() {
    let make = |seed: u8| {
        let mut rng = ChaCha20Rng::from_seed([seed; 32]);
        StoreHeader::create(&Unlock::Keyring(&[7; 32]), KdfParams::FLOOR, &mut rng).unwrap().1
    };
    let (a, b) = (make(1).row_key(1, 0), make(2).row_key(1, 0));
    let at = RowRef { row: 1, schema: 1, clear: b"" };
    let bytes = [3; 32];
    let sealed = a.from_bytes_within(&bytes).seal(&at, b"text", &mut rng()).unwrap();
    assert!(a.from_bytes_within(&bytes).open(&at, &sealed).is_ok());
    assert_eq!(b.from_bytes_within(&bytes).open(&at, &sealed), Err(RowError::Damaged));
}

#[test]
fn a_row_under_a_chats_key_does_not_open_in_another_table_or_epoch() {
    // AR-12.
    let (_, dek) = StoreHeader::create(&Unlock::Keyring(&[7; 32]), KdfParams::FLOOR, &mut rng()).unwrap();
    let at = RowRef { row: 1, schema: 1, clear: b"" };
    let within = |table, epoch| dek.row_key(table, epoch).from_bytes_within(&[3; 32]);
    let sealed = within(4, 1).seal(&at, b"text", &mut rng()).unwrap();
    assert!(within(4, 1).open(&at, &sealed).is_ok());
    assert_eq!(within(5, 1).open(&at, &sealed), Err(RowError::Damaged));
    assert_eq!(within(4, 2).open(&at, &sealed), Err(RowError::Damaged));
}

#[test]
fn a_rolled_back_source_of_randomness_repeats_no_nonce() {
    let (_, dek) = StoreHeader::create(&Unlock::Keyring(&[7; 32]), KdfParams::FLOOR, &mut rng()).unwrap();
    let key = dek.row_key(1, 0);
    let nonce = |row, text: &[u8]| {
        let at = RowRef { row, schema: 1, clear: b"" };
        key.seal(&at, text, &mut rng()).unwrap()[..24].to_vec()
    };
    assert_eq!(nonce(1, b"a"), nonce(1, b"a"));
    assert_ne!(nonce(1, b"a"), nonce(1, b"b"));
    assert_ne!(nonce(1, b"a"), nonce(2, b"a"));
}
