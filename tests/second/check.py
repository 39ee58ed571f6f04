"""Checks the vectors that the Rust side made, and those that stand in the spec, by the second implementation alone."""

import hashlib
import itertools
import pathlib
import re
import sys

from subrosa import at_rest, cell, content, handshake, invite, mlkem, ratchet, recovery
from subrosa.identity import Identity, safety_number, safety_qr, safety_scan
from subrosa.primitives import Refused, ed25519_check, hchacha20, x25519_check, x25519_low_order, x_open
from tally import Tally

ROOT = pathlib.Path(__file__).resolve().parents[2]
VECTORS = ROOT / "crates/crypto/tests/vectors"
NOON = 20_000 * ratchet.DAY  # 2024-10-04


def vector(name):
    """The `name = value` lines of a file, in order; hex becomes bytes, quoted values text."""
    out = []
    for line in (VECTORS / name).read_text().splitlines():
        if line and not line.startswith("#"):
            key, value = line.split(" = ", 1)
            out.append((key, value[1:-1] if value.startswith('"') else bytes.fromhex(value)))
    return out


def groups(name, first):
    """A file whose values repeat from the name `first` on, as dicts."""
    out = []
    for key, value in vector(name):
        if key == first:
            out.append({})
        out[-1][key] = value
    return out


def up(first, n):
    """n bytes that count up."""
    return bytes((first + i) % 256 for i in range(n))


def identity(t):
    for v in groups("identity.txt", "seed"):
        own = Identity(v["seed"], int(v["index"]))
        t.same("public identity", own.public.raw, v["public"])
        t.same("fingerprint", own.public.fingerprint(), v["fingerprint"])


def safety(t):
    for v in groups("safety-number.txt", "seed a"):
        a, b = Identity(v["seed a"]).public, Identity(v["seed b"]).public
        t.same("safety digits", safety_number(a, b), v["digits"])
        t.same("safety code", safety_qr(a, b), v["qr"])
        t.holds("safety code scans", safety_scan(f"  {v['qr']}\n", a, b))
        t.holds("another code does not", not safety_scan(v["qr"][:-2] + "AA", a, b))


def ida_and_jon():
    return Identity(b"\x01" * 32), Identity(b"\x02" * 32)


def first_contact(t, name, kind):
    """Makes and opens everything of the file; returns the two starts."""
    v, (ida, jon) = dict(vector(name)), ida_and_jon()
    relay, descriptor = b"\x20" * 32, v["descriptor"]
    t.same("descriptor", invite.write_descriptor(invite.parse_descriptor(descriptor)), descriptor)
    made, bundle_cell = invite.create(ida, kind, (relay, "relay.example", 4433), ("Ida", descriptor, 20_007), up(0, 152))
    t.same("link", made.link.write(), v["link"])
    t.same("fetch", made.keys["fetch"], v["fetch"])
    t.same("bundle cell", bundle_cell, v["bundle cell"])
    link = invite.parse_link(f"\t{v['link']} \n")
    bundle = invite.open_bundle(link, v["bundle cell"], 20_000, jon.public)
    t.same("name", bundle.name, "Ida")
    says = (v["reply descriptor"], "Jon", "hi")
    hs_cell, start_j = handshake.join(jon, bundle, link.keys, says, up(0x80, 32))
    t.same("handshake cell", hs_cell, v["handshake cell"])
    joined = handshake.accept(ida, made, v["handshake cell"])
    t.same("handshake id", joined.hs_id, v["handshake id"])
    t.same("session id", (start_j.sid, joined.start.sid), (v["session id"],) * 2)
    t.same("what the joiner says", (joined.name, joined.greeting, joined.descriptor), ("Jon", "hi", says[0]))
    t.same("joiner", joined.identity.raw, jon.public.raw)
    t.same("repeat", t.refuses("the same cell again", handshake.HandshakeError,
                               lambda: handshake.accept(ida, made, hs_cell)), "repeat")
    return start_j, joined.start


def ratchet_file(t):
    start_j, start_i = first_contact(t, "first-contact-one-time.txt", invite.ONE_TIME)
    ida, jon = ida_and_jon()
    j, i = ratchet.Session(ratchet.J, start_j), ratchet.Session(ratchet.I, start_i)
    rows = vector("ratchet.txt")
    cells = dict((k, v) for k, v in rows if isinstance(v, bytes))
    numbers = [(int(rows[n][1]), int(rows[n + 1][1])) for n in range(len(rows)) if rows[n][0] == "epoch"]
    plan = [("one", j, None, None, "text"), ("two", j, i, ida, "quiet"), ("three", i, j, jon, "text"),
            ("four", j, i, ida, "text"), ("five", i, j, jon, "text")]
    for at, (text, sender, receiver, own, weight) in enumerate(plan):
        made = sender.seal(cell.Part(0, 1, text.encode()), weight, up(16 * at, 160))
        t.same(f"cell {text}", made, cells[text])
        if receiver:
            opened = receiver.open(cells[text], own, NOON)
            t.same(f"{text}, opened", (opened.part.content.decode(), (opened.epoch, opened.seq)), (text, numbers.pop(0)))
    t.same("all numbers used", numbers, [])
    t.same("one, late", i.open(cells["one"], ida, NOON).part.content, b"one")
    t.same("levels", (j.level, i.level), (ratchet.MUTUAL_PQ, ratchet.MUTUAL_PQ))


def recovery_file(t):
    v, (ida, jon) = dict(vector("recovery.txt")), ida_and_jon()
    t.same("recovery key", up(0, 36), v["recovery key"])
    key = recovery.Key(v["recovery key"])
    says = (v["descriptor"], 1, (7, b"\x60" * 32))
    made, start = recovery.recover(jon, ida.public, key, says, up(0x80, 32))
    t.same("recovery cell", made, v["recovery cell"])
    found = recovery.accept(ida, jon.public, [recovery.Key(bytes(36)), key], v["recovery cell"])
    t.same("session id", (start.sid, found.start.sid), (v["session id"],) * 2)
    t.same("hint", (found.reason, found.ack_high, found.ack_hash), (1, 7, b"\x60" * 32))
    t.same("another key", t.refuses("another key", recovery.RecoveryError, lambda: recovery.accept(
        ida, jon.public, [recovery.Key(bytes(36))], made)), "not ours")


def at_rest_file(t):
    rows = groups("at-rest.txt", "header")
    for v, by, secret in zip(rows, (("correct horse", 19 * 1024, 2, 1), b"\x70" * 32), ("correct horse", b"\x70" * 32)):
        header, store, dek = at_rest.create(by, up(0, 88))
        t.same("header", header, v["header"])
        t.same("unlocking", at_rest.unlock(v["header"], secret), (store, dek))
        key, ad = at_rest.row_key(dek, 4, 5), at_rest.row_ad(store, (4, -2, 5, 3), bytes([1, 2, 3]))
        t.same("key of the table", key, v["key of table 4, epoch 5"])
        t.same("row", at_rest.hedged(key, up(0x80, 24), ad, at_rest.pad_row(b"text")), v["row"])
        t.same("row, opened", at_rest.unpad_row(x_open(key, ad, v["row"])), b"text")


def backup_file(t):
    v, w = dict(vector("backup-and-attachment.txt")), up(0, 32)
    t.same("words", at_rest.words(w), v["words"])
    t.same("words, read", at_rest.read_words(v["words"].upper().replace(" ", "\n")), w)
    raw = at_rest.write_backup(w, b"content", up(0x80, 56))
    t.same("file length", str(len(raw)), v["file length"])
    t.same("file head", raw[:97], v["file head and first 64 bytes of its chunk"])
    tags = [value for key, value in vector("backup-and-attachment.txt") if key == "tag"]
    t.same("tag of the backup", raw[-16:], tags[0])
    t.same("backup, read", at_rest.read_backup(w, raw), b"content")
    chunks = at_rest.attachment(v["attachment key"], b"content", up(0x80, 24))
    t.same("chunk", (len(chunks), chunks[0][:64], chunks[0][-16:]), (1, v["first 64 bytes of chunk 0 of 1"], tags[1]))


def spelled(text):
    """Bytes as content.md writes them: `05…` repeats to the length of its head, so to the one choice that is well formed."""
    tokens = text.split()
    for sizes in itertools.product((16, 32, 36, 340), repeat=text.count("…")):
        left = iter(sizes)
        raw = b"".join(bytes.fromhex(x[:2]) * next(left) if x.endswith("…") else bytes.fromhex(x) for x in tokens)
        try:
            content.decode(raw)
            return raw
        except content.Malformed:
            continue
    raise ValueError(text)


def content_page(t):
    page = (ROOT / "docs/spec/content.md").read_text().split("## Vectors")[1]
    rows = re.findall(r"^\| (.+?) \| `([0-9a-f… ]+)` \|$", page, re.M)
    t.same("rows of the table", len(rows), 19)
    for name, text in rows:
        raw = spelled(text)
        try:
            fields, newer = content.parse(raw)
            t.same(f"content {name}", (content.write(fields), newer), (raw, False))
        except content.Malformed:
            t.same(f"content {name}", "malformed", "read")


def primitives(t):
    """What the spec asks of the primitives and the library may not do by itself."""
    low = [0, 1, 2**255 - 20, 325606250916557431795983626356110631294008115727848805560023387167927233504,
           39382357235489614581723060781553021112529911719440698176882885853963445705823]
    for n in low:
        t.holds("low order", x25519_low_order(n.to_bytes(32, "little")))
    for n in (2**255 - 19, 2**255 - 18, 2**255 + 9):
        t.refuses("not canonical", Refused, lambda n=n: x25519_check(n.to_bytes(32, "little")))
    for n in (0, 1, 2**255 - 20, 2**255 - 19, 2**255 - 18, 1 + 2**255, 2**255 + 2**255 - 20,
              55188659117513257062467267217118295137698188065244968500265048394206261417927):
        t.refuses("no public key", Refused, lambda n=n: ed25519_check(n.to_bytes(32, "little")))
    t.same("HChaCha20", hchacha20(up(0, 32), bytes.fromhex("000000090000004a0000000031415927")).hex(),
           "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc")
    seed = up(0, 64)
    ek = mlkem.public(seed)
    ct, ss = mlkem.encaps(ek, up(64, 32))
    t.same("ML-KEM", mlkem.decaps(seed, ct), ss)
    wrong = bytes([ct[0] ^ 1]) + ct[1:]
    t.same("implicit rejection", mlkem.decaps(seed, wrong), hashlib.shake_256(seed[32:] + wrong).digest(32))
    t.refuses("modulus check", mlkem.Refused, lambda: mlkem.check(b"\xff\xff" + ek[2:]))


def run():
    """(passed, failed)"""
    t = Tally()
    t.section("primitives", primitives)
    t.section("identity.txt", identity)
    t.section("safety-number.txt", safety)
    t.section("first-contact-one-time.txt", first_contact, "first-contact-one-time.txt", invite.ONE_TIME)
    t.section("first-contact-address.txt", first_contact, "first-contact-address.txt", invite.ADDRESS)
    t.section("ratchet.txt", ratchet_file)
    t.section("recovery.txt", recovery_file)
    t.section("at-rest.txt", at_rest_file)
    t.section("backup-and-attachment.txt", backup_file)
    t.section("content.md, the table of vectors", content_page)
    print(f"vectors: {t.passed} passed, {t.failed} failed")
    return t.passed, t.failed


if __name__ == "__main__":
    sys.exit(1 if run()[1] else 0)
