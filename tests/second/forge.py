"""Authentic cells that break the rules: what somebody with the keys could make, and no honest client does."""

from subrosa import ratchet
from subrosa.cell import Header, Part, parse_header

LOW_ORDER = bytes(32)
NOT_CANONICAL = (2**255 - 19).to_bytes(32, "little")


class Forger(ratchet.Session):
    """A copy of a session whose header and body pass through `bend_header` and `bend_body`; `nonce` replaces the header's."""

    bend_header = bend_body = staticmethod(lambda raw: raw)
    nonce = None

    def may_seal(self, part, weight):
        """Nothing stops a forger."""

    def _header(self, quiet):
        return self.bend_header(super()._header(quiet))

    def _body_text(self, part):
        return self.bend_body(super()._body_text(part))

    def _nonce(self, prk, text):
        return self.nonce or super()._nonce(prk, text)


def forger(session):
    copy = session.snapshot()
    copy.__class__ = Forger
    return copy


def _fields(**changes):
    def change(raw):
        header = parse_header(raw)
        for name, value in changes.items():
            setattr(header, name, value(getattr(header, name)) if callable(value) else value)
        return Header.write(header)
    return change


def _bytes_at(offset, new):
    return lambda raw: raw[:offset] + new + raw[offset + len(new):]


def headers(session, rng):
    """name -> what is done to the header."""
    ack = session.rx_high()
    far = rng.choice([1, 2, 500, 999, 1000, 1001, 1002, 5000])
    return {
        "nothing": lambda raw: raw,
        "version 2": _fields(version=2),
        "version 0": _fields(version=0),
        "flags": _bytes_at(1, bytes([rng.randrange(256)])),
        "reserved": _bytes_at(2, b"\x07\x09"),
        "more reserved": _bytes_at(24, rng.randbytes(8)),
        "epoch + 2": _fields(epoch=lambda k: k + 2),
        "epoch + 1": _fields(epoch=lambda k: k + 1),
        "n ahead": _fields(n=lambda n: n + far),
        "n 1000 ahead": _fields(n=lambda n: n + 1000),
        "n 1001 ahead": _fields(n=lambda n: n + 1001),
        "pn 1000 and n": _fields(pn=lambda n: n + 999, n=1),
        "pn 1001 and n": _fields(pn=lambda n: n + 999, n=2),
        "n back": _fields(n=lambda n: max(0, n - rng.choice([1, 2, 3, 10]))),
        "n last": _fields(n=rng.choice([2**32 - 1, 2**32 - 2, 2**31])),
        "pn more": _fields(pn=lambda n: n + far),
        "pn less": _fields(pn=lambda n: max(0, n - 1)),
        "pn and n": _fields(pn=lambda n: n + far // 2, n=lambda n: n + far - far // 2),
        "pn last": _fields(pn=rng.choice([2**32 - 1, 2**32 - 2])),
        "pn zero": _fields(pn=0),
        "ack above": _fields(ack_high=ack + rng.choice([1, 2, 1000])),
        "ack low above high": _fields(ack_low=lambda low: ack + 1),
        "ack nothing": _fields(ack_high=0, ack_low=0),
        "ack nothing, sid": _fields(ack_high=0, ack_low=0, ack_hash=session.sid),
        "ack less": _fields(ack_high=max(ack - 1, 0), ack_low=0),
        "ack low": _fields(ack_low=ack),
        "ack hash": _fields(ack_hash=rng.randbytes(32)),
        "ack low and hash": _fields(ack_low=ack, ack_hash=rng.randbytes(32)),
        "prev": _fields(prev=rng.randbytes(32)),
        "prev is sid": _fields(prev=session.sid),
        "prev, second half": _fields(prev=lambda x: x[:16] + rng.randbytes(16)),
        "dh other": _fields(dh=rng.randbytes(31) + b"\x01"),
        "dh low": _fields(dh=LOW_ORDER),
        "dh not canonical": _fields(dh=NOT_CANONICAL),
        "ek other": _fields(ek=lambda ek: ek[:-1] + bytes([ek[-1] ^ 1])),
        "ek modulus": _fields(ek=lambda ek: b"\xff\xff\xff" + ek[3:]),
        "ct other": _fields(ct=lambda ct: ct[:500] + bytes([ct[500] ^ 1]) + ct[501:]),
    }


def bodies(rng):
    count, length = rng.choice([0, 1, 64, 65]), rng.choice([0, 1633, 1634, 1635, 65535])
    return {
        "count": _bytes_at(2, count.to_bytes(2, "little")),
        "index": _bytes_at(0, rng.choice([1, 63, 64]).to_bytes(2, "little")),
        "length": _bytes_at(4, length.to_bytes(2, "little")),
        "padding": _bytes_at(1639, b"\x01"),
        "full": lambda raw: raw[:4] + (1634).to_bytes(2, "little") + rng.randbytes(1634),
    }


def bend(session, rng):
    """(what was done, cell): one cell of a forger; the session stays as it is."""
    copy = forger(session)
    for _ in range(rng.choice([0, 0, 0, 1, 4])):
        copy.seal(Part(0, 1, b""), "control", rng.randbytes(160))
    table, where = (headers(session, rng), "bend_header") if rng.random() < 0.85 else (bodies(rng), "bend_body")
    what = rng.choice(sorted(table))
    setattr(copy, where, table[what])
    return what, copy.seal(Part(0, 1, b"forged"), rng.choice(["text", "control"]), rng.randbytes(160))
