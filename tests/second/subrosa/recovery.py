"""docs/spec/recovery.md: the one cell of a restored side, under a recovery key that its contact had sent."""

import hashlib

from . import mlkem
from .handshake import HandshakeError as RecoveryError
from .handshake import Start
from .invite import parse_descriptor
from .primitives import (Refused, aead0_open, aead0_seal, exp, ext, h, label, split, u32, x25519, x25519_low_order,
                         x25519_public, x_open, x_seal)

PAYLOAD_LEN, TYPE = 2914, 2
REASONS = {1: "restored", 2: "rollback", 3: "alarm"}


class Key:
    """`id u32 | key 32`, 36 random bytes."""

    def __init__(self, raw):
        assert len(raw) == 36
        self.raw, self.id = raw, raw[:4]
        p = ext(bytes(32), raw[4:])
        self.seal, self.psk = exp(p, "re/seal-key", b"", 32), exp(p, "re/psk", b"", 32)


def _payload(r_public, descriptor, reason, hint):
    """hint: (ack_high, ack_hash)"""
    # REC-12.
    out = r_public + descriptor + bytes([reason]) + u32(hint[0]) + hint[1] + b"\x01"
    return out.ljust(PAYLOAD_LEN, b"\x00")


def _schedule(identities, head, psk, secrets):
    # REC-14.
    t1 = h("re/t1", *(x.raw for x in identities), head)
    return t1, *split(exp(ext(psk, secrets), "re/1", t1, 64), 32, 32)


def recover(own, peer, key, says, rng):
    """The restored side (J); `says`: (descriptor, reason, (ack_high, ack_hash)). Returns (cell, Start)."""
    # REC-11.
    blank = _payload(bytes(32), *says)
    context = hashlib.sha256(key.id + peer.raw + blank).digest()
    nonce, e, r_j, coins = split(exp(ext(rng, own.x), "rng/hedge", context, 120), 24, 32, 32, 32)
    ct, ss = mlkem.encaps(peer.k, coins)
    head = b"\x01" + bytes([TYPE]) + key.id + x25519_public(e) + ct
    try:
        secrets = x25519(e, peer.x) + x25519(own.x, peer.x) + ss
    except Refused:
        raise RecoveryError("refused") from None
    t1, k, ck = _schedule((peer, own.public), head, key.psk, secrets)
    payload = _payload(x25519_public(r_j), *says)
    box = aead0_seal(k, t1, payload)
    cell = x_seal(key.seal, nonce, label("re/seal"), head + box)
    return cell, Start(h("re/t3", t1, payload, box), ck, x25519_public(r_j), own.public.k, r_j)


class Recovered:
    def __init__(self, payload, start):
        _, self.descriptor, reason, high, self.ack_hash, version, zeros = split(payload, 32, 340, 1, 4, 32, 1, 2504)
        self.queue, self.reason, self.start = parse_descriptor(self.descriptor), reason[0], start
        self.key_id = None
        self.ack_high, self.newer = int.from_bytes(high, "little"), version[0] > 1
        if any(zeros) or x25519_low_order(payload[:32]):
            raise Refused


def accept(own, peer, keys, cell):
    """The other side (I). The caller consumes both keys after a success."""
    for key in keys:
        try:
            text = x_open(key.seal, label("re/seal"), cell)
        except Refused:
            continue
        return _accept(own, peer, key, text)
    raise RecoveryError("not ours")


def _accept(own, peer, key, text):
    if text[0] != 1:
        raise RecoveryError("newer version")
    head, box = split(text, 1126, 2930)
    e, ct = head[6:38], head[38:]
    try:
        if head[1] != TYPE or head[2:6] != key.id:
            raise Refused
        secrets = x25519(own.x, e) + x25519(own.x, peer.x) + mlkem.decaps(own.k, ct)
        t1, k, ck = _schedule((own.public, peer), head, key.psk, secrets)
        payload = aead0_open(k, t1, box)
        found = Recovered(payload, Start(h("re/t3", t1, payload, box), ck, payload[:32], peer.k, None))
    except Refused:
        raise RecoveryError("refused") from None
    found.key_id = int.from_bytes(key.id, "little")
    if found.newer:
        raise RecoveryError("newer version")
    return found
