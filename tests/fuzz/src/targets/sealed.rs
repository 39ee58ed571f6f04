//! What stands behind a lock: bundle, handshake, recovery, ratchet cells, rows, chunks, backups.
//!
//! Spec: docs/spec/README.md, "Errors". Invariant: with every lock open to the fuzzer (see crates/crypto/src/glass.rs), a
//! parser still refuses by a value, an error leaves the session usable, and a state that was accepted can be stored.

use std::rc::Rc;
use std::string::String;
use std::vec;
use std::vec::Vec;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use subrosa_codec::{CELL_LEN, Cell, Day, Millis};
use subrosa_crypto::{
    BackupWords, BlobKey, BlobShape, Bundle, Created, Dek, Identity, IdentitySeed, Introduction, InviteKeys,
    InviteKind, InviteTerms, KdfParams, Part, QueueDescriptor, QueueEntry, RecoveryIntro, RecoveryKey,
    RowKey, RowRef, Session, StoreHeader, Unlock, Weight, accept, accept_recovery, join, open_backup,
    recover, seal_backup, split,
};

use super::{Target, through};

pub(super) const TARGETS: &[Target] = &[
    Target { name: "bundle", longest: CELL_LEN, run: bundle, seeds: bundle_seeds },
    Target { name: "handshake", longest: CELL_LEN, run: handshake, seeds: handshake_seeds },
    Target { name: "recovery", longest: CELL_LEN, run: recovery, seeds: recovery_seeds },
    Target { name: "open", longest: 1 + 3 * CELL_LEN, run: open, seeds: open_seeds },
    Target { name: "row", longest: 2_048, run: row, seeds: row_seeds },
    Target { name: "blob-chunk", longest: 2_048, run: blob_chunk, seeds: blob_seeds },
    Target { name: "backup", longest: 4_096, run: backup, seeds: backup_seeds },
];

const TODAY: Day = Day(20_000);
const NOW: Millis = Millis(20_000 * 86_400_000);

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

fn person(seed: u8) -> Identity {
    Identity::derive(&IdentitySeed::from_bytes([seed; 32]), 0)
}

fn place() -> QueueDescriptor {
    let entry = QueueEntry { relay: [1; 32], write: [2; 32], host: "relay.example".into(), port: 4433 };
    QueueDescriptor::new(entry, None).unwrap()
}

fn created(kind: InviteKind) -> Created {
    let terms = InviteTerms {
        kind,
        relay_key_hash: [1; 32],
        host: "relay.example",
        port: 4433,
        descriptor: &place(),
        name: "Ida",
        expires: TODAY.plus(7),
    };
    InviteKeys::create(&person(1), &terms, &mut rng(1)).unwrap()
}

/// A one-time invite and an address.
pub(super) fn invites() -> impl Iterator<Item = Created> {
    [InviteKind::OneTime, InviteKind::Address].into_iter().map(created)
}

/// A cell of these bytes, with zeros behind.
fn cell(bytes: &[u8]) -> Cell {
    let mut cell = Cell::zeroed();
    cell.as_mut_bytes().iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    cell
}

/// Everything that is made once.
struct Fixture {
    people: [Identity; 2],
    invite: Created,
    recovery: RecoveryKey,
    states: Vec<State>,
    row: RowKey,
}

/// A session and its other end at the same moment.
pub(super) struct State {
    /// Index of the owner of `mine`.
    who: usize,
    pub(super) mine: Session,
    theirs: Session,
}

std::thread_local! {
    static FIXTURE: Rc<Fixture> = Rc::new(Fixture::make());
}

fn fixture() -> Rc<Fixture> {
    FIXTURE.with(Rc::clone)
}

pub(super) fn states() -> Vec<State> {
    let copy =
        |state: &State| State { who: state.who, mine: state.mine.clone(), theirs: state.theirs.clone() };
    fixture().states.iter().map(copy).collect()
}

impl Fixture {
    fn make() -> Self {
        // Jon joins, Ida invites.
        let people = [person(2), person(1)];
        let invite = created(InviteKind::OneTime);
        let (_, dek): (_, Dek) =
            StoreHeader::create(&Unlock::Keyring(&[1; 32]), KdfParams::FLOOR, &mut rng(7)).unwrap();
        let states = conversation(&people, &invite);
        let recovery = RecoveryKey::generate(&mut rng(3));
        Self { people, invite, recovery, states, row: dek.row_key(5, 1) }
    }
}

fn text(bytes: &[u8]) -> Part {
    Part::single(bytes).unwrap()
}

/// Some moments of a conversation in which every second cell is lost.
fn conversation(people: &[Identity; 2], invite: &Created) -> Vec<State> {
    let bundle = Bundle::open(&invite.link, &invite.bundle, people[0].public(), TODAY).unwrap();
    let intro = Introduction { descriptor: place(), name: "Jon".into(), greeting: "hi".into() };
    let joined = join(&people[0], &bundle, &intro, &mut rng(4)).unwrap();
    let accepted = accept(&people[1], &invite.keys, &joined.cell, |_| false).unwrap();
    let mut ends = [joined.session, accepted.session];
    let mut random = rng(5);
    let mut states = Vec::new();
    for turn in 0..6 {
        for who in [0, 1] {
            states.push(State { who, mine: ends[who].clone(), theirs: ends[1 - who].clone() });
        }
        let from = turn % 2;
        for n in 0..4_u8 {
            let sealed = ends[from].seal(&text(&[n]), Weight::Text, &mut random).unwrap();
            ends[from] = sealed.next;
            if n % 2 == 1 {
                let opened = ends[1 - from].open(&people[1 - from], &sealed.cell, NOW).unwrap();
                ends[1 - from] = opened.next;
            }
        }
    }
    states
}

/// Whatever a state is, using it ends in a value.
pub(super) fn use_state(session: &Session) {
    let _ = session.seal(&text(b"next"), Weight::Text, &mut rng(6)).map(|sealed| {
        assert_eq!(sealed.seq, session.next_seq());
        stored(&sealed.next);
    });
    if let Some((aged, _)) = session.age(Millis(u64::MAX / 2)) {
        stored(&aged);
    }
    for seq in [0, 1, 5] {
        if let Some((next, _)) = session.give_up(seq, NOW) {
            stored(&next);
        }
    }
}

/// A state that was returned can be read back, to the byte.
fn stored(session: &Session) {
    let bytes = session.write();
    let read = Session::parse(&bytes).expect("a state of ours is one when it is read back");
    assert!(read.write() == bytes, "a state changes on disk");
}

fn bundle(input: &[u8]) {
    let fixture = fixture();
    let opened =
        through(|| Bundle::open(&fixture.invite.link, &cell(input), fixture.people[0].public(), TODAY));
    if let Ok(bundle) = opened {
        assert!(bundle.name().len() <= 64);
        let intro = Introduction { descriptor: place(), name: String::new(), greeting: String::new() };
        if let Ok(joined) = join(&fixture.people[0], &bundle, &intro, &mut rng(9)) {
            stored(&joined.session);
        }
    }
}

fn bundle_seeds() -> Vec<Vec<u8>> {
    through(|| invites().map(|created| created.bundle.as_bytes().to_vec()).collect())
}

fn handshake(input: &[u8]) {
    let fixture = fixture();
    let cell = cell(input);
    let accepted = through(|| accept(&fixture.people[1], &fixture.invite.keys, &cell, |_| false));
    if let Ok(accepted) = accepted {
        assert!(accepted.intro.name.len() <= 64 && accepted.intro.greeting.len() <= 80);
        stored(&accepted.session);
        use_state(&accepted.session);
        let again =
            through(|| accept(&fixture.people[1], &fixture.invite.keys, &cell, |id| *id == accepted.id));
        assert!(again.is_err(), "a repeat is known by its id");
    }
}

fn handshake_seeds() -> Vec<Vec<u8>> {
    let fixture = fixture();
    let me = &fixture.people[0];
    let bundle = Bundle::open(&fixture.invite.link, &fixture.invite.bundle, me.public(), TODAY).unwrap();
    let intro = Introduction { descriptor: place(), name: "Jon".into(), greeting: "hi".into() };
    vec![through(|| join(me, &bundle, &intro, &mut rng(4))).unwrap().cell.as_bytes().to_vec()]
}

fn recovery(input: &[u8]) {
    let fixture = fixture();
    let [jon, ida] = &fixture.people;
    let keys = core::slice::from_ref(&fixture.recovery);
    if let Ok(recovered) = through(|| accept_recovery(ida, jon.public(), keys, &cell(input))) {
        assert_eq!(recovered.used, fixture.recovery.id());
        stored(&recovered.session);
        use_state(&recovered.session);
    }
}

fn recovery_seeds() -> Vec<Vec<u8>> {
    let fixture = fixture();
    let [jon, ida] = &fixture.people;
    let intro = RecoveryIntro { descriptor: place(), reason: 1, ack_high: 7, ack_hash: [8; 32] };
    let made = through(|| recover(jon, ida.public(), &fixture.recovery, &intro, &mut rng(2)));
    vec![made.unwrap().1.as_bytes().to_vec()]
}

/// Which state, then up to three cells, opened one after the other.
fn open(input: &[u8]) {
    let Some((which, cells)) = input.split_first() else { return };
    let fixture = fixture();
    let state = &fixture.states[usize::from(*which) % fixture.states.len()];
    let mut session = state.mine.clone();
    for bytes in cells.chunks(CELL_LEN).take(3) {
        let before = session.write();
        let cell = cell(bytes);
        match through(|| session.open(&fixture.people[state.who], &cell, NOW)) {
            Ok(opened) => {
                assert!(opened.part.content.len() <= subrosa_crypto::PART_LEN);
                assert!(opened.outbox_low >= session.outbox_low(), "it never falls");
                stored(&opened.next);
                assert!(session.write() == before, "opening returns the next state and leaves this one");
                session = opened.next;
                let again = through(|| session.open(&fixture.people[state.who], &cell, NOW));
                assert!(again.is_err(), "opened twice");
            }
            Err(_) => assert!(session.write() == before, "a refused cell changed the state"),
        }
    }
    use_state(&session);
}

fn open_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (at, state) in fixture().states.iter().enumerate() {
        let mut from = state.theirs.clone();
        let mut seed = vec![at as u8];
        for n in 0..2 {
            let sealed = through(|| from.seal(&text(&[n; 9]), Weight::Text, &mut rng(8 + n))).unwrap();
            from = sealed.next;
            // Every second state misses the first.
            if n == 1 || at % 4 < 2 {
                seed.extend_from_slice(sealed.cell.as_bytes());
            }
        }
        seeds.push(seed);
    }
    seeds
}

fn row(input: &[u8]) {
    let at = RowRef { row: 1, schema: 1, clear: b"" };
    if let Ok(text) = through(|| fixture().row.open(&at, input)) {
        assert!(text.len() <= input.len());
    }
}

fn row_seeds() -> Vec<Vec<u8>> {
    let at = RowRef { row: 1, schema: 1, clear: b"" };
    [0, 1, 127, 500]
        .map(|len| through(|| fixture().row.seal(&at, &vec![7; len], &mut rng(1))).unwrap())
        .into()
}

const CHUNK: usize = 65_536;

/// A sealed chunk whose text begins with `bytes` and whose tag begins with `mark`.
fn chunk(mark: u8, bytes: &[u8]) -> Vec<u8> {
    let mut chunk = vec![0; CHUNK];
    chunk[24..].iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    chunk[CHUNK - 16] = mark;
    chunk
}

/// Length of the file 8, index of the chunk 1, mark 1, text.
fn blob_chunk(input: &[u8]) {
    let Some((head, bytes)) = input.split_first_chunk::<10>() else { return };
    let [index, mark] = [head[8], head[9]];
    let len = u64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|at| head[at])) >> (index % 48);
    let Some(shape) = BlobShape::of(len).ok() else { return };
    let key = BlobKey::from_bytes(&[1; 32]);
    if let Ok(text) = through(|| key.open_chunk(shape, u32::from(index), &chunk(mark, bytes))) {
        assert!(text.len() <= CHUNK);
    }
    let _ = through(|| key.open_chunk(shape, u32::from(index), bytes));
}

fn blob_seeds() -> Vec<Vec<u8>> {
    let shape = BlobShape::of(9).unwrap();
    let key = BlobKey::from_bytes(&[1; 32]);
    let sealed = through(|| key.seal_chunk(shape, 0, b"123456789", &mut rng(1)));
    let mark = sealed.map_or(0, |sealed| sealed[CHUNK - 16]);
    vec![[&9_u64.to_le_bytes()[..], &[0, mark], b"123456789"].concat()]
}

/// Version 1, salt 1, number of chunks 1, then for each chunk its mark and as many bytes of text as all of them share.
fn backup(input: &[u8]) {
    let words = BackupWords::from_bytes(&[2; 32]);
    let _ = through(|| open_backup(&words, input));
    let Some((&[version, salt, count], rest)) = input.split_first_chunk::<3>() else { return };
    let count = usize::from(count % 5);
    let mut file = vec![version];
    file.extend_from_slice(&[salt; 32]);
    let each = rest.len() / count.max(1);
    for text in rest.chunks(each.max(1)).take(count) {
        file.extend_from_slice(&chunk(text[0], &text[1..]));
    }
    if let Ok(content) = through(|| open_backup(&words, &file)) {
        assert!(content.len() < file.len());
    }
}

fn backup_seeds() -> Vec<Vec<u8>> {
    let words = BackupWords::from_bytes(&[2; 32]);
    let file = through(|| seal_backup(&words, b"history", &mut rng(1))).unwrap();
    let mark = |salt: u8| {
        let mut file = file.clone();
        file[1..33].fill(salt);
        // The mark is the sum of a key that depends on the salt: try all.
        (0..=255).find(|mark| {
            file[33 + CHUNK - 16] = *mark;
            through(|| open_backup(&words, &file)).is_ok()
        })
    };
    let honest = [&[1, 0, 1, mark(0).unwrap_or(0)][..], &7_u64.to_le_bytes(), b"history"].concat();
    vec![honest, split(&[1; 3]).unwrap()[0].content.to_vec()]
}
