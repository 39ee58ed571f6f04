//! [`Sheet`]: the sealed rows in SQLite, as the engine reads and changes them.
//!
//! Spec: docs/spec/at-rest.md, "Rows". Invariant: of a row, only its table's number, its parent and its id stand in clear.

use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};
use subrosa_engine::api::{ContactId, MessageId, Position};
use subrosa_engine::{Bytes, Change, Corrupt, Index, Key, Rows, Span, Table};

use super::chat_key::{CHAT_KEY, ChatKeys, KeyRows};
use super::cipher::Cipher;
use super::fault::Fault;

/// How long one connection waits for the other.
const PATIENCE: Duration = Duration::from_secs(10);

const SCHEMA: &str = "
    CREATE TABLE header (one INTEGER PRIMARY KEY CHECK (one = 1), bytes BLOB NOT NULL) STRICT;
    CREATE TABLE row (kind INTEGER, parent INTEGER, id INTEGER, sealed BLOB NOT NULL,
                      PRIMARY KEY (kind, parent, id)) STRICT, WITHOUT ROWID;
";
const GET: &str = "SELECT sealed FROM row WHERE kind = ?1 AND parent = ?2 AND id = ?3";
const PUT: &str = "INSERT INTO row (kind, parent, id, sealed) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (kind, parent, id) DO UPDATE SET sealed = excluded.sealed";
const ERASE: &str = "DELETE FROM row WHERE kind = ?1 AND parent = ?2 AND id = ?3";
const ERASE_ALL: &str = "DELETE FROM row WHERE kind = ?1 AND parent = ?2";
const OF_PARENT: &str =
    "SELECT parent, id, sealed FROM row WHERE kind = ?1 AND parent = ?2 AND id BETWEEN ?3 AND ?4
                         ORDER BY parent, id LIMIT ?5";
const OF_PARENT_NEWEST: &str = "SELECT parent, id, sealed FROM row WHERE kind = ?1 AND parent = ?2
                                AND id BETWEEN ?3 AND ?4 ORDER BY parent DESC, id DESC LIMIT ?5";
const OF_TABLE: &str = "SELECT parent, id, sealed FROM row WHERE kind = ?1 AND id BETWEEN ?3 AND ?4
                        AND ?2 IS NULL ORDER BY parent, id LIMIT ?5";
const OF_TABLE_NEWEST: &str = "SELECT parent, id, sealed FROM row WHERE kind = ?1 AND id BETWEEN ?3 AND ?4
                               AND ?2 IS NULL ORDER BY parent DESC, id DESC LIMIT ?5";

/// A connection and the keys of its rows.
pub(crate) struct Sheet {
    connection: Connection,
    cipher: Cipher,
    chat_keys: ChatKeys,
    index: RefCell<Index>,
    /// What SQLite said while the engine was reading, which only knows [`Corrupt`].
    fault: RefCell<Option<Fault>>,
}

/// Opens the database file for writing and sets what the promises need.
pub(crate) fn connect(path: &Path) -> Result<Connection, Fault> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW,
    )?;
    // Deleted pages are overwritten, commits are synced, nothing is spilled to a temporary file.
    connection.busy_timeout(PATIENCE)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;
         PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;",
    )?;
    Ok(connection)
}

/// Opens the database file for reading beside the writer.
pub(crate) fn connect_reader(path: &Path) -> Result<Connection, Fault> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW,
    )?;
    connection.busy_timeout(PATIENCE)?;
    connection
        .execute_batch("PRAGMA temp_store = MEMORY; PRAGMA query_only = ON; PRAGMA trusted_schema = OFF;")?;
    Ok(connection)
}

/// Makes the tables of a new database.
pub(crate) fn make_tables(connection: &Connection, format: u32) -> Result<(), Fault> {
    // AR-13.
    connection.execute_batch(SCHEMA)?;
    connection.pragma_update(None, "user_version", format)?;
    Ok(())
}

/// The format that the file says it has.
pub(crate) fn format(connection: &Connection) -> Result<u32, Fault> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// The header's bytes, when there are any.
pub(crate) fn header(connection: &Connection) -> Result<Option<Vec<u8>>, Fault> {
    Ok(connection.query_row("SELECT bytes FROM header WHERE one = 1", [], |row| row.get(0)).optional()?)
}

/// Writes the header.
pub(crate) fn put_header(connection: &Connection, bytes: &[u8]) -> Result<(), Fault> {
    connection.execute(
        "INSERT INTO header (one, bytes) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET bytes = excluded.bytes",
        [bytes],
    )?;
    Ok(())
}

impl Sheet {
    pub(crate) fn new(connection: Connection, cipher: Cipher) -> Self {
        Self {
            connection,
            cipher,
            chat_keys: ChatKeys::default(),
            index: RefCell::default(),
            fault: RefCell::default(),
        }
    }

    pub(crate) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Closes the file, and says when what was written could not be put in its place.
    pub(crate) fn close(self) -> Result<(), Fault> {
        self.connection.close().map_err(|(_, why)| why.into())
    }

    pub(crate) const fn cipher(&self) -> &Cipher {
        &self.cipher
    }

    /// Runs `work` in one read or write transaction, and commits it when that is `Ok`.
    pub(crate) fn transaction<T>(&self, work: impl FnOnce(&Self) -> Result<T, Fault>) -> Result<T, Fault> {
        let result = (|| {
            let transaction = self.connection.unchecked_transaction()?;
            let value = work(self)?;
            // On an error it rolls back when it is dropped.
            transaction.commit()?;
            Ok(value)
        })();
        if result.is_err() {
            self.index.borrow_mut().clear();
            self.chat_keys.clear();
        }
        result
    }

    /// Writes `changes` in order.
    pub(crate) fn apply(&self, changes: &[Change]) -> Result<(), Fault> {
        for change in changes {
            match change {
                Change::Put(key, plain) => {
                    let sealed = match key.table {
                        Table::Message => self.chat_keys.seal(self, &self.cipher, (*key, plain))?,
                        _ => self.cipher.seal(*key, plain)?,
                    };
                    self.put(key.table.number(), (key.parent, key.id), &sealed)?;
                }
                Change::Erase(key) => {
                    let mut erase = self.connection.prepare_cached(ERASE)?;
                    erase.execute(params![key.table.number(), key.parent, key.id])?;
                }
                Change::EraseAll { table, parent } => {
                    self.erase_all(table.number(), *parent)?;
                    if *table == Table::Message {
                        self.erase_all(CHAT_KEY, *parent)?;
                        self.chat_keys.forget(*parent);
                    }
                }
            }
            self.index.borrow_mut().apply(change)?;
        }
        Ok(())
    }

    fn put(&self, kind: u8, (parent, id): (i64, i64), sealed: &[u8]) -> Result<(), Fault> {
        self.connection.prepare_cached(PUT)?.execute(params![kind, parent, id, sealed])?;
        Ok(())
    }

    fn erase_all(&self, kind: u8, parent: i64) -> Result<(), Fault> {
        self.connection.prepare_cached(ERASE_ALL)?.execute(params![kind, parent])?;
        Ok(())
    }

    /// The plaintext of a row, or [`Corrupt`].
    fn open(&self, key: Key, sealed: &[u8]) -> Result<Bytes, Corrupt> {
        let corrupt = Corrupt { table: key.table };
        if key.table != Table::Message {
            return self.cipher.open(key, sealed).ok_or(corrupt);
        }
        match self.chat_keys.open(self, &self.cipher, (key, sealed)) {
            Ok(opened) => opened.ok_or(corrupt),
            Err(fault) => {
                *self.fault.borrow_mut() = Some(fault);
                Err(corrupt)
            }
        }
    }

    /// Shows the index a change that another connection committed.
    pub(crate) fn learn(&self, change: &Change) {
        let mut index = self.index.borrow_mut();
        if index.apply(change).is_err() {
            index.clear();
        }
    }

    /// What `result` means: a fault of SQLite below a [`Corrupt`] comes to light here.
    pub(crate) fn settle<T>(&self, result: Result<T, Corrupt>) -> Result<T, Fault> {
        let fault = self.fault.borrow_mut().take();
        match (result, fault) {
            (Ok(value), _) => Ok(value),
            (Err(_), Some(fault)) => Err(fault),
            (Err(corrupt), None) => Err(Fault::Corrupt(corrupt)),
        }
    }

    fn blame<T>(&self, table: Table, result: rusqlite::Result<T>) -> Result<T, Corrupt> {
        result.map_err(|why| {
            *self.fault.borrow_mut() = Some(why.into());
            Corrupt { table }
        })
    }

    fn read(&self, kind: u8, (parent, id): (i64, i64)) -> rusqlite::Result<Option<Vec<u8>>> {
        let mut get = self.connection.prepare_cached(GET)?;
        get.query_row(params![kind, parent, id], |row| row.get(0)).optional()
    }

    fn read_span(&self, span: Span) -> rusqlite::Result<Vec<(Key, Vec<u8>)>> {
        let sql = match (span.parent, span.newest_first) {
            (Some(_), false) => OF_PARENT,
            (Some(_), true) => OF_PARENT_NEWEST,
            (None, false) => OF_TABLE,
            (None, true) => OF_TABLE_NEWEST,
        };
        let mut select = self.connection.prepare_cached(sql)?;
        let at = |row: &Row<'_>| Ok((Key::new(span.table, row.get(0)?, row.get(1)?), row.get(2)?));
        let rows = select.query_map(
            params![span.table.number(), span.parent, span.from, span.to, i64::from(span.limit)],
            at,
        )?;
        rows.collect()
    }
}

impl KeyRows for Sheet {
    fn sealed_key(&self, chat: i64) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.read(CHAT_KEY, (chat, 0))?)
    }

    fn put_sealed_key(&self, chat: i64, sealed: &[u8]) -> Result<(), Fault> {
        self.put(CHAT_KEY, (chat, 0), sealed)
    }
}

impl Rows for Sheet {
    fn get(&self, key: Key) -> Result<Option<Bytes>, Corrupt> {
        let sealed = self.blame(key.table, self.read(key.table.number(), (key.parent, key.id)))?;
        sealed.map(|sealed| self.open(key, &sealed)).transpose()
    }

    fn span(&self, span: Span) -> Result<Vec<(Key, Bytes)>, Corrupt> {
        let sealed = self.blame(span.table, self.read_span(span))?;
        sealed.into_iter().map(|(key, row)| Ok((key, self.open(key, &row)?))).collect()
    }

    fn position(&self, chat: ContactId, mine: bool, id: MessageId) -> Result<Option<Position>, Corrupt> {
        self.index.borrow_mut().position(self, chat, mine, id)
    }
}
