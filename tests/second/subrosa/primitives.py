"""docs/spec/README.md: the primitives, labels and layout rules that every other page uses. Randomness is always an argument."""

import hashlib
import hmac
import struct

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

P = 2**255 - 19
CELL_LEN = 4096


class Refused(Exception):
    """Bytes that this page or a later one says to refuse; one value."""


def u8(x):
    return struct.pack("<B", x)


def u16(x):
    return struct.pack("<H", x)


def u32(x):
    return struct.pack("<I", x)


def u64(x):
    return struct.pack("<Q", x)


def label(x):
    text = b"subrosa/v1/" + x.encode("ascii")
    return u8(len(text)) + text


def h(x, *fields):
    return hashlib.sha256(label(x) + b"".join(fields)).digest()


def ext(salt, ikm):
    return hmac.digest(salt, ikm, "sha256")


def exp(prk, x, ctx, n):
    info, out, block, i = label(x) + ctx, b"", b"", 1
    while len(out) < n:
        block = hmac.digest(prk, block + info + bytes([i]), "sha256")
        out += block
        i += 1
    return out[:n]


def split(data, *sizes):
    """Cuts bytes into fields; the sizes must add up."""
    out, at = [], 0
    for size in sizes:
        out.append(data[at:at + size])
        at += size
    assert at == len(data), (at, len(data))
    return out


# --- AEAD ---------------------------------------------------------------------------------------------------------

def seal12(key, nonce, ad, m):
    return ChaCha20Poly1305(key).encrypt(nonce, m, ad)


def open12(key, nonce, ad, c):
    if len(c) < 16:
        raise Refused
    try:
        return ChaCha20Poly1305(key).decrypt(nonce, c, ad)
    except InvalidTag:
        raise Refused from None


def aead0_seal(key, ad, m):
    return seal12(key, bytes(12), ad, m)


def aead0_open(key, ad, c):
    return open12(key, bytes(12), ad, c)


SIGMA = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)


def hchacha20(key, nonce16):
    """The rounds alone: one block of ChaCha20 is rounds(state) + state, so the constant and nonce words are taken off again."""
    block = struct.unpack("<16I", Cipher(ChaCha20(key, nonce16), None).encryptor().update(bytes(64)))
    tail = struct.unpack("<4I", nonce16)
    words = [block[i] - SIGMA[i] for i in range(4)] + [block[12 + i] - tail[i] for i in range(4)]
    return struct.pack("<8I", *(w % 2**32 for w in words))


def x_seal(key, nonce, ad, m):
    assert len(nonce) == 24
    return nonce + seal12(hchacha20(key, nonce[:16]), bytes(4) + nonce[16:], ad, m)


def x_open(key, ad, sealed):
    if len(sealed) < 40:
        raise Refused
    nonce, c = sealed[:24], sealed[24:]
    return open12(hchacha20(key, nonce[:16]), bytes(4) + nonce[16:], ad, c)


def hedged_nonce(r, key, ad, m):
    assert len(r) == 24
    return exp(ext(r, key), "rng/hedge", hashlib.sha256(u64(len(ad)) + ad + m).digest(), 24)


# --- X25519 -------------------------------------------------------------------------------------------------------

def x25519_public(secret):
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def x25519_check(point):
    """A received u-coordinate has one encoding, below 2^255 - 19."""
    if len(point) != 32 or int.from_bytes(point, "little") >= P:
        raise Refused
    return point


def x25519(secret, point):
    x25519_check(point)
    try:
        return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(point))
    except ValueError:  # the library refuses the zero result by itself
        raise Refused from None


def x25519_low_order(point):
    """Whether every agreement with this point is zero: a clamped scalar is a multiple of the cofactor."""
    try:
        x25519(b"\x55" * 32, point)
    except Refused:
        return True
    return False


# --- Ed25519 ------------------------------------------------------------------------------------------------------

D = -121665 * pow(121666, P - 2, P) % P


def _decompress(point):
    """The canonical encoding of a point, as (x, y)."""
    n = int.from_bytes(point, "little")
    sign, y = n >> 255, n & (2**255 - 1)
    if len(point) != 32 or y >= P:
        raise Refused
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if (v * x * x - u) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (v * x * x - u) % P or (x == 0 and sign):
        raise Refused
    return (P - x if x % 2 != sign else x), y


def _double(point):
    x, y = point
    t = D * x * x % P * y % P * y % P
    return (2 * x * y * pow(1 + t, P - 2, P) % P, (y * y + x * x) * pow(1 - t, P - 2, P) % P)


def ed25519_check(point):
    """A canonical point that is not of small order."""
    p = _decompress(point)
    for _ in range(3):
        p = _double(p)
    if p == (0, 1):
        raise Refused
    return point


def ed25519_public(seed):
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def ed25519_sign(seed, text):
    return Ed25519PrivateKey.from_private_bytes(seed).sign(text)


def ed25519_verify(public, signature, text):
    """Strict: the library checks s and the equation without the cofactor, this function the two points."""
    if len(signature) != 64:
        raise Refused
    ed25519_check(public)
    ed25519_check(signature[:32])
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    except InvalidSignature:
        raise Refused from None


# --- fields -------------------------------------------------------------------------------------------------------

def text_field(text, size):
    """`length u8 | bytes`, zero padded; `size` is that of the bytes."""
    raw = text.encode("utf-8") if isinstance(text, str) else text
    if len(raw) > size:
        raise ValueError("text too long")
    return u8(len(raw)) + raw + bytes(size - len(raw))


def read_text(field):
    size, raw = field[0], field[1:]
    if size > len(raw) or any(raw[size:]):
        raise Refused
    try:
        return raw[:size].decode("utf-8")
    except UnicodeDecodeError:
        raise Refused from None
