//! Rows keep what was written, and refuse what is damaged.

use alloc::vec::Vec;

use super::*;
use crate::api::Position;

#[test]
fn a_row_reads_back_as_it_was_written() {
    let row =
        Contact::new(alloc::vec![7; 1249], "Ana".into(), StandingRow::Pending, subrosa_codec::Millis(5));
    assert_eq!(Contact::parse(&row.write()).unwrap(), row);
    let gap = Gap { to: 9, at: 1 << 20 };
    assert_eq!(Gap::parse(&gap.write()).unwrap(), gap);
    assert_eq!(gap.slot(4, 6), Position(3 << 20));
}

#[test]
fn unknown_fields_are_ignored() {
    // {0: 9, 77: "later"}
    let row = Counter::parse(b"\xa2\x00\x09\x18\x4d\x65later").unwrap();
    assert_eq!(row, Counter { last: 9 });
}

#[test]
fn a_damaged_row_names_its_table_and_nothing_else() {
    let mut bytes: Vec<u8> = Counter { last: 9 }.write().to_vec();
    bytes.push(0);
    assert_eq!(Counter::parse(&bytes), Err(Corrupt { table: Table::Meta }));
    let row =
        Contact::new(alloc::vec![7; 1249], "Ana".into(), StandingRow::Pending, subrosa_codec::Millis(5))
            .write();
    for len in 0..row.len() {
        assert!(Contact::parse(&row[..len]).is_err());
    }
}

#[test]
fn rows_are_measured_before_they_are_written() {
    let me = Me { seed: Hidden::copy(&[1; 32]), name: "Me".into(), relay: None, receipts: true, words: None };
    let bytes = me.write();
    assert_eq!(bytes.len(), bytes.capacity());
}

#[test]
fn tables_and_timers_have_the_numbers_of_the_format() {
    for table in Table::ALL {
        assert_eq!(Table::from_number(table.number()), Some(table));
    }
    assert_eq!(Table::from_number(0), None);
    for kind in TimerKind::ALL {
        assert_eq!(TimerKind::from_number(kind as i64), Some(kind));
    }
    assert_eq!(Table::Receipt.number(), 17);
    assert_eq!(TimerKind::Reinvite as i64, 12);
}
