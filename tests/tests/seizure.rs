//! A seized folder, the relay's and a client's, searched byte for byte after a conversation.
//!
//! Spec: docs/security/threat-model.md, "The relay's operator, or whoever seizes the relay"; docs/spec/relay.md, "What a relay keeps"; docs/spec/at-rest.md.
//! Invariant: each needle is searched in a folder where it would be found (the control), before it is not found.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use subrosa_tests::{Binaries, Haystack, Person, RelayProcess, binaries, bytes_of_base64, eventually};

const BINARIES: Binaries = binaries!();

/// Words of the conversation that stand nowhere else.
const TEXTS: [&str; 3] = ["the raven lands at noon", "bring the blue umbrella", "burn after reading"];
const NAMES: [&str; 2] = ["Anastasia-Seized", "Bobbington-Seized"];
const GREETING: &str = "we met at the lighthouse";

/// Two people with a conversation behind them, one text still at the relay, one invite and one address out.
struct Seized {
    folder: tempfile::TempDir,
    relay: RelayProcess,
    ana: Person,
    bob: Person,
    /// Links that were handed out: of the invite that was used, of one that was not, of the address.
    links: Vec<String>,
}

impl Seized {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let relay = RelayProcess::start(BINARIES, &folder.path().join("relay"));
        let person =
            |at: &str, name: &str| Person::new(BINARIES, &folder.path().join(at), name, relay.address());
        let (ana, bob) = (person("ana", NAMES[0]), person("bob", NAMES[1]));
        let links = vec![ana.invite(), ana.invite(), bob.address()];
        bob.ok(&["add", &links[0]]);
        eventually("the handshake arrives", || ana.ok(&["status"]).all("contact").count() == 1);
        let eve = person("eve", "Eve");
        eve.ok(&["add", &links[2], "--greeting", GREETING]);
        eventually("the request arrives", || bob.ok(&["requests"]).all("request").count() == 1);
        ana.ok(&["send", NAMES[1], TEXTS[0]]);
        bob.hears(&[TEXTS[0]]);
        bob.ok(&["send", NAMES[0], TEXTS[1]]);
        ana.hears(&[TEXTS[1]]);
        Self { folder, relay, ana, bob, links }
    }

    fn fingerprint(person: &Person) -> String {
        person.ok(&["status"]).one("profile")["fingerprint"].as_str().unwrap().to_owned()
    }

    fn disclosed(&self) -> Value {
        let mut command = Command::new(BINARIES.relay);
        let output =
            command.args(["disclose", "--json", "--data"]).arg(self.relay.folder()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn bytes_of_hex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks_exact(2).map(byte).collect()
}

/// `needle` lies in no file of `folder`, and would be found if it did.
fn absent(folder: &Haystack, needle: &[u8], what: &str) {
    let control = tempfile::tempdir().unwrap();
    std::fs::write(control.path().join("control"), [b"..", needle, b".."].concat()).unwrap();
    assert_eq!(Haystack::of(control.path()).with(needle).len(), 1, "{what}: the search finds nothing");
    assert_eq!(folder.with(needle), Vec::<&Path>::new(), "{what} lies in the folder");
}

fn absent_in_every_writing(folder: &Haystack, secret: &[u8], what: &str) {
    absent(folder, secret, what);
    absent(folder, &secret[..16.min(secret.len())], what);
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    absent(folder, hex.as_bytes(), what);
    absent(folder, hex.to_uppercase().as_bytes(), what);
}

/// What a link holds: the secret, and all that it is in.
fn absent_link(folder: &Haystack, link: &str) {
    let encoded = link.split("/i#").nth(1).unwrap();
    absent(folder, link.as_bytes(), "a link");
    absent(folder, &encoded.as_bytes()[44..], "the secret of a link, as written");
    let bytes = bytes_of_base64(encoded);
    assert_eq!(bytes.len(), 69, "version and kind, relay key hash, secret, checksum");
    absent_in_every_writing(folder, &bytes[33..65], "the secret of a link");
}

#[test]
fn a_seized_relay_holds_no_name_text_identity_address_or_link() {
    // REL-59.
    let mut seized = Seized::new();
    seized.ana.ok(&["send", NAMES[1], TEXTS[2]]);
    let fingerprints = [&seized.ana, &seized.bob].map(Seized::fingerprint);
    let safety = seized.ana.ok(&["verify", NAMES[1]]).one("safety").clone();
    let port =
        seized.relay.address().split(':').nth(2).and_then(|rest| rest.split('/').next()).unwrap().to_owned();
    // A crash leaves more than a clean end.
    seized.relay.kill();
    let folder = &Haystack::of(seized.relay.folder());
    for text in
        TEXTS.iter().chain(&NAMES).chain(&[GREETING, "Eve", "subrosa://"]).filter(|text| text.len() >= 4)
    {
        absent(folder, text.as_bytes(), text);
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        absent(folder, &wide, text);
    }
    for fingerprint in &fingerprints {
        absent_in_every_writing(folder, &bytes_of_hex(fingerprint), "a fingerprint");
    }
    let number = safety["number"].as_str().unwrap();
    absent(folder, number.as_bytes(), "a safety number");
    absent(folder, number.replace(' ', "").as_bytes(), "a safety number");
    absent(folder, safety["qr"].as_str().unwrap().as_bytes(), "a safety number's QR code");
    // The QR code of a safety number holds both identities: none of its parts lies there.
    for link in &seized.links {
        absent_link(folder, link);
    }
    // Its own host and port stand in a file of their own, with nothing else in it. The clients came from the same
    // loopback address: that one lies nowhere beside.
    let own = seized.relay.folder().join("address");
    for needle in ["127.0.0.1".to_owned(), format!("{port}\n")] {
        assert_eq!(folder.with(needle.as_bytes()), [own.as_path()], "{needle}");
    }
    let kept = format!("subrosa relay address\nlisten 127.0.0.1:{port}\nhost named 127.0.0.1\n");
    assert_eq!(std::fs::read_to_string(&own).unwrap(), kept);
}

#[test]
fn everything_that_a_relay_stores_is_of_one_size_and_gone_once_it_was_delivered() {
    let mut seized = Seized::new();
    seized.ana.ok(&["send", NAMES[1], TEXTS[2]]);
    let long = "x".repeat(9_000);
    seized.ana.ok(&["send", NAMES[1], &long]);
    seized.relay.stop();
    let disclosed = seized.disclosed();
    let cells = disclosed["cells"].as_array().expect("cells").clone();
    assert!(cells.len() >= 4, "a short text and a long one: {disclosed}");
    for cell in &cells {
        assert_eq!(cell["bytes"], 4096, "{cell}");
    }
    // The first bytes of each, as the relay itself shows them, lie in its slab now.
    let heads: Vec<Vec<u8>> = cells.iter().map(|cell| bytes_of_hex(cell["head"].as_str().unwrap())).collect();
    let waiting = Haystack::of(seized.relay.folder());
    for head in &heads {
        assert!(head.len() >= 16);
        assert_eq!(waiting.with(head).len(), 1, "the control: a waiting cell is found");
    }
    seized.relay.restart();
    seized.bob.hears(&[TEXTS[2], &long]);
    seized.relay.kill();
    let delivered = Haystack::of(seized.relay.folder());
    for head in &heads {
        absent(&delivered, head, "a delivered cell");
    }
}

#[test]
fn a_seized_client_holds_nothing_in_the_clear() {
    // AR-13.
    let seized = Seized::new();
    let locked = Person::at(BINARIES, &seized.folder.path().join("locked"));
    let pass = seized.folder.path().join("pass");
    std::fs::write(&pass, "a passphrase of six plain words\n").unwrap();
    let key = ["--passphrase-file", pass.to_str().unwrap()];
    locked.ok(&["init", "--name", "Lockhart-Seized", key[0], key[1], "--relay", seized.relay.address()]);
    locked.ok(&["add", &seized.ana.invite(), key[0], key[1]]);
    seized.ana.ok(&["status"]);
    locked.ok(&["send", NAMES[0], TEXTS[2], key[0], key[1]]);
    let outcome = locked.ok(&["invite", key[0], key[1]]);
    let link = outcome.one("invite")["link"].as_str().unwrap().to_owned();
    let fingerprint =
        locked.ok(&["status", key[0], key[1]]).one("profile")["fingerprint"].as_str().unwrap().to_owned();

    let mut links = seized.links.clone();
    links.push(link);
    let host = seized.relay.address().split('/').nth(2).unwrap();
    for person in [&seized.ana, &seized.bob, &locked] {
        let folder = &Haystack::of(person.folder());
        for text in TEXTS.iter().chain(&NAMES).chain(&[GREETING, "Lockhart-Seized", "six plain words", host])
        {
            absent(folder, text.as_bytes(), text);
        }
        for link in &links {
            absent_link(folder, link);
        }
        absent(folder, seized.relay.address().as_bytes(), "the relay's address");
        absent_in_every_writing(folder, &bytes_of_hex(&fingerprint), "a fingerprint");
    }
    // Without a passphrase the key lies beside the vault, and nowhere else; with one there is none.
    assert!(seized.ana.folder().join("vault.key").exists());
    assert!(!locked.folder().join("vault.key").exists());
    let key = std::fs::read(seized.ana.folder().join("vault.key")).unwrap();
    assert_eq!(Haystack::of(seized.ana.folder()).with(&key), [seized.ana.folder().join("vault.key")]);
}
