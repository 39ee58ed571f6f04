//! The published vectors: what a second client has to arrive at, byte for byte.
//!
//! Spec: docs/spec/README.md, "Vectors". Invariant: a file in `vectors/` changes only together with the spec and an
//! ADR; each pins one rule, from randomness given in it to every value that leaves the device.

use core::convert::Infallible;
use std::fmt::Write as _;

use rand_core::{TryCryptoRng, TryRng};
use subrosa_codec::{Day, Millis};
use subrosa_crypto::{
    BackupWords, BlobKey, BlobShape, Bundle, Identity, IdentitySeed, Introduction, InviteKeys, InviteKind,
    InviteTerms, KdfParams, Part, QueueDescriptor, QueueEntry, RecoveryIntro, RecoveryKey, RowRef,
    SafetyNumber, Session, StoreHeader, Unlock, Weight, accept, accept_recovery, join, recover, seal_backup,
};

/// Randomness that is written in the vectors: `first, first + 1, …`, each byte once, modulo 256.
struct Counting(u8);

impl TryRng for Counting {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for byte in bytes {
            *byte = self.0;
            self.0 = self.0.wrapping_add(1);
        }
        Ok(())
    }
}

impl TryCryptoRng for Counting {}

/// Lines of `name = value`, values in hex unless quoted.
#[derive(Default)]
struct Vectors(String);

impl Vectors {
    fn hex(&mut self, name: &str, bytes: impl AsRef<[u8]>) {
        writeln!(self.0, "{name} = {}", hex::encode(bytes)).unwrap();
    }

    fn text(&mut self, name: &str, text: impl core::fmt::Display) {
        writeln!(self.0, "{name} = \"{text}\"").unwrap();
    }

    /// Compares with the file, comments and empty lines aside.
    fn are(&self, file: &str) {
        let lines = file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let names = |line: &str| line.split(" = ").next().map(str::to_owned);
        let (want, ours): (Vec<_>, Vec<_>) = (lines.collect(), self.0.lines().collect());
        for (want, ours) in want.iter().zip(&ours) {
            assert_eq!(names(want), names(ours), "the order of the values");
            assert!(want == ours, "differs from the vectors: {ours}");
        }
        assert_eq!(want.len(), ours.len(), "this test computed:\n{}", self.0);
    }
}

fn person(seed: u8) -> Identity {
    Identity::derive(&IdentitySeed::from_bytes([seed; 32]), 0)
}

fn place(byte: u8) -> QueueDescriptor {
    let entry =
        QueueEntry { relay: [byte; 32], write: [byte + 1; 32], host: "relay.example".into(), port: 4433 };
    QueueDescriptor::new(entry, None).unwrap()
}

#[test]
fn identity() {
    let mut vectors = Vectors::default();
    for (seed, index) in [(1, 0), (1, 1), (2, 0)] {
        let me = Identity::derive(&IdentitySeed::from_bytes([seed; 32]), index);
        vectors.hex("seed", [seed; 32]);
        vectors.text("index", index);
        vectors.hex("public", me.public().as_bytes());
        vectors.hex("fingerprint", me.public().fingerprint().0);
    }
    vectors.are(include_str!("vectors/identity.txt"));
}

#[test]
fn safety_number() {
    let mut vectors = Vectors::default();
    for (a, b) in [(1, 2), (2, 1), (1, 3)] {
        let number = SafetyNumber::of(person(a).public(), person(b).public());
        vectors.hex("seed a", [a; 32]);
        vectors.hex("seed b", [b; 32]);
        vectors.text("digits", number);
        vectors.text("qr", number.qr_payload());
    }
    vectors.are(include_str!("vectors/safety-number.txt"));
}

/// Ida (seed 01…) invites, Jon (seed 02…) joins.
fn first_contact(kind: InviteKind) -> (Vectors, [Session; 2]) {
    let (ida, jon, queue, reply) = (person(1), person(2), place(0x30), place(0x40));
    let mut vectors = Vectors::default();
    let terms = InviteTerms {
        kind,
        relay_key_hash: [0x20; 32],
        host: "relay.example",
        port: 4433,
        descriptor: &queue,
        name: "Ida",
        expires: Day(20_007),
    };
    let created = InviteKeys::create(&ida, &terms, &mut Counting(0)).unwrap();
    vectors.hex("descriptor", queue.write());
    vectors.text("link", &created.link);
    vectors.hex("fetch", created.link.fetch());
    vectors.hex("bundle cell", created.bundle.as_bytes());
    let bundle = Bundle::open(&created.link, &created.bundle, jon.public(), Day(20_000)).unwrap();
    let intro = Introduction { descriptor: reply, name: "Jon".into(), greeting: "hi".into() };
    let joined = join(&jon, &bundle, &intro, &mut Counting(0x80)).unwrap();
    let accepted = accept(&ida, &created.keys, &joined.cell, |_| false).unwrap();
    vectors.hex("reply descriptor", intro.descriptor.write());
    vectors.hex("handshake cell", joined.cell.as_bytes());
    vectors.hex("handshake id", accepted.id.0);
    vectors.hex("session id", joined.session.id().0);
    assert_eq!(joined.session.id(), accepted.session.id());
    (vectors, [joined.session, accepted.session])
}

#[test]
fn first_contact_one_time() {
    first_contact(InviteKind::OneTime).0.are(include_str!("vectors/first-contact-one-time.txt"));
}

#[test]
fn first_contact_address() {
    first_contact(InviteKind::Address).0.are(include_str!("vectors/first-contact-address.txt"));
}

/// What follows that one-time invite: Jon speaks twice, Ida misses the first, both take steps.
#[test]
fn ratchet() {
    // GEN-19.
    let mut vectors = Vectors::default();
    let (people, (_, mut sessions)) = ([person(2), person(1)], first_contact(InviteKind::OneTime));
    let says = [
        (0, Weight::Text, "one", false),
        (0, Weight::Quiet, "two", true),
        (1, Weight::Hello, "three", true),
        (0, Weight::Text, "four", true),
        (1, Weight::Text, "five", true),
    ];
    for (random, (from, weight, text, arrives)) in says.into_iter().enumerate() {
        let part = Part::single(text.as_bytes()).unwrap();
        let sealed = sessions[from].seal(&part, weight, &mut Counting(random as u8 * 0x10)).unwrap();
        sessions[from] = sealed.next;
        vectors.hex(text, sealed.cell.as_bytes());
        if arrives {
            let opened = sessions[1 - from].open(&people[1 - from], &sealed.cell, Millis(0)).unwrap();
            assert_eq!(*opened.part.content, text.as_bytes());
            vectors.text("epoch", opened.epoch);
            vectors.text("number", opened.seq);
            sessions[1 - from] = opened.next;
        }
    }
    vectors.are(include_str!("vectors/ratchet.txt"));
}

#[test]
fn recovery() {
    let (ida, jon) = (person(1), person(2));
    let mut vectors = Vectors::default();
    let key = RecoveryKey::generate(&mut Counting(0));
    let intro = RecoveryIntro { descriptor: place(0x50), reason: 1, ack_high: 7, ack_hash: [0x60; 32] };
    let (session, cell) = recover(&jon, ida.public(), &key, &intro, &mut Counting(0x80)).unwrap();
    let recovered = accept_recovery(&ida, jon.public(), core::slice::from_ref(&key), &cell).unwrap();
    vectors.hex("recovery key", key.write());
    vectors.hex("descriptor", intro.descriptor.write());
    vectors.hex("recovery cell", cell.as_bytes());
    vectors.hex("session id", session.id().0);
    assert_eq!(session.id(), recovered.session.id());
    vectors.are(include_str!("vectors/recovery.txt"));
}

#[test]
fn at_rest() {
    // AR-04, AR-06, AR-10.
    let mut vectors = Vectors::default();
    let at = RowRef { row: -2, schema: 3, clear: &[1, 2, 3] };
    for unlock in [Unlock::Passphrase("correct horse"), Unlock::Keyring(&[0x70; 32])] {
        let (header, dek) = StoreHeader::create(&unlock, KdfParams::FLOOR, &mut Counting(0)).unwrap();
        vectors.hex("header", header.write());
        vectors.hex("key of table 4, epoch 5", dek.row_key(4, 5).expose());
        let row = dek.row_key(4, 5).seal(&at, b"text", &mut Counting(0x80)).unwrap();
        vectors.hex("row", row);
    }
    vectors.are(include_str!("vectors/at-rest.txt"));
}

#[test]
fn backup_and_attachment() {
    // AR-16, AR-22.
    let mut vectors = Vectors::default();
    let words = BackupWords::generate(&mut Counting(0));
    vectors.text("words", words.words().collect::<Vec<_>>().join(" "));
    let file = seal_backup(&words, b"content", &mut Counting(0x80)).unwrap();
    vectors.text("file length", file.len());
    vectors.hex("file head and first 64 bytes of its chunk", &file[..33 + 64]);
    vectors.hex("tag", &file[file.len() - 16..]);
    let (key, shape) = (BlobKey::generate(&mut Counting(0)), BlobShape::of(7).unwrap());
    let chunk = key.seal_chunk(shape, 0, b"content", &mut Counting(0x80)).unwrap();
    vectors.hex("attachment key", key.expose());
    vectors.hex("first 64 bytes of chunk 0 of 1", &chunk[..64]);
    vectors.hex("tag", &chunk[chunk.len() - 16..]);
    vectors.are(include_str!("vectors/backup-and-attachment.txt"));
}
