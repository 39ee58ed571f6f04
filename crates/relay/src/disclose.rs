//! `disclose`: all that this relay keeps, for a person or for a program.
//!
//! Spec: docs/spec/relay.md, "What a relay keeps". Invariant: it prints [`Knowledge`] and the files beside it,
//! and leaves nothing of them out.

use std::fmt::Write as _;

use serde_json::json;
use subrosa_relay_core::{CellEntry, Knowledge, Row, Table, Value};

use crate::announced::Announced;

/// What the folder holds beside the store, said in both forms.
const FILES: &[(&str, &str)] = &[
    ("relay.key", "the relay's private key: it proves the relay to clients and opens no message"),
    ("reset.key", "a random key for telling clients of a restart"),
    ("MANIFEST", "the store's id and format"),
    ("lock", "empty: one relay at a time"),
    ("admin.sock", "the operator's socket while the relay runs: nothing lies in it"),
    ("address", "where the relay listens and the host that it announces: its own, of nobody who uses it"),
];

/// What is asked for most, and is not there.
const NOT_THERE: &[&str] = &[
    "names, telephone numbers, accounts, or keys of those who use it",
    "network addresses of those who use it, now or ever",
    "times of day: days only, and of a queue the 32-day period in which it ends",
    "who wrote or read a cell, and which queues are of one person or one conversation",
    "what was delivered, acknowledged, closed, revoked or expired: it was overwritten in the relay's files then",
    "any key that opens a cell, an invite or an attachment",
    "logs of connections or requests",
];

/// For a person.
pub(crate) fn text(knowledge: &Knowledge, announced: Option<&Announced>) -> String {
    let mut out = String::from(
        "This is everything that this relay keeps. It has no names, accounts or addresses of those who use it, no\n\
         times of day, and no key that opens any of it.\n\
         Reading it wrote nothing.\n",
    );
    for table in &knowledge.tables {
        write_table(&mut out, table);
    }
    let (cells, chunks) = (knowledge.cell_count, knowledge.chunk_count);
    let _ = writeln!(out, "\ncells: {cells}\n  4,096 sealed bytes each, until they are fetched or expire");
    for cell in &knowledge.cells {
        let CellEntry { queue, seq, len, head, expires } = cell;
        let (queue, head) = (short(queue.as_bytes()), hex(head));
        let day = expires.0;
        let _ = writeln!(out, "  queue {queue}  place {}  {len} bytes  {head}…  until day {day}", seq.0);
    }
    left_out(&mut out, cells, knowledge.cells.len());
    let _ = writeln!(out, "\nchunks: {chunks}\n  65,536 sealed bytes each, of attachments");
    let _ = writeln!(out, "\nfiles beside the store");
    for (name, about) in FILES {
        let _ = writeln!(out, "  {name}: {about}");
    }
    if let Some(Announced { listen, host, named }) = announced {
        let how = if *named { "named" } else { "found" };
        let _ = writeln!(out, "    listen {listen}  host {host} ({how})");
    }
    let _ = writeln!(out, "\nIt does not have");
    for nothing in NOT_THERE {
        let _ = writeln!(out, "  - {nothing}");
    }
    out
}

fn write_table(out: &mut String, table: &Table) {
    // Writing to a string can't fail.
    let _ = writeln!(out, "\n{}: {}\n  {}", table.name, table.count, table.about);
    for field in table.fields {
        let _ = writeln!(out, "  - {}: {}", field.name, field.about);
    }
    for row in &table.rows {
        let values: Vec<_> = table
            .fields
            .iter()
            .zip(&row.values)
            .map(|(field, value)| format!("{} {}", field.name, plain(value)))
            .collect();
        let _ = writeln!(out, "  {}", values.join("  "));
    }
    left_out(out, table.count, table.rows.len());
}

fn left_out(out: &mut String, count: u64, shown: usize) {
    let more = count.saturating_sub(shown as u64);
    if more > 0 {
        let _ = writeln!(out, "  … and {more} more; --rows shows them");
    }
}

/// For a program.
pub(crate) fn json(knowledge: &Knowledge, announced: Option<&Announced>) -> String {
    let tables: Vec<_> = knowledge.tables.iter().map(table_json).collect();
    let cells: Vec<_> = knowledge
        .cells
        .iter()
        .map(|cell| {
            json!({
                "queue": hex(cell.queue.as_bytes()), "seq": cell.seq.0, "bytes": cell.len,
                "head": hex(&cell.head), "expires": cell.expires.0,
            })
        })
        .collect();
    let files: Vec<_> = FILES.iter().map(|(name, about)| json!({ "name": name, "about": about })).collect();
    let announced = announced.map(|Announced { listen, host, named }| {
        json!({ "listen": listen.to_string(), "host": host, "named": named })
    });
    let all = json!({
        "tables": tables, "cell_count": knowledge.cell_count, "cells": cells,
        "chunk_count": knowledge.chunk_count, "files": files, "announced": announced, "does_not_have": NOT_THERE,
    });
    format!("{all:#}\n")
}

fn table_json(table: &Table) -> serde_json::Value {
    let row = |row: &Row| {
        let values = table.fields.iter().zip(&row.values);
        let values: serde_json::Map<_, _> =
            values.map(|(field, value)| (field.name.to_owned(), value_json(value))).collect();
        json!({ "values": values, "bytes": row.bytes, "expires": row.expires.map(|day| day.0) })
    };
    let rows: Vec<_> = table.rows.iter().map(row).collect();
    let fields: Vec<_> =
        table.fields.iter().map(|field| json!({ "name": field.name, "about": field.about })).collect();
    json!({ "name": table.name, "about": table.about, "count": table.count, "fields": fields, "rows": rows })
}

fn value_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Bytes(bytes) => json!(hex(bytes)),
        Value::Number(number) => json!(number),
        Value::Day(day) => json!(day.0),
        Value::Word(word) => json!(word),
        Value::Text(text) => json!(text),
        Value::None => serde_json::Value::Null,
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Bytes(bytes) => short(bytes),
        Value::Number(number) => number.to_string(),
        Value::Day(day) => format!("day {}", day.0),
        Value::Word(word) => (*word).to_owned(),
        Value::Text(text) => text.clone(),
        Value::None => "-".to_owned(),
    }
}

/// The first eight bytes: enough to tell two apart by eye.
fn short(bytes: &[u8]) -> String {
    match bytes.get(..8) {
        Some(head) if bytes.len() > 8 => format!("{}…", hex(head)),
        _ => hex(bytes),
    }
}

fn hex(bytes: &[u8]) -> String {
    crate::store::hex(bytes)
}
