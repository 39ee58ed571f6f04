//! The vault on disk against the vault in memory, and against everything that happens to files.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command as Process, Stdio};

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use subrosa_crypto::KdfParams;
use subrosa_engine::api::{ContactId, MessageId};
use subrosa_engine::rows::{Message, MessageBody, Row};
use subrosa_engine::{Bytes, Key, MemVault, Rows, Span};
use tempfile::TempDir;

use super::*;
use crate::error::{ClientError, CreateError, OpenError};
use crate::options::Unlock;
use crate::runtime::os_rng;

const SECRET_NAME: &str = "Penelope-of-Ithaca";
const SECRET_TEXT: &[u8] = b"the bed is built around an olive tree";

fn make(unlock: &Unlock) -> (TempDir, Profile) {
    let folder = tempfile::tempdir().unwrap();
    let profile = Profile::at(&folder.path().join("profile"));
    Vault::create_with(&profile, SECRET_NAME, unlock, (KdfParams::FLOOR, &mut os_rng())).unwrap();
    (folder, profile)
}

fn write(vault: &Vault, changes: &[Change]) -> Result<(), Fault> {
    vault.sheet.transaction(|sheet| sheet.apply(changes))
}

fn bytes(text: &[u8]) -> Bytes {
    Bytes::new(text.to_vec())
}

fn all(rows: &impl Rows) -> BTreeMap<Key, Bytes> {
    Table::ALL.into_iter().flat_map(|table| rows.span(Span::table(table)).unwrap()).collect()
}

/// A row of a conversation, as the engine writes it.
fn message(n: u64) -> Bytes {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&n.to_le_bytes());
    let body = MessageBody::Text(String::from_utf8_lossy(SECRET_TEXT).into_owned());
    Message { id, ..Message::note(body, Millis(n)) }.write()
}

fn some_change(rng: &mut impl Rng) -> Change {
    let table = Table::ALL[rng.next_u32() as usize % Table::ALL.len()];
    let parent = i64::from(rng.next_u32() % 4) - 1;
    let key = Key::new(table, parent, i64::from(rng.next_u32() % 12) - 3);
    match rng.next_u32() % 10 {
        0..=6 if table == Table::Message => Change::Put(key, message((key.id + 3).cast_unsigned())),
        0..=6 => {
            let mut row = vec![0; rng.next_u32() as usize % 700];
            rng.fill_bytes(&mut row);
            Change::Put(key, Bytes::new(row))
        }
        7 | 8 => Change::Erase(key),
        _ => Change::EraseAll { table, parent },
    }
}

fn some_span(rng: &mut impl Rng) -> Span {
    let table = Table::ALL[rng.next_u32() as usize % Table::ALL.len()];
    let mut span = match rng.next_u32() % 3 {
        0 => Span::table(table),
        _ => Span::under(table, i64::from(rng.next_u32() % 4) - 1),
    };
    if rng.next_u32().is_multiple_of(2) {
        span = span.from(i64::from(rng.next_u32() % 8) - 3).to(i64::from(rng.next_u32() % 12) - 3);
    }
    if rng.next_u32().is_multiple_of(2) {
        span = span.limit(rng.next_u32() % 6);
    }
    if rng.next_u32().is_multiple_of(2) { span.newest_first() } else { span }
}

#[test]
fn any_list_of_changes_gives_what_the_vault_in_memory_gives() {
    let (_folder, profile) = make(&Unlock::None);
    let mut vault = Vault::open(&profile, &Unlock::None).unwrap();
    let reader = vault.reader().unwrap();
    let mut model = MemVault::default();
    let first: Vec<Change> = all(&vault.sheet).into_iter().map(|(key, row)| Change::Put(key, row)).collect();
    model.apply(&first).unwrap();
    let mut rng = ChaCha12Rng::seed_from_u64(7);
    for round in 0..120 {
        let changes: Vec<Change> = (0..rng.next_u32() % 6).map(|_| some_change(&mut rng)).collect();
        write(&vault, &changes).unwrap();
        model.apply(&changes).unwrap();
        changes.iter().filter(|change| is_message(change)).for_each(|change| reader.learn(change));
        for _ in 0..8 {
            let span = some_span(&mut rng);
            assert_eq!(vault.sheet.span(span).unwrap(), model.span(span).unwrap(), "{span:?}");
            assert_eq!(reader.sheet.span(span).unwrap(), model.span(span).unwrap(), "{span:?}");
        }
        for n in 0..20_u64 {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&n.to_le_bytes());
            let (chat, id) = (ContactId(i64::from(rng.next_u32() % 4) - 1), MessageId(id));
            let place = model.position(chat, false, id).unwrap();
            assert_eq!(vault.sheet.position(chat, false, id).unwrap(), place);
            assert_eq!(reader.sheet.position(chat, false, id).unwrap(), place);
        }
        if round % 40 == 39 {
            drop(vault);
            vault = Vault::open(&profile, &Unlock::None).unwrap();
        }
    }
    assert_eq!(all(&vault.sheet), model.rows().map(|(key, row)| (*key, row.clone())).collect());
}

#[test]
fn a_failed_transaction_leaves_everything_as_it_was() {
    let (_folder, profile) = make(&Unlock::None);
    let vault = Vault::open(&profile, &Unlock::None).unwrap();
    let before = all(&vault.sheet);
    let failed: Result<(), Fault> = vault.sheet.transaction(|sheet| {
        sheet.apply(&[Change::Put(Key::new(Table::Message, 1, 1), message(1))])?;
        assert!(
            sheet
                .position(ContactId(1), false, MessageId([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
                .unwrap()
                .is_some()
        );
        Err(Fault::Full)
    });
    assert!(matches!(failed, Err(Fault::Full)));
    assert_eq!(all(&vault.sheet), before);
    let id = MessageId([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(
        vault.sheet.position(ContactId(1), false, id).unwrap(),
        None,
        "the index kept what was rolled back"
    );
}

/// What a power cut leaves: the files as they lie there while the vault is open.
fn crashed_copy(profile: &Profile) -> (TempDir, Profile) {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(profile.folder()).unwrap() {
        let entry = entry.unwrap();
        // The shared memory is no part of the state: SQLite makes it anew.
        if entry.file_name() != "vault.db-shm" {
            fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
    }
    let profile = Profile::at(folder.path());
    (folder, profile)
}

#[test]
fn what_was_committed_survives_a_crash_without_a_close() {
    let (_folder, profile) = make(&Unlock::None);
    let vault = Vault::open(&profile, &Unlock::None).unwrap();
    for n in 0..50 {
        write(&vault, &[Change::Put(Key::new(Table::Message, 1, n), message(n.cast_unsigned()))]).unwrap();
        if n % 10 == 0 {
            let (_copy, crashed) = crashed_copy(&profile);
            let again = Vault::open(&crashed, &Unlock::None).unwrap();
            assert_eq!(all(&again.sheet), all(&vault.sheet));
        }
    }
}

#[test]
fn only_the_right_passphrase_opens() {
    let (_folder, profile) = make(&Unlock::passphrase("correct horse"));
    assert!(Vault::needs_passphrase(&profile).unwrap());
    let open = |unlock: &Unlock| Vault::open(&profile, unlock).err();
    assert!(matches!(open(&Unlock::passphrase("correct hors")), Some(OpenError::WrongPassphrase)));
    assert!(matches!(open(&Unlock::None), Some(OpenError::PassphraseNeeded)));
    assert!(open(&Unlock::passphrase("correct horse")).is_none());
}

#[test]
fn without_a_passphrase_only_the_key_file_opens() {
    let (_folder, profile) = make(&Unlock::None);
    assert!(!Vault::needs_passphrase(&profile).unwrap());
    assert!(matches!(Vault::open(&profile, &Unlock::passphrase("x")).err(), Some(OpenError::NoPassphrase)));
    let key = fs::read(profile.key_file()).unwrap();
    fs::write(profile.key_file(), [7; 32]).unwrap();
    assert!(matches!(Vault::open(&profile, &Unlock::None).err(), Some(OpenError::KeyFile { .. })));
    fs::write(profile.key_file(), &key[..31]).unwrap();
    assert!(matches!(Vault::open(&profile, &Unlock::None).err(), Some(OpenError::KeyFile { .. })));
    fs::remove_file(profile.key_file()).unwrap();
    assert!(matches!(Vault::open(&profile, &Unlock::None).err(), Some(OpenError::KeyFile { .. })));
    fs::write(profile.key_file(), key).unwrap();
    assert!(Vault::open(&profile, &Unlock::None).is_ok());
}

#[test]
fn a_changed_passphrase_is_the_only_one_that_opens() {
    // AR-09.
    let (_folder, profile) = make(&Unlock::None);
    let rows = {
        let mut vault = Vault::open(&profile, &Unlock::None).unwrap();
        vault.rewrap(&Unlock::passphrase("one"), &mut os_rng()).unwrap();
        assert!(!profile.key_file().exists(), "the old key still lies there");
        vault.rewrap(&Unlock::passphrase("two"), &mut os_rng()).unwrap();
        assert!(vault.rewrap(&Unlock::passphrase(""), &mut os_rng()).is_err());
        all(&vault.sheet)
    };
    assert!(matches!(
        Vault::open(&profile, &Unlock::passphrase("one")).err(),
        Some(OpenError::WrongPassphrase)
    ));
    let mut vault = Vault::open(&profile, &Unlock::passphrase("two")).unwrap();
    assert_eq!(all(&vault.sheet), rows);
    vault.rewrap(&Unlock::None, &mut os_rng()).unwrap();
    drop(vault);
    assert_eq!(all(&Vault::open(&profile, &Unlock::None).unwrap().sheet), rows);
}

#[test]
fn a_newer_or_foreign_file_is_refused_with_a_sentence() {
    let (_folder, profile) = make(&Unlock::None);
    let raw = rusqlite::Connection::open(profile.vault()).unwrap();
    raw.pragma_update(None, "user_version", FORMAT + 1).unwrap();
    let why = Vault::open(&profile, &Unlock::None).err().unwrap();
    assert!(matches!(why, OpenError::NewerVersion { store: 2, ours: 1 }));
    assert!(why.to_string().contains("update"), "{why}");
    raw.pragma_update(None, "user_version", FORMAT).unwrap();
    raw.execute("UPDATE header SET bytes = x'0102'", []).unwrap();
    assert!(matches!(Vault::open(&profile, &Unlock::None).err(), Some(OpenError::Damaged { .. })));
    drop(raw);
    fs::write(
        profile.vault(),
        b"this is a letter, not a database, and it is long enough to be looked at twice",
    )
    .unwrap();
    assert!(matches!(Vault::open(&profile, &Unlock::None).err(), Some(OpenError::Damaged { .. })));
    fs::remove_file(profile.vault()).unwrap();
    assert!(matches!(Vault::open(&profile, &Unlock::None).err(), Some(OpenError::Missing { .. })));
    assert!(matches!(Vault::needs_passphrase(&profile), Err(OpenError::Missing { .. })));
}

#[test]
fn a_profile_is_not_made_twice() {
    let (_folder, profile) = make(&Unlock::None);
    let again = Vault::create(&profile, "Ana", &Unlock::None, &mut os_rng());
    assert!(matches!(again, Err(CreateError::Exists { .. })));
    assert!(Vault::open(&profile, &Unlock::None).is_ok());
    let other = Profile::at(&profile.folder().join("other"));
    assert!(matches!(Vault::create(&other, "  ", &Unlock::None, &mut os_rng()), Err(CreateError::NoName)));
    let empty = Vault::create(&other, "Ana", &Unlock::passphrase(""), &mut os_rng());
    assert!(matches!(empty, Err(CreateError::EmptyPassphrase)));
}

#[test]
fn a_broken_creation_leaves_no_profile_and_can_be_repeated() {
    let (_folder, profile) = make(&Unlock::None);
    fs::rename(profile.vault(), profile.unfinished()).unwrap();
    assert!(matches!(Vault::open(&profile, &Unlock::None).err(), Some(OpenError::Missing { .. })));
    Vault::create(&profile, "Ana", &Unlock::None, &mut os_rng()).unwrap();
    assert!(Vault::open(&profile, &Unlock::None).is_ok());
    assert!(!profile.unfinished().exists());
}

#[test]
fn rows_that_were_altered_moved_or_swapped_are_damage_and_never_content() {
    // AR-11.
    let (_folder, profile) = make(&Unlock::None);
    let vault = Vault::open(&profile, &Unlock::None).unwrap();
    let key = |parent, id| Key::new(Table::Draft, parent, id);
    write(&vault, &[Change::Put(key(1, 1), bytes(b"one")), Change::Put(key(2, 1), bytes(b"two"))]).unwrap();
    let raw = rusqlite::Connection::open(profile.vault()).unwrap();
    let damaged = |sql: &str| {
        raw.execute_batch(&format!("SAVEPOINT s; {sql}")).unwrap();
        raw.execute_batch("RELEASE s").unwrap();
        vault.sheet.get(key(1, 1)).is_err() && vault.sheet.span(Span::table(Table::Draft)).is_err()
    };
    let kind = Table::Draft.number();
    let of =
        |parent: u8| format!("(SELECT sealed FROM row WHERE kind = {kind} AND parent = {parent} AND id = 1)");
    let first: Vec<u8> = raw.query_row(&format!("SELECT {}", of(1)), [], |row| row.get(0)).unwrap();
    let put = |sealed: &[u8]| {
        raw.execute(&format!("UPDATE row SET sealed = ?1 WHERE kind = {kind} AND parent = 1"), [sealed])
            .unwrap();
    };
    assert!(damaged(&format!("UPDATE row SET sealed = {} WHERE kind = {kind} AND parent = 1", of(2))));
    for at in [0, 24, first.len() - 1] {
        let mut flipped = first.clone();
        flipped[at] ^= 1;
        put(&flipped);
        assert!(damaged(""), "byte {at}");
    }
    put(&first);
    assert_eq!(vault.sheet.get(key(1, 1)).unwrap(), Some(bytes(b"one")));
}

#[test]
fn a_full_disk_refuses_the_batch_and_loses_nothing() {
    let (_folder, profile) = make(&Unlock::None);
    let vault = Vault::open(&profile, &Unlock::None).unwrap();
    let before = all(&vault.sheet);
    let pages: u32 =
        vault.sheet.connection().pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    vault.sheet.connection().pragma_update(None, "max_page_count", pages + 1).unwrap();
    let small = Change::Put(Key::new(Table::Draft, 0, 1), bytes(b"small"));
    let big = Change::Put(Key::new(Table::Draft, 0, 2), bytes(&[1; 60_000]));
    let refused = write(&vault, &[small.clone(), big]).unwrap_err();
    assert!(matches!(refused, Fault::Full));
    assert_eq!(ClientError::from(refused), ClientError::DiskFull);
    assert_eq!(all(&vault.sheet), before);
    // There is room for a little, and the vault goes on.
    write(&vault, &[small]).unwrap();
}

/// Every file of the profile but the key file, which is a key, and the empty lock.
fn files(folder: &Path) -> Vec<u8> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "vault.key" {
            found.extend(fs::read(entry.path()).unwrap());
        }
    }
    found
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn no_file_holds_a_name_a_text_or_a_key_and_what_was_erased_is_gone() {
    // AR-13.
    let (_folder, profile) = make(&Unlock::None);
    let mut vault = Vault::open(&profile, &Unlock::None).unwrap();
    let kept = Key::new(Table::Message, 1, 1);
    let erased = Key::new(Table::Message, 1, 2);
    write(&vault, &[Change::Put(kept, message(1)), Change::Put(erased, message(2))]).unwrap();
    let me = vault.sheet.span(Span::table(Table::Meta)).unwrap();
    let seed = subrosa_engine::rows::Me::parse(&me[0].1).unwrap().seed.expose().to_vec();
    let key = fs::read(profile.key_file()).unwrap();
    let clean = |when: &str| {
        let all = files(profile.folder());
        assert!(all.len() > 4096, "nothing was scanned");
        for secret in [SECRET_NAME.as_bytes(), SECRET_TEXT, &seed, &key] {
            assert!(!holds(&all, secret), "plaintext in a file {when}");
        }
    };
    clean("while rows are written");
    let sealed = |key: Key| -> Vec<u8> {
        let sql = "SELECT sealed FROM row WHERE kind = ?1 AND parent = ?2 AND id = ?3";
        let at = (key.table.number(), key.parent, key.id);
        vault.sheet.connection().query_row(sql, at, |row| row.get(0)).unwrap()
    };
    let (kept_bytes, erased_bytes) = (sealed(kept), sealed(erased));
    assert!(holds(&files(profile.folder()), &erased_bytes), "the scan finds nothing that is there");
    write(&vault, &[Change::Erase(erased)]).unwrap();
    vault.settle().unwrap();
    clean("after erasing");
    assert!(!holds(&files(profile.folder()), &erased_bytes), "an erased row is still in a file");
    assert!(holds(&files(profile.folder()), &kept_bytes));
    write(&vault, &[Change::Put(kept, message(3))]).unwrap();
    vault.close().unwrap();
    assert!(!holds(&files(profile.folder()), &kept_bytes), "a replaced row is still in a file");
    clean("after closing");
}

#[test]
fn a_chat_that_was_erased_takes_its_key_with_it() {
    // AR-12.
    assert!(Table::from_number(chat_key::CHAT_KEY).is_none(), "the engine has a table of that number");
    let (_folder, profile) = make(&Unlock::None);
    let mut vault = Vault::open(&profile, &Unlock::None).unwrap();
    let reader = vault.reader().unwrap();
    let at = |id| Key::new(Table::Message, 1, id);
    let chat_key = |vault: &Vault| -> Option<Vec<u8>> {
        let sql = "SELECT sealed FROM row WHERE kind = 255 AND parent = 1";
        vault.sheet.connection().query_row(sql, [], |row| row.get(0)).ok()
    };
    write(&vault, &[Change::Put(at(1), message(1)), Change::Put(at(2), message(2))]).unwrap();
    let first = chat_key(&vault).unwrap();
    assert_eq!(reader.sheet.get(at(2)).unwrap(), Some(message(2)));
    write(&vault, &[Change::EraseAll { table: Table::Message, parent: 1 }]).unwrap();
    assert_eq!(chat_key(&vault), None);
    vault.settle().unwrap();
    assert!(!holds(&files(profile.folder()), &first), "the key of an erased chat is still in a file");
    write(&vault, &[Change::Put(at(1), message(3))]).unwrap();
    assert_ne!(chat_key(&vault).unwrap(), first);
    assert_eq!(reader.sheet.get(at(1)).unwrap(), Some(message(3)), "the reader keeps the old key");
    // A damaged key is damage: no new one is made in its place.
    let raw = rusqlite::Connection::open(profile.vault()).unwrap();
    raw.execute("UPDATE row SET sealed = zeroblob(192) WHERE kind = 255", []).unwrap();
    drop(vault);
    let vault = Vault::open(&profile, &Unlock::None).unwrap();
    assert!(vault.sheet.get(at(1)).is_err());
    assert!(matches!(write(&vault, &[Change::Put(at(2), message(4))]), Err(Fault::Damaged(_))));
}

#[test]
fn sealed_sizes_say_little() {
    // AR-01.
    let (_folder, profile) = make(&Unlock::None);
    let vault = Vault::open(&profile, &Unlock::None).unwrap();
    let sizes: std::collections::BTreeSet<usize> = (0..400)
        .map(|len| vault.sheet.cipher().seal(Key::new(Table::Draft, 0, 1), &vec![1; len]).unwrap().len())
        .collect();
    assert_eq!(sizes.into_iter().collect::<Vec<_>>(), [128, 256, 512].map(|padded| 24 + padded + 16));
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_folder_and_its_files() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, profile) = make(&Unlock::None);
    let vault = Vault::open(&profile, &Unlock::None).unwrap();
    write(&vault, &[Change::Put(Key::new(Table::Draft, 0, 1), bytes(b"x"))]).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(profile.folder()), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(profile.folder()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(mode(&entry.path()), 0o600, "{:?}", entry.file_name());
        names.push(entry.file_name().into_string().unwrap());
    }
    assert!(names.contains(&"vault.db-wal".to_owned()), "{names:?}");
}

const FOLDER: &str = "SUBROSA_TEST_PROFILE";

/// Not a test of its own: the other process of the next one.
#[test]
fn hold_a_profile_for_another_process() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let _vault = Vault::open(&Profile::at(Path::new(&folder)), &Unlock::None).unwrap();
    println!("\nopen");
    let mut line = String::new();
    let _ = std::io::stdin().read_line(&mut line);
}

#[test]
fn a_second_process_is_told_that_the_profile_is_in_use() {
    let (_folder, profile) = make(&Unlock::None);
    let mut other = Process::new(std::env::current_exe().unwrap())
        .args(["vault::tests::hold_a_profile_for_another_process", "--exact", "--nocapture"])
        .env(FOLDER, profile.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(other.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "open"), "the other process did not open it");
    assert!(matches!(Vault::open(&profile, &Unlock::None).err(), Some(OpenError::InUse)));
    let create = Vault::create(&profile, "Ana", &Unlock::None, &mut os_rng());
    assert!(matches!(create, Err(CreateError::InUse)));
    // A killed process leaves no lock behind.
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(Vault::open(&profile, &Unlock::None).is_ok());
    let _ = other.stdin.take().map(|mut stdin| stdin.write_all(b"\n"));
}
