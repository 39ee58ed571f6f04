"""docs/spec/handshake.md: the one cell from a joiner to an inviter, and the five keys that follow."""

import hashlib

from . import mlkem
from .identity import Public
from .invite import ONE_TIME, parse_descriptor
from .primitives import (CELL_LEN, Refused, aead0_open, aead0_seal, exp, ext, h, label, read_text, split, text_field, u32,
                         x25519, x25519_check, x25519_low_order, x25519_public, x_open, x_seal)

TEXT_LEN, PAYLOAD_LEN = 4056, 561


class HandshakeError(Exception):
    def __init__(self, kind):
        super().__init__(kind)
        self.kind = kind


class Start:
    """What a handshake or a recovery yields; ratchet.md, "Start". `secret` is r_J at J, None at I."""

    def __init__(self, sid, ck, r_public, ek_j, secret):
        self.sid, self.r_public, self.ek_j, self.secret = sid, r_public, ek_j, secret
        keys = exp(ext(sid, ck), "session/init", b"", 160)
        self.rk, self.ck0, self.hk0, self.hk1, self.hk2 = split(keys, 32, 32, 32, 32, 32)


def _payload(r_public, descriptor, name, greeting):
    # HS-02.
    for what, text, size in (("name", name, 64), ("greeting", greeting, 80)):
        if len(text.encode()) > size:
            raise HandshakeError(f"{what} too long")
    return (r_public + descriptor + text_field(name, 64) + text_field(greeting, 80) + bytes(2) + b"\x01" + bytes(40))


class Schedule:
    """The key schedule; both sides feed it the same values."""

    def __init__(self, head, bundle_hash, psk, secrets):
        # HS-03, HS-04.
        # head: version | type | prekey id | E | ct1 | ct2; secrets: dh2 | dh3 | ss1 | ss2
        self.t1 = h("hs/t1", head[:2], bundle_hash, head[2:])
        self.ka, self.ck1 = split(exp(ext(psk, secrets), "hs/1", self.t1, 64), 32, 32)

    def second(self, identity_j, box_a, dh1):
        self.t2 = h("hs/t2", self.t1, identity_j, box_a)
        self.kb, self.ck2 = split(exp(ext(self.ck1, dh1), "hs/2", self.t2, 64), 32, 32)

    def start(self, payload, box_b, ek_j, secret):
        return Start(h("hs/t3", self.t2, payload, box_b), self.ck2, payload[:32], ek_j, secret)


def join(own, bundle, keys, says, rng):
    """`keys`: the link's; `says`: (descriptor, name, greeting); rng: 32 bytes. Returns (cell, Start)."""
    # HS-01.
    blank = _payload(bytes(32), *says)
    context = hashlib.sha256(bundle.hash() + blank).digest()
    nonce, e, r_j, coins1, coins2 = split(exp(ext(rng, own.x), "rng/hedge", context, 152), 24, 32, 32, 32, 32)
    ct1, ss1 = mlkem.encaps(bundle.spk_k, coins1)
    ct2, ss2 = mlkem.encaps(bundle.identity.k, coins2)
    try:
        dh1, dh2, dh3 = x25519(own.x, bundle.spk_x), x25519(e, bundle.identity.x), x25519(e, bundle.spk_x)
    except Refused:
        raise HandshakeError("refused") from None
    head = b"\x01\x01" + u32(bundle.prekey) + x25519_public(e) + ct1 + ct2
    schedule = Schedule(head, bundle.hash(), keys["psk"], dh2 + dh3 + ss1 + ss2)
    box_a = aead0_seal(schedule.ka, schedule.t1, own.public.raw)
    schedule.second(own.public.raw, box_a, dh1)
    payload = _payload(x25519_public(r_j), *says)
    box_b = aead0_seal(schedule.kb, schedule.t2, payload)
    cell = x_seal(keys["handshake-key"], nonce, label("hs/seal"), head + box_a + box_b)
    assert len(cell) == CELL_LEN
    return cell, schedule.start(payload, box_b, own.public.k, r_j)


class Joined:
    """What the inviter learns: identity, where to answer, name, greeting, and the session's start."""

    def __init__(self, hs_id, identity, payload, start):
        _, self.descriptor, name, greeting, _, version, _ = split(payload, 32, 340, 65, 81, 2, 1, 40)
        self.hs_id, self.identity, self.start = hs_id, identity, start
        self.queue, self.name, self.greeting = parse_descriptor(self.descriptor), read_text(name), read_text(greeting)
        if x25519_low_order(payload[:32]):
            raise Refused
        self.newer = version[0] > 1


def accept(own, invite, cell):
    """The inviter's side. Nothing of `invite` changes unless it succeeds."""
    try:
        text = x_open(invite.keys["handshake-key"], label("hs/seal"), cell)
    except Refused:
        raise HandshakeError("not ours") from None
    if text[0] != 1:
        raise HandshakeError("newer version")
    head, box_a, box_b = split(text, 2214, 1265, 577)
    e, ct1, ct2 = split(head[6:], 32, 1088, 1088)
    if head[1] != 1 or int.from_bytes(e, "little") >= 2**255 - 19:
        raise HandshakeError("refused")
    # HS-20.
    hs_id = h("hs/id", e, ct1, ct2)
    if hs_id in invite.accepted:
        raise HandshakeError("repeat")
    prekey = invite.prekeys.get(int.from_bytes(head[2:6], "little"))
    if prekey is None or invite.keys["psk"] is None:
        raise HandshakeError("spent")
    try:
        joined = _unbox(own, invite, prekey, (hs_id, head, box_a, box_b))
    except Refused:
        raise HandshakeError("refused") from None
    if joined.newer:
        raise HandshakeError("newer version")
    invite.accepted.add(hs_id)
    if invite.kind == ONE_TIME:
        invite.burn()
    return joined


def _unbox(own, invite, prekey, parts):
    (_, bundle_hash, spk_x, spk_k), (hs_id, head, box_a, box_b) = prekey, parts
    e, ct1, ct2 = split(head[6:], 32, 1088, 1088)
    secrets = x25519(own.x, e) + x25519(spk_x, e) + mlkem.decaps(spk_k, ct1) + mlkem.decaps(own.k, ct2)
    schedule = Schedule(head, bundle_hash, invite.keys["psk"], secrets)
    identity = Public(aead0_open(schedule.ka, schedule.t1, box_a))
    if identity.raw == own.public.raw:
        raise Refused
    schedule.second(identity.raw, box_a, x25519(spk_x, identity.x))
    payload = aead0_open(schedule.kb, schedule.t2, box_b)
    x25519_check(payload[:32])
    return Joined(hs_id, identity, payload, schedule.start(payload, box_b, identity.k, None))
