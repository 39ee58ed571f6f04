"""docs/spec/invite.md: queue descriptors, links, bundles, and what an inviter keeps."""

import base64
import binascii
import hashlib
import string

from . import mlkem
from .identity import Public
from .primitives import (Refused, ed25519_sign, ed25519_verify, exp, ext, h, hedged_nonce, label, read_text, split,
                         text_field, u8, u16, u32, x25519_check, x25519_public, x_open, x_seal)

ONE_TIME, ADDRESS = 1, 2
DESCRIPTOR_LEN = 340
HOST_SIGNS = set(string.ascii_letters + string.digits + ".-_:%")


class InviteError(Exception):
    """One of the errors that a user can act upon; `kind` is its name in the spec."""

    def __init__(self, kind):
        super().__init__(kind)
        self.kind = kind


def _host_ok(host):
    # INV-02.
    return 1 <= len(host) <= 102 and all(c in HOST_SIGNS for c in host)


# --- descriptor: a list of one or two entries (relay key hash, write capability, port, host) ---------------------------

def write_descriptor(entries):
    assert 1 <= len(entries) <= 2
    out = u8(len(entries)) + b"\x00"
    for relay, capability, port, host in entries:
        assert _host_ok(host) and 1 <= port <= 65535
        out += relay + capability + u16(port) + text_field(host, 102)
    return out.ljust(DESCRIPTOR_LEN, b"\x00")


def parse_descriptor(raw):
    # INV-01.
    if len(raw) != DESCRIPTOR_LEN or raw[0] not in (1, 2):
        raise Refused
    entries = []
    for i in range(2):
        entry = raw[2 + 169 * i:171 + 169 * i]
        if i >= raw[0]:
            if any(entry):
                raise Refused
            continue
        host, port = read_text(entry[66:]), int.from_bytes(entry[64:66], "little")
        if not _host_ok(host) or port == 0:
            raise Refused
        entries.append((entry[:32], entry[32:64], port, host))
    return entries


# --- keys --------------------------------------------------------------------------------------------------------------

def invite_secret(kind, public, salt):
    # INV-05.
    return h("invite/secret", u8(kind), public.raw, salt)


def invite_keys(relay, s):
    # INV-06.
    p = ext(relay, s)
    return {x: exp(p, "invite/" + x, b"", 32) for x in ("fetch", "bundle-key", "handshake-key", "psk")}


# --- link --------------------------------------------------------------------------------------------------------------

class Link:
    def __init__(self, kind, relay, s, host, port):
        self.kind, self.relay, self.s, self.host, self.port = kind, relay, s, host, port
        self.keys = invite_keys(relay, s)

    def write(self):
        raw = u8(0x10 | self.kind) + self.relay + self.s
        raw += hashlib.sha256(raw).digest()[:4]
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"subrosa://{host}:{self.port}/i#" + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _host_port(text):
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if bracketed:
        host = host[1:-1]
    if not colon or bracketed != (":" in host) or not _host_ok(host):
        raise InviteError("not a link")
    if not (port.isascii() and port.isdigit() and len(port) <= 5) or not 1 <= int(port) <= 65535:
        raise InviteError("not a link")
    return host, int(port)


def parse_link(text):
    # INV-11.
    text = text.strip()
    if not text.startswith("subrosa://"):
        raise InviteError("not a link")
    where, mark, encoded = text[len("subrosa://"):].partition("/i#")
    if not mark:
        raise InviteError("not a link")
    host, port = _host_port(where)
    try:
        if len(encoded) > 1024 or "=" in encoded or set(encoded) & set("+/"):
            raise ValueError
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), b"-_", validate=True)
        if base64.urlsafe_b64encode(raw).rstrip(b"=") != encoded.encode():
            raise ValueError
    except (ValueError, binascii.Error):
        raise InviteError("damaged") from None
    if len(raw) < 5 or hashlib.sha256(raw[:-4]).digest()[:4] != raw[-4:]:
        raise InviteError("damaged")
    if raw[0] >> 4 != 1 or raw[0] & 15 not in (ONE_TIME, ADDRESS):
        raise InviteError("newer version")
    if len(raw) != 69:
        raise InviteError("damaged")
    return Link(raw[0] & 15, raw[1:33], raw[33:65], host, port)


# --- bundle ------------------------------------------------------------------------------------------------------------

TEXT_LEN = 4056
SIGNED_LEN = 3992


class Bundle:
    """The plaintext of a bundle that passed every check of "Opening"."""

    def __init__(self, raw):
        (_, kind, identity, self.salt, prekey, expiry, self.spk_x, self.spk_k, descriptor, name, _, _, _,
         self.signature) = split(raw, 1, 1, 1249, 32, 4, 4, 32, 1184, 340, 65, 1, 2, 1077, 64)
        self.raw, self.kind = raw, kind[0]
        self.identity = Public(identity)
        self.prekey = int.from_bytes(prekey, "little")
        self.expiry = int.from_bytes(expiry, "little")
        x25519_check(self.spk_x)
        try:
            mlkem.check(self.spk_k)
        except mlkem.Refused:
            raise Refused from None
        self.descriptor, self.queue = descriptor, parse_descriptor(descriptor)
        self.name = read_text(name)

    def hash(self):
        return h("hs/bundle", self.raw)


def open_bundle(link, cell, today, own):
    """`own` is J's own public identity."""
    # INV-21.
    try:
        raw = x_open(link.keys["bundle-key"], label("bundle/seal"), cell)
        if len(raw) != TEXT_LEN:
            raise Refused
        if raw[0] != 1:
            raise InviteError("newer version")
        if raw[1] != link.kind:
            raise Refused
        identity = Public(raw[2:1251])
        if invite_secret(link.kind, identity, raw[1251:1283]) != link.s:
            raise Refused
        ed25519_verify(identity.ed, raw[SIGNED_LEN:], label("bundle/sign") + raw[:SIGNED_LEN])
        bundle = Bundle(raw)
    except Refused:
        raise InviteError("refused") from None
    if raw[2912] > 1:
        raise InviteError("newer version")
    if today > bundle.expiry + 1:
        raise InviteError("expired")
    if bundle.expiry > today + 15:
        raise InviteError("from the future")
    if bundle.identity.raw == own.raw:
        raise InviteError("own invite")
    return bundle


# --- the inviter -------------------------------------------------------------------------------------------------------

class Invite:
    """What the inviter keeps: one invite and every bundle published under it."""

    def __init__(self, identity, kind, relay, host, port, salt):
        self.identity, self.kind = identity, kind
        self.salt = salt
        self.link = Link(kind, relay, invite_secret(kind, identity.public, salt), host, port)
        self.keys = self.link.keys
        self.prekeys = {}  # prekey id -> (expiry, bundle hash, SPK_X secret, SPK_K seed), or None when erased
        self.accepted = set()

    def publish(self, name, descriptor, expiry, rng):
        """A bundle cell from 120 random bytes `SPK_X 32 | SPK_K seed 64 | r 24`."""
        spk_x, spk_k, r = split(rng, 32, 64, 24)
        prekey = len(self.prekeys) + 1
        b = (b"\x01" + u8(self.kind) + self.identity.public.raw + self.salt + u32(prekey) + u32(expiry)
             + x25519_public(spk_x) + mlkem.public(spk_k) + descriptor + text_field(name, 64) + b"\x01"
             + bytes(2 + 1077))
        assert len(b) == SIGNED_LEN
        b += ed25519_sign(self.identity.ed, label("bundle/sign") + b)
        self.prekeys[prekey] = (expiry, h("hs/bundle", b), spk_x, spk_k)
        ad, key = label("bundle/seal"), self.keys["bundle-key"]
        return x_seal(key, hedged_nonce(r, key, ad, b), ad, b)

    def burn(self):
        # INV-30.
        self.prekeys = {x: None for x in self.prekeys}
        self.salt = None
        self.keys = {**self.keys, "psk": None}


def create(identity, kind, at, bundle, rng):
    """`at`: (relay key hash, host, port); `bundle`: (name, descriptor, expiry day); rng: 152 bytes. Returns (invite, cell)."""
    invite = Invite(identity, kind, *at, rng[:32])
    return invite, invite.publish(*bundle, rng[32:])
