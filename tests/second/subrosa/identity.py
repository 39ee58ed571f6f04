"""docs/spec/identity.md: three key pairs from one seed, fingerprint, safety number."""

import base64
import hmac

from . import mlkem
from .primitives import (Refused, ed25519_check, ed25519_public, exp, ext, h, u32, x25519_check, x25519_public)

PUBLIC_LEN = 1249


class Public:
    """A public identity that passed every check; `raw` is what was received."""

    def __init__(self, raw):
        if len(raw) != PUBLIC_LEN or raw[0] != 1:
            raise Refused
        self.raw, self.ed, self.x, self.k = raw, raw[1:33], raw[33:65], raw[65:]
        ed25519_check(self.ed)
        x25519_check(self.x)
        try:
            mlkem.check(self.k)
        except mlkem.Refused:
            raise Refused from None

    def fingerprint(self):
        return h("id/fingerprint", self.raw)


class Identity:
    def __init__(self, seed, index=0):
        assert len(seed) == 32
        prk = ext(bytes(32), seed)
        self.ed = exp(prk, "id/ed25519", u32(index), 32)
        self.x = exp(prk, "id/x25519", u32(index), 32)
        self.k = exp(prk, "id/ml-kem-768", u32(index), 64)
        raw = b"\x01" + ed25519_public(self.ed) + x25519_public(self.x) + mlkem.public(self.k)
        self.public = Public(raw)


def safety_hash(a, b):
    # ID-07.
    smaller, larger = sorted((a.raw, b.raw))
    return h("id/safety-number", smaller, larger)


def safety_number(a, b):
    # ID-08.
    digits = exp(safety_hash(a, b), "id/safety-digits", b"", 60)
    groups = (int.from_bytes(digits[i:i + 5], "big") % 100_000 for i in range(0, 60, 5))
    return " ".join(f"{g:05}" for g in groups)


QR = "subrosa-safety:1:"


def safety_qr(a, b):
    return QR + base64.urlsafe_b64encode(safety_hash(a, b)).rstrip(b"=").decode()


def safety_scan(text, a, b):
    """Whether a scanned code says that both devices see the same two identities."""
    text = text.strip()
    if not text.startswith(QR):
        raise Refused
    return hmac.compare_digest(text[len(QR):], safety_qr(a, b)[len(QR):])
