"""docs/spec/content.md: what a message says, as one CBOR map with exactly one encoding. A content is a dict of key -> value."""

from .invite import HOST_SIGNS

MAX_LEN, MAX_FIELDS, MAX_NEST = 104_576, 64, 4
TEXT, EDIT, DELETE, REACTION, RECEIPT, TYPING, ATTACHMENT, PROFILE, TIMER, QUEUE_MOVE, CONTROL = range(1, 12)
HELLO, CONFIRM, RECOVERY, REPLACED, CLOSE, HEARTBEAT = range(1, 7)
U32 = 2**32 - 1


class Malformed(Exception):
    """Not the one encoding of a content of this page."""


# --- the encoding ------------------------------------------------------------------------------------------------------

def _head(major, n):
    for size, code in ((1, 24), (2, 25), (4, 26), (8, 27)):
        if size == 1 and n < 24:
            return bytes([major << 5 | n])
        if n < 1 << 8 * size:
            return bytes([major << 5 | code]) + n.to_bytes(size, "big")
    raise Malformed


def encode(value):
    if value is None or isinstance(value, bool):
        return {None: b"\xf6", False: b"\xf4", True: b"\xf5"}[value]
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, (bytes, bytearray)):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        raw = value.encode()
        return _head(3, len(raw)) + raw
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(map(encode, value))
    keys = sorted(value)
    if any(isinstance(k, bool) or not isinstance(k, int) or not 0 <= k <= 255 for k in keys):
        raise Malformed
    return _head(5, len(keys)) + b"".join(encode(k) + encode(value[k]) for k in keys)


class _Reader:
    def __init__(self, raw):
        self.raw, self.at = raw, 0

    def take(self, n):
        if n > len(self.raw) - self.at:
            raise Malformed
        self.at += n
        return self.raw[self.at - n:self.at]

    def head(self):
        # CON-04.
        first = self.take(1)[0]
        major, low = first >> 5, first & 31
        if low < 24 or major == 7:
            return major, low
        if low > 27:
            raise Malformed
        n = int.from_bytes(self.take(1 << low - 24), "big")
        if len(_head(major, n)) != 1 + (1 << low - 24):
            raise Malformed
        return major, n

    def item(self, depth):
        # CON-05.
        major, n = self.head()
        if major == 0:
            return n
        if major == 1:
            return -1 - n
        if major == 2:
            return self.take(n)
        if major == 3:
            try:
                return self.take(n).decode("utf-8")
            except UnicodeDecodeError:
                raise Malformed from None
        if major == 7 and n in (20, 21, 22):
            return {20: False, 21: True, 22: None}[n]
        if major not in (4, 5) or depth > MAX_NEST or n > len(self.raw) - self.at:
            raise Malformed
        return [self.item(depth + 1) for _ in range(n)] if major == 4 else self.map(n, depth)

    def map(self, n, depth):
        # CON-06.
        out, last = {}, -1
        for _ in range(n):
            major, key = self.head()
            if major != 0 or not last < key <= 255:
                raise Malformed
            out[key] = self.item(depth + 1)
            last = key
        return out


def decode(raw):
    """The map of a content; kinds and fields are not looked at."""
    # CON-07.
    reader = _Reader(raw)
    if not 1 <= len(raw) <= MAX_LEN:
        raise Malformed
    major, n = reader.head()
    if major != 5 or n > MAX_FIELDS:
        raise Malformed
    fields = reader.map(n, 0)
    if reader.at != len(raw):
        raise Malformed
    return fields


# --- the kinds ---------------------------------------------------------------------------------------------------------

def _is_unsigned(x):
    return isinstance(x, int) and not isinstance(x, bool) and x >= 0


def _unsigned(low, high):
    return lambda x: _is_unsigned(x) and low <= x <= high


def _text(low, high):
    return lambda x: isinstance(x, str) and low <= len(x.encode()) <= high


def _bytes(*sizes):
    return lambda x: isinstance(x, bytes) and len(x) in sizes


def _reference(x):
    # CON-11.
    return _bytes(17)(x) and x[0] in (0, 1)


def _host(x):
    return _text(1, 102)(x) and set(x) <= HOST_SIGNS


_descriptor, _recovery = _bytes(340), _bytes(36)  # whoever acts on them looks inside
REQUIRED, OPTIONAL = True, False
_REVISION, _TARGET = (REQUIRED, _unsigned(1, U32)), (REQUIRED, _bytes(16))
_REPLY, _LIFETIME = (OPTIONAL, _reference), (OPTIONAL, _unsigned(1, U32))
FIELDS = {
    TEXT: {2: (REQUIRED, _text(1, 96_000)), 3: _REPLY, 4: _LIFETIME},
    EDIT: {2: (REQUIRED, _text(1, 96_000)), 3: _TARGET, 4: _REVISION},
    DELETE: {3: _TARGET},
    REACTION: {2: (REQUIRED, _text(0, 64)), 3: (REQUIRED, _reference), 4: _REVISION},
    RECEIPT: {2: (REQUIRED, _is_unsigned), 3: (REQUIRED, _bytes(*range(16, 1025, 16)))},
    TYPING: {2: (REQUIRED, lambda x: isinstance(x, bool))},
    ATTACHMENT: {
        2: (OPTIONAL, _text(1, 96_000)), 3: _REPLY, 4: _LIFETIME, 5: (REQUIRED, _text(0, 255)),
        6: (REQUIRED, _is_unsigned), 7: (REQUIRED, _bytes(32)), 8: (REQUIRED, _unsigned(1, 65_536)),
        9: (REQUIRED, _bytes(32)), 10: (REQUIRED, _bytes(32)), 11: (REQUIRED, _bytes(32)), 12: (REQUIRED, _host),
        13: (REQUIRED, _unsigned(1, 65_535))},
    PROFILE: {2: (REQUIRED, _text(1, 64))},
    TIMER: {2: (REQUIRED, _unsigned(0, U32)), 3: _REVISION},
    QUEUE_MOVE: {2: (REQUIRED, _descriptor)},
    CONTROL: {2: (REQUIRED, _is_unsigned)},
}
VERBS = {
    HELLO: {3: (OPTIONAL, _descriptor), 4: (OPTIONAL, _recovery)},
    CONFIRM: {4: (OPTIONAL, _recovery)},
    RECOVERY: {4: (REQUIRED, _recovery), 6: (OPTIONAL, lambda value: isinstance(value, bool))},
    REPLACED: {5: (REQUIRED, _bytes(32))},
    CLOSE: {},
    HEARTBEAT: {},
}
WITH_ID = {TEXT, ATTACHMENT}


def _check(fields, rules):
    for key, (required, fits) in rules.items():
        if key in fields and not fits(fields[key]):
            raise Malformed
        if required and key not in fields:
            raise Malformed


def parse(raw):
    """`(fields, newer)`; newer: a number that this page does not know. Raises Malformed."""
    # CON-32.
    fields = decode(raw)
    _check(fields, {0: (REQUIRED, _unsigned(1, 65_535)), 1: (OPTIONAL, _bytes(16))})
    kind = fields[0]
    if kind not in FIELDS:
        return fields, True
    if kind in (RECEIPT, CONTROL):
        _check(fields, {2: FIELDS[kind][2]})
        if fields[2] not in ((1, 2) if kind == RECEIPT else VERBS):
            return fields, True
    if (kind in WITH_ID) != (1 in fields):
        raise Malformed
    _check(fields, FIELDS[kind])
    if kind == ATTACHMENT and fields[6] > fields[8] * 65_496:
        raise Malformed
    if kind == CONTROL:
        _check(fields, VERBS[fields[2]])
    return fields, False


def write(fields):
    raw = encode(fields)
    parse(raw)
    return raw


def quiet(fields):
    # CON-12.
    return fields[0] in (RECEIPT, TYPING) or (fields[0] == CONTROL and fields[2] != HELLO)
