"""docs/spec/cell.md: the cell of the ratchet, its header and its body, and how a content is cut into parts."""

from dataclasses import dataclass

from .primitives import Refused, h, split, u8, u16, u32

HEADER_LEN, SEALED_HEADER_LEN, BODY_LEN, SEALED_BODY_LEN = 2400, 2440, 1640, 1656
PART_LEN, MAX_PARTS = 1634, 64


@dataclass
class Header:
    """As it is written; `version`, `flags` and the rest are checked by the ratchet, after the tag."""

    quiet: bool
    epoch: int
    n: int
    pn: int
    ack_high: int
    ack_low: int
    prev: bytes
    ack_hash: bytes
    dh: bytes
    ek: bytes
    ct: bytes
    version: int = 1

    def write(self):
        counts = b"".join(u32(x) for x in (self.epoch, self.n, self.pn, self.ack_high, self.ack_low))
        out = u8(self.version) + u8(1 if self.quiet else 0) + bytes(2) + counts + bytes(8)
        return out + self.prev + self.ack_hash + self.dh + self.ek + self.ct


def parse_header(raw):
    # CEL-06.
    version, flags, _, *counts, _, prev, ack_hash, dh, ek, ct = split(
        raw, 1, 1, 2, 4, 4, 4, 4, 4, 8, 32, 32, 32, 1184, 1088)
    counts = (int.from_bytes(x, "little") for x in counts)
    return Header(bool(flags[0] & 1), *counts, prev, ack_hash, dh, ek, ct, version[0])


def cell_hash(sealed_header):
    # CEL-05.
    return h("cell/hash", sealed_header)


@dataclass(frozen=True)
class Part:
    index: int
    count: int
    content: bytes

    def valid(self):
        return 1 <= self.count <= MAX_PARTS and 0 <= self.index < self.count and len(self.content) <= PART_LEN

    def write(self):
        return u16(self.index) + u16(self.count) + u16(len(self.content)) + self.content.ljust(PART_LEN, b"\x00")


def parse_part(raw):
    # CEL-13.
    index, count, length = (int.from_bytes(raw[i:i + 2], "little") for i in (0, 2, 4))
    part = Part(index, count, raw[6:6 + length])
    if len(raw) != BODY_LEN or length > PART_LEN or not part.valid() or any(raw[6 + length:]):
        raise Refused
    return part


def cut(content):
    """The parts of a content; an empty one is one empty part."""
    # CEL-10.
    if len(content) > MAX_PARTS * PART_LEN:
        raise ValueError("longer than 64 parts: send an attachment")
    pieces = [content[i:i + PART_LEN] for i in range(0, len(content), PART_LEN)] or [b""]
    return [Part(i, len(pieces), piece) for i, piece in enumerate(pieces)]


class Assembly:
    """Puts parts together by their numbers in one session."""

    def __init__(self):
        self.parts = {}

    def add(self, seq, part):
        """The content that this part completes, or None."""
        first = seq - part.index
        if first < 0:
            return None
        self.parts[seq] = part
        all_of_it = [self.parts.get(first + i) for i in range(part.count)]
        if any(p is None or p.count != part.count or p.index != i for i, p in enumerate(all_of_it)):
            return None
        for i in range(part.count):
            del self.parts[first + i]
        return b"".join(p.content for p in all_of_it)
