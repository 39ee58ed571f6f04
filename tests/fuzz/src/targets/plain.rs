//! Decoders of codec and crypto that stand before no lock: layouts, links, words, stored states.
//!
//! Spec: docs/spec/README.md, "Notation". Invariant: what is accepted is written back the same.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};
use subrosa_codec::{Cell, Reader};
use subrosa_crypto::{
    BackupWords, Dek, Identity, IdentityPublic, IdentitySeed, InviteKeys, KdfParams, Link, QueueDescriptor,
    QueueEntry, RecoveryKey, Session, StoreHeader, Unlock,
};

use super::{Target, sealed};

pub(super) const TARGETS: &[Target] = &[
    Target { name: "reader", longest: 512, run: reader, seeds: reader_seeds },
    Target { name: "identity", longest: 1_300, run: identity, seeds: identity_seeds },
    Target { name: "descriptor", longest: 400, run: descriptor, seeds: descriptor_seeds },
    Target { name: "invite-keys", longest: 4_096, run: invite_keys, seeds: invite_seeds },
    Target { name: "recovery-key", longest: 64, run: recovery_key, seeds: recovery_seeds },
    Target { name: "link", longest: 300, run: link, seeds: link_seeds },
    Target { name: "words", longest: 300, run: words, seeds: words_seeds },
    Target { name: "store-header", longest: 256, run: store_header, seeds: header_seeds },
    Target { name: "session-state", longest: 16_384, run: session_state, seeds: session_seeds },
];

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([1; 32])
}

/// The first byte of each step says what is read from the rest.
fn reader(input: &[u8]) {
    let Some((count, rest)) = input.split_first() else { return };
    let (steps, bytes) = rest.split_at(rest.len().min(usize::from(*count)));
    let mut r = Reader::new(bytes);
    for step in steps {
        let before = r.remaining();
        let read = match step % 10 {
            0 => r.u8().map(|_| 1),
            1 => r.u16().map(|_| 2),
            2 => r.u32().map(|_| 4),
            3 => r.u64().map(|_| 8),
            4 => r.array::<32>().map(|_| 32),
            5 => r.take(usize::from(*step)).map(<[u8]>::len),
            6 => r.zeros(usize::from(*step) / 16).map(|()| usize::from(*step) / 16),
            7 => r.padded::<64>().map(|text| {
                assert!(text.len() <= 64);
                65
            }),
            8 => r.array_ref::<24>().map(|_| 24),
            _ => r.clone().finish().map(|()| 0),
        };
        let taken = before - r.remaining();
        match read {
            Ok(len) => assert_eq!(taken, len),
            // Fields of two parts may have consumed the first.
            Err(_) => assert!(taken <= 65),
        }
    }
    assert_eq!(Cell::parse(input).is_ok(), input.len() == subrosa_codec::CELL_LEN);
}

fn reader_seeds() -> Vec<Vec<u8>> {
    vec![(0..200).collect(), vec![8, 0, 1, 2, 3, 7, 7, 6, 9, 1, 2, 3]]
}

fn identity(input: &[u8]) {
    if let Ok(identity) = IdentityPublic::parse(input) {
        assert_eq!(identity.as_bytes(), input);
        assert_eq!(identity.fingerprint(), IdentityPublic::parse(input).unwrap().fingerprint());
    }
}

fn identity_seeds() -> Vec<Vec<u8>> {
    let person = Identity::derive(&IdentitySeed::from_bytes([1; 32]), 0);
    vec![person.public().as_bytes().to_vec()]
}

fn descriptor(input: &[u8]) {
    if let Ok(descriptor) = QueueDescriptor::parse(input) {
        let written = descriptor.write();
        // One byte is reserved: ignored on receipt, written as zero.
        assert_eq!((&written[..1], written[1], &written[2..]), (&input[..1], 0, &input[2..]));
        assert!(QueueDescriptor::parse(&written).unwrap() == descriptor);
    }
}

fn descriptor_seeds() -> Vec<Vec<u8>> {
    let entry = |host: &str| QueueEntry { relay: [1; 32], write: [2; 32], host: host.into(), port: 4433 };
    let two = QueueDescriptor::new(entry("relay.example"), Some(entry("::1"))).unwrap();
    let one = QueueDescriptor::new(entry("192.0.2.1"), None).unwrap();
    vec![one.write().to_vec(), two.write().to_vec()]
}

fn invite_keys(input: &[u8]) {
    if let Ok(keys) = InviteKeys::parse(input) {
        assert_eq!(keys.write().as_slice(), input);
    }
}

fn invite_seeds() -> Vec<Vec<u8>> {
    sealed::invites().map(|created| created.keys.write().to_vec()).collect()
}

fn recovery_key(input: &[u8]) {
    if let Ok(key) = RecoveryKey::parse(input) {
        assert_eq!(key.write().as_slice(), input);
    }
}

fn recovery_seeds() -> Vec<Vec<u8>> {
    vec![RecoveryKey::generate(&mut rng()).write().to_vec()]
}

/// A byte that says whether the checksum is made right, then the text in front of `#`, `#`, and the bytes behind it.
fn link(input: &[u8]) {
    let Some((mode, rest)) = input.split_first() else { return };
    let text = if mode & 1 == 0 {
        String::from_utf8_lossy(rest).into_owned()
    } else {
        let at = rest.iter().position(|byte| *byte == b'#').unwrap_or(rest.len());
        let (place, secret) = rest.split_at(at);
        let secret = secret.get(1..).unwrap_or_default();
        let sum: [u8; 32] = Sha256::digest(secret).into();
        format!("{}#{}", String::from_utf8_lossy(place), encoded(&[secret, &sum[..4]].concat()))
    };
    if let Ok(link) = Link::parse(&text) {
        let written = link.to_string();
        let again = Link::parse(&written).expect("its own form");
        assert_eq!(again.to_string(), written);
        assert_eq!((again.host(), again.port(), again.fetch()), (link.host(), link.port(), link.fetch()));
    }
}

/// base64url without padding.
fn encoded(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let word = three.iter().chain([&0; 2]).take(3).fold(0, |word, byte| word << 8 | u32::from(*byte));
        for digit in 0..=three.len() {
            text.push(DIGITS[(word >> (18 - 6 * digit)) as usize & 63] as char);
        }
    }
    text
}

fn link_seeds() -> Vec<Vec<u8>> {
    let made = |place: &str| {
        let secret = [&[0x11][..], &[9; 32], &[7; 32]].concat();
        [&[1][..], place.as_bytes(), b"#", &secret].concat()
    };
    let whole = sealed::invites().map(|created| [&[0][..], created.link.to_string().as_bytes()].concat());
    whole.chain([made("subrosa://relay.example:4433/i"), made("subrosa://[::1]:1/i")]).collect()
}

fn words(input: &[u8]) {
    let Ok(text) = core::str::from_utf8(input) else { return };
    if let Ok(words) = BackupWords::parse(text) {
        let written = words.words().collect::<Vec<_>>().join(" ");
        assert!(BackupWords::parse(&written).unwrap().expose() == words.expose());
    }
}

fn words_seeds() -> Vec<Vec<u8>> {
    vec![BackupWords::from_bytes(&[1; 32]).words().collect::<Vec<_>>().join(" ").into_bytes()]
}

/// The key is of the keyring: a passphrase costs a second by design, and its parameters are judged by `parse`.
fn store_header(input: &[u8]) {
    if let Ok(header) = StoreHeader::parse(input) {
        assert_eq!(header.write(), input);
        let _: Result<Dek, _> = super::through(|| header.open(&Unlock::Keyring(&[1; 32])));
    }
}

fn header_seeds() -> Vec<Vec<u8>> {
    let header =
        || StoreHeader::create(&Unlock::Keyring(&[1; 32]), KdfParams::FLOOR, &mut rng()).unwrap().0.write();
    vec![header(), super::through(header)]
}

fn session_state(input: &[u8]) {
    if let Ok(session) = Session::parse(input) {
        assert!(session.write().as_slice() == input, "not written back the same");
        sealed::use_state(&session);
    }
}

fn session_seeds() -> Vec<Vec<u8>> {
    sealed::states().iter().map(|state| state.mine.write().to_vec()).collect()
}
