"""docs/spec/at-rest.md: the vault's header and rows, the 24 words, backups, attachments."""

import hashlib

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from mnemonic import Mnemonic

from .primitives import Refused, exp, ext, hedged_nonce, label, split, u8, u16, u32, u64, x_open, x_seal

PASSPHRASE, KEYRING = 1, 2
PIECE = 65_496
_WORDS = Mnemonic("english")


class AtRestError(Exception):
    def __init__(self, kind):
        super().__init__(kind)
        self.kind = kind


def hedged(key, r, ad, m):
    return x_seal(key, hedged_nonce(r, key, ad, m), ad, m)


def argon2(passphrase, salt, memory, passes, lanes):
    if not (19 * 1024 <= memory <= 1024**2 and 2 <= passes <= 16 and 1 <= lanes <= 4):
        raise Refused
    kdf = Argon2id(salt=salt, length=32, iterations=passes, lanes=lanes, memory_cost=memory)
    return kdf.derive(passphrase.encode())


# --- vault -------------------------------------------------------------------------------------------------------------

def pad_row(text):
    size = 128
    while size < 4 + len(text):
        size *= 2
    return (u32(len(text)) + text).ljust(size, b"\x00")


def unpad_row(raw):
    if len(raw) < 4:
        raise Refused
    text = raw[4:4 + int.from_bytes(raw[:4], "little")]
    if pad_row(text) != raw:
        raise Refused
    return text


def create(unlock, rng):
    """`unlock`: (passphrase, memory, passes, lanes), or the 32 bytes of the keyring; rng: `id 16 | DEK 32 | salt 16 | r 24`."""
    store, dek, salt, r = split(rng, 16, 32, 16, 24)
    if isinstance(unlock, bytes):
        clear = b"\x01\x02" + store + bytes(28)
        kek = unlock
    else:
        clear = b"\x01\x01" + store + b"".join(map(u32, unlock[1:])) + salt
        kek = argon2(unlock[0], salt, *unlock[1:])
    return clear + hedged(exp(kek, "store/kek", b"", 32), r, clear, dek), store, dek


def unlock(header, secret):
    """(store id, DEK); `secret`: a passphrase, or the 32 bytes of the keyring."""
    # AR-06.
    clear, sealed = split(header, 46, 72)
    if clear[0] != 1 or clear[1] != (KEYRING if isinstance(secret, bytes) else PASSPHRASE):
        raise Refused
    if isinstance(secret, bytes):
        kek = secret
    else:
        memory, passes, lanes = (int.from_bytes(clear[i:i + 4], "little") for i in (18, 22, 26))
        kek = argon2(secret, clear[30:], memory, passes, lanes)
    return clear[2:18], x_open(exp(kek, "store/kek", b"", 32), clear, sealed)


def row_key(dek, table, epoch):
    return exp(dek, "store/table", u8(table) + u32(epoch), 32)


def row_ad(store, place, clear):
    """place: (table, row id, key epoch, schema)"""
    # AR-10.
    table, row, epoch, schema = place
    return label("store/row") + store + u8(table) + row.to_bytes(8, "little", signed=True) + u32(epoch) + u16(schema) + clear


# --- words, backup -----------------------------------------------------------------------------------------------------

def words(w):
    # AR-14.
    return _WORDS.to_mnemonic(w)


def read_words(text):
    found = text.lower().split()
    if len(found) != 24:
        raise AtRestError(f"not 24 words but {len(found)}")
    for i, word in enumerate(found):
        if word not in _WORDS.wordlist:
            raise AtRestError(f"unknown word at position {i + 1}")
    if not _WORDS.check(" ".join(found)):
        raise AtRestError("checksum")
    return bytes(_WORDS.to_entropy(found))


def rounded(count):
    n = 1
    while True:
        for size in (n, n * 3 // 2):
            if count <= size:
                return size
        n *= 2


def write_backup(w, content, rng):
    """rng: `salt 32`, then `r 24` for each chunk."""
    # AR-22.
    salt, rng = rng[:32], rng[32:]
    key, count = exp(ext(salt, w), "backup/key", b"", 32), rounded(-(-(8 + len(content)) // PIECE))
    stream, out = (u64(len(content)) + content).ljust(count * PIECE, b"\x00"), b"\x01" + salt
    for i in range(count):
        ad = label("backup/key") + salt + u32(i) + u8(i == count - 1)
        out += hedged(key, rng[24 * i:24 * i + 24], ad, stream[PIECE * i:PIECE * (i + 1)])
    return out


def read_backup(w, raw):
    if not raw or raw[0] != 1:
        raise AtRestError("newer version" if raw else "not a complete backup")
    salt, chunks = raw[1:33], raw[33:]
    if not chunks or len(chunks) % 65_536:
        raise AtRestError("not a complete backup")
    key, count, stream = exp(ext(salt, w), "backup/key", b"", 32), len(chunks) // 65_536, b""
    for i in range(count):
        try:
            ad = label("backup/key") + salt + u32(i) + u8(i == count - 1)
            stream += x_open(key, ad, chunks[65_536 * i:65_536 * (i + 1)])
        except Refused:
            raise AtRestError("damaged" if i else "wrong words") from None
    length = int.from_bytes(stream[:8], "little")
    if length > len(stream) - 8 or count != rounded(-(-(8 + length) // PIECE)) or any(stream[8 + length:]):
        raise AtRestError("damaged")
    return stream[8:8 + length]


# --- attachments -------------------------------------------------------------------------------------------------------

def attachment(key, data, rs):
    """The chunks of a file; `rs`: 24 random bytes for each."""
    # AR-16.
    count = rounded(max(1, -(-len(data) // PIECE)))
    padded, out = data.ljust(count * PIECE, b"\x00"), []
    for i in range(count):
        chunk_key = exp(ext(bytes(32), key), "blob/chunk", u32(i) + u8(i == count - 1), 32)
        out.append(hedged(chunk_key, rs[24 * i:24 * i + 24], b"", padded[PIECE * i:PIECE * (i + 1)]))
    return out


def read_attachment(key, chunks, length, digest):
    count = len(chunks)
    if count != rounded(max(1, -(-length // PIECE))):
        raise AtRestError("shape")
    keys = [exp(ext(bytes(32), key), "blob/chunk", u32(i) + u8(i == count - 1), 32) for i in range(count)]
    try:
        data = b"".join(x_open(k, b"", c) for k, c in zip(keys, chunks))
    except Refused:
        raise AtRestError("damaged") from None
    if any(data[length:]) or hashlib.sha256(data[:length]).digest() != digest:
        raise AtRestError("damaged")
    return data[:length]
