"""Bundles, handshakes, recoveries and links that are sealed and signed as they should be, and still against the rules."""

import base64
import hashlib

from subrosa import handshake, invite, mlkem, recovery
from subrosa.primitives import (aead0_seal, ed25519_public, ed25519_sign, label, u32, x25519, x25519_public, x_open,
                                x_seal)

NOT_CANONICAL = (2**255 - 19).to_bytes(32, "little")
ORDER_8 = bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157")
LOW_ORDER = {"zero": bytes(32), "one": b"\x01" + bytes(31), "of order 8": ORDER_8}
SMALL_ED = b"\x01" + bytes(31)


def at(offset, new):
    """Replaces bytes at an offset."""
    def change(raw):
        assert offset + len(new) <= len(raw)
        return raw[:offset] + new + raw[offset + len(new):]
    return change


def same(raw):
    return raw


def reseal(cell, key, seal, change):
    """The text of a cell, changed and sealed again under its own nonce."""
    return x_seal(key, cell[:24], label(seal), change(x_open(key, label(seal), cell)))


# --- links -------------------------------------------------------------------------------------------------------------

def encode(raw):
    return base64.urlsafe_b64encode(raw + hashlib.sha256(raw).digest()[:4]).rstrip(b"=").decode()


def links(rng):
    """name -> text."""
    raw = b"\x11" + rng.randbytes(64)
    good, host = encode(raw), "relay.example:4433"
    tail = good[:-1] + chr(ord(good[-1]) ^ 1)
    texts = {
        "good": f"subrosa://{host}/i#{good}",
        "white space": f" \t\r\nsubrosa://{host}/i#{good}\n",
        "address": f"subrosa://{host}/i#{encode(bytes([0x12]) + raw[1:])}",
        "IPv6": f"subrosa://[fe80::1%eth0]:1/i#{good}",
        "longest host": f"subrosa://{'h' * 102}:65535/i#{good}",
        "host too long": f"subrosa://{'h' * 103}:1/i#{good}",
        "no host": f"subrosa://:1/i#{good}",
        "IPv6 without brackets": f"subrosa://::1:1/i#{good}",
        "brackets without IPv6": f"subrosa://[relay]:1/i#{good}",
        "half a bracket": f"subrosa://[::1:1/i#{good}",
        "sign in the host": f"subrosa://re/lay:1/i#{good}",
        "space in the host": f"subrosa://re lay:1/i#{good}",
        "port 0": f"subrosa://h:0/i#{good}",
        "port 65536": f"subrosa://h:65536/i#{good}",
        "port with a sign": f"subrosa://h:+1/i#{good}",
        "port with zeros": f"subrosa://h:00001/i#{good}",
        "port with six digits": f"subrosa://h:000001/i#{good}",
        "port of other digits": f"subrosa://h:٣/i#{good}",
        "no port": f"subrosa://h/i#{good}",
        "upper case": f"SUBROSA://{host}/i#{good}",
        "another scheme": f"https://{host}/i#{good}",
        "another path": f"subrosa://{host}/j#{good}",
        "nothing": "",
        "nothing encoded": f"subrosa://{host}/i#",
        "3 bytes": f"subrosa://{host}/i#AAAA",
        "a checksum alone": f"subrosa://{host}/i#{encode(b'')}",
        "one less": f"subrosa://{host}/i#{good[:-1]}",
        "one more": f"subrosa://{host}/i#{good}A",
        "padding": f"subrosa://{host}/i#{good}=",
        "other alphabet": f"subrosa://{host}/i#{good[:40]}+{good[41:]}",
        "space inside": f"subrosa://{host}/i#{good[:40]} {good[40:]}",
        "last sign": f"subrosa://{host}/i#{tail}",
        "typing error": f"subrosa://{host}/i#{good[:50]}{'B' if good[50] == 'A' else 'A'}{good[51:]}",
        "version 2": f"subrosa://{host}/i#{encode(bytes([0x21]) + raw[1:])}",
        "version 2, longer": f"subrosa://{host}/i#{encode(bytes([0x21]) + raw[1:] + bytes(40))}",
        "version 0": f"subrosa://{host}/i#{encode(bytes([0x01]) + raw[1:])}",
        "kind 3": f"subrosa://{host}/i#{encode(bytes([0x13]) + raw[1:])}",
        "kind 3, shorter": f"subrosa://{host}/i#{encode(bytes([0x13]) + raw[1:30])}",
        "shorter": f"subrosa://{host}/i#{encode(raw[:-1])}",
        "longer": f"subrosa://{host}/i#{encode(raw + bytes(3))}",
        "1,024 signs": f"subrosa://{host}/i#{encode(bytes([0x21]) + bytes(763))}",
        "1,028 signs": f"subrosa://{host}/i#{encode(bytes([0x21]) + bytes(766))}",
        "two marks": f"subrosa://{host}/i#{good}/i#{good}",
    }
    assert len(encode(bytes(764))) == 1024
    return texts


# --- bundles -----------------------------------------------------------------------------------------------------------

def bundles(own, made, cell):
    """name -> cell; `own` is the inviter, `made` their invite, `cell` an honest bundle. All have its nonce: for short patches."""
    key, ad = made.keys["bundle-key"], label("bundle/seal")
    b = x_open(key, ad, cell)

    def sealed(change, signer=own.ed):
        raw = change(b[:invite.SIGNED_LEN])
        return x_seal(key, cell[:24], ad, raw + ed25519_sign(signer, label("bundle/sign") + raw))

    def raw(change):
        return x_seal(key, cell[:24], ad, change(b))

    other = hashlib.sha256(b).digest()
    descriptor = 2507
    out = {
        "honest": cell, "signed again": sealed(same), "reserved": sealed(at(2915, b"\x01\x02")),
        "features": sealed(at(2913, b"\x01\x02")), "reserved of the descriptor": sealed(at(descriptor + 1, b"\x09")),
        "version 2": sealed(at(0, b"\x02")), "version 0": sealed(at(0, b"\x00")), "version 2, not signed": raw(at(0, b"\x02")),
        "min version 0": sealed(at(2912, b"\x00")), "min version 2": sealed(at(2912, b"\x02")),
        "min version 2, not signed": raw(at(2912, b"\x02")),
        "min version 2, bad name": sealed(lambda r: at(2847, b"\x41")(at(2912, b"\x02")(r))),
        "other kind": sealed(lambda r: at(1, bytes([3 - r[1]]))(r)), "kind 3": sealed(at(1, b"\x03")),
        "another signer": sealed(same, other),
        "another identity": sealed(at(3, ed25519_public(other)), other), "identity, version 2": sealed(at(2, b"\x02")),
        "identity, Ed25519 small": sealed(at(3, SMALL_ED)), "identity, X25519 not canonical": sealed(at(35, NOT_CANONICAL)),
        "identity, ML-KEM modulus": sealed(at(67, b"\xff\xff")), "salt": sealed(at(1251, b"\x00" * 32)),
        "SPK_X not canonical": sealed(at(1291, NOT_CANONICAL)), "SPK_X zero": sealed(at(1291, bytes(32))),
        "SPK_K modulus": sealed(at(1323, b"\xff\xff")),
        "descriptor, no entry": sealed(at(descriptor, b"\x00")), "descriptor, 3 entries": sealed(at(descriptor, b"\x03")),
        "descriptor, port 0": sealed(at(descriptor + 66, bytes(2))),
        "descriptor, host empty": sealed(at(descriptor + 68, b"\x00")),
        "descriptor, host too long": sealed(at(descriptor + 68, b"\x67")),
        "descriptor, sign in the host": sealed(at(descriptor + 69, b"/")),
        "descriptor, padding": sealed(at(descriptor + 170, b"\x01")),
        "name, length": sealed(at(2847, b"\x41")), "name, padding": sealed(at(2911, b"\x01")),
        "name, UTF-8": sealed(at(2847, b"\x01\xff\x00\x00")), "name empty": sealed(at(2847, bytes(65))),
        "expired": sealed(at(1287, u32(19_998))), "expired yesterday": sealed(at(1287, u32(19_999))),
        "in 15 days": sealed(at(1287, u32(20_015))), "in 16 days": sealed(at(1287, u32(20_016))),
        "never": sealed(at(1287, u32(2**32 - 1))), "expired, min version 2": sealed(
            lambda r: at(1287, u32(1))(at(2912, b"\x02")(r))),
    }
    signature = b[invite.SIGNED_LEN:]
    order = 2**252 + 27742317777372353535851937790883648493
    s = int.from_bytes(signature[32:], "little")
    out["signature, s not canonical"] = raw(at(invite.SIGNED_LEN + 32, (s + order).to_bytes(32, "little")))
    out["signature, R small"] = raw(at(invite.SIGNED_LEN, SMALL_ED))
    out["signature, a bit"] = raw(at(invite.SIGNED_LEN, bytes([signature[0] ^ 1])))
    out["not sealed"] = bytes(4096)
    return out


# --- handshakes --------------------------------------------------------------------------------------------------------

class Shaker:
    """An honest joiner but for the one change that each cell is made with. `draw` gives `nonce, e, r_J, coins1, coins2`."""

    def __init__(self, own, bundle, keys, draw):
        self.own, self.bundle, self.keys, self.draw = own, bundle, keys, draw
        self.says = (bundle.descriptor, "Jon", "hi")

    def cell(self, head=same, identity=same, payload=same, dh1=None, e=None, cts=same):
        """A handshake; every argument changes one part of it before it is sealed."""
        own, bundle = self.own, self.bundle
        nonce, secret, r_j, coins1, coins2 = self.draw()
        point = e if e is not None else x25519_public(secret)
        ct1, ss1 = mlkem.encaps(bundle.spk_k, coins1)
        ct2, ss2 = mlkem.encaps(bundle.identity.k, coins2)
        dh2, dh3 = (bytes(32),) * 2 if e is not None else (x25519(secret, bundle.identity.x), x25519(secret, bundle.spk_x))
        start = head(b"\x01\x01" + u32(bundle.prekey) + point + cts(ct1 + ct2))
        schedule = handshake.Schedule(b"\x01\x01" + start[2:], bundle.hash(), self.keys["psk"], dh2 + dh3 + ss1 + ss2)
        raw = identity(own.public.raw)
        box_a = aead0_seal(schedule.ka, schedule.t1, raw)
        schedule.second(raw, box_a, x25519(own.x, bundle.spk_x) if dh1 is None else dh1)
        text = payload(handshake._payload(x25519_public(r_j), *self.says))
        return self.seal(nonce, start + box_a + aead0_seal(schedule.kb, schedule.t2, text))

    def seal(self, nonce, text):
        return x_seal(self.keys["handshake-key"], nonce, label("hs/seal"), text)

    def again(self, cell, change=same):
        """The text of a cell, changed and sealed again."""
        nonce = hashlib.sha256(cell).digest()[:24]
        return self.seal(nonce, change(x_open(self.keys["handshake-key"], label("hs/seal"), cell)))


def handshakes(shaker, inviter):
    """name -> cell. The honest one is accepted by an address as often as it is new."""
    cell, honest = shaker.cell, shaker.cell()
    out = {
        "honest": honest, "repeat": honest, "repeat, sealed again": shaker.again(honest),
        "repeat, with another box": shaker.again(honest, at(2300, b"\x00" * 9)),
        "repeat, with an unknown prekey": shaker.again(honest, at(2, u32(99))),
        "version 2": cell(head=at(0, b"\x02")), "version 0": cell(head=at(0, b"\x00")),
        "version 2, type 9": cell(head=at(0, b"\x02\x09")), "type 2": cell(head=at(1, b"\x02")),
        "unknown prekey": cell(head=at(2, u32(99))), "prekey 0": cell(head=at(2, u32(0))),
        "E not canonical": cell(head=at(6, NOT_CANONICAL)),
        "E not canonical, unknown prekey": cell(head=at(2, u32(99) + NOT_CANONICAL)),
        "ct1 changed": cell(cts=at(5, b"\x01\x02\x03")), "ct2 changed": cell(cts=at(1100, b"\x01\x02\x03")),
        "identity of the inviter": cell(identity=lambda _: inviter.raw), "identity, version 2": cell(identity=at(0, b"\x02")),
        "identity, Ed25519 small": cell(identity=at(1, SMALL_ED)),
        "identity, X25519 not canonical": cell(identity=at(33, NOT_CANONICAL)),
        "identity, ML-KEM modulus": cell(identity=at(65, b"\xff\xff")),
        "identity, X25519 zero": cell(identity=at(33, bytes(32)), dh1=bytes(32)),
        "dh1 of another": cell(dh1=b"\x05" * 32),
        "R_J not canonical": cell(payload=at(0, NOT_CANONICAL)),
        "descriptor, count": cell(payload=at(32, b"\x07")), "descriptor, padding": cell(payload=at(371, b"\x01")),
        "name, length": cell(payload=at(372, b"\x41")), "name, padding": cell(payload=at(436, b"\x01")),
        "name, UTF-8": cell(payload=at(373, b"\xff")), "greeting, UTF-8": cell(payload=at(438, b"\xff")),
        "greeting, length": cell(payload=at(437, b"\x51")), "greeting, padding": cell(payload=at(517, b"\x01")),
        "features": cell(payload=at(518, b"\x01\x02")), "min version 0": cell(payload=at(520, b"\x00")),
        "min version 2": cell(payload=at(520, b"\x02")),
        "min version 2, bad name": cell(payload=lambda p: at(372, b"\x41")(at(520, b"\x02")(p))),
        "reserved": cell(payload=at(521, b"\x01" * 40)),
        "not sealed": bytes(4096),
    }
    for name, point in LOW_ORDER.items():
        out[f"E {name}"] = cell(e=point)
        out[f"R_J {name}"] = cell(payload=at(0, point))
    return out


# --- recoveries --------------------------------------------------------------------------------------------------------

def recoveries(own, peer, key, says, draw):
    """name -> cell; `own` comes back to `peer`. `draw` gives `nonce, e, r_J, coins`."""
    def cell(head=same, payload=same, e=None):
        nonce, secret, r_j, coins = draw()
        ct, ss = mlkem.encaps(peer.k, coins)
        start = head(b"\x01\x02" + key.id + (x25519_public(secret) if e is None else e) + ct)
        first = x25519(secret, peer.x) if e is None else bytes(32)
        t1, k, _ = recovery._schedule((peer, own.public), start, key.psk, first + x25519(own.x, peer.x) + ss)
        text = payload(recovery._payload(x25519_public(r_j), *says))
        return x_seal(key.seal, nonce, label("re/seal"), start + aead0_seal(k, t1, text))

    out = {
        "honest": cell(), "version 2": cell(head=at(0, b"\x02")), "version 2, type 9": cell(head=at(0, b"\x02\x09")),
        "type 1": cell(head=at(1, b"\x01")), "another id": cell(head=at(2, bytes([key.id[0] ^ 1]))),
        "E not canonical": cell(head=at(6, NOT_CANONICAL)),
        "ct changed": reseal(cell(), key.seal, "re/seal", at(100, b"\x01\x02\x03")),
        "R_J not canonical": cell(payload=at(0, NOT_CANONICAL)), "descriptor, count": cell(payload=at(32, b"\x07")),
        "reason 0": cell(payload=at(372, b"\x00")), "reason 255": cell(payload=at(372, b"\xff")),
        "min version 0": cell(payload=at(409, b"\x00")), "min version 2": cell(payload=at(409, b"\x02")),
        "padding": cell(payload=at(410, b"\x01")), "end of the padding": cell(payload=at(2913, b"\x01")),
        "min version 2, padding": cell(payload=at(409, b"\x02\x01")),
        "not sealed": bytes(4096),
    }
    for name, point in LOW_ORDER.items():
        out[f"E {name}"] = cell(e=point)
        out[f"R_J {name}"] = cell(payload=at(0, point))
    return out
