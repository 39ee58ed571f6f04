"""Contents that are read, newer, or malformed: one of each rule of content.md."""

from subrosa import content
from subrosa.content import encode
from subrosa.invite import write_descriptor

ID, OTHER = b"\x11" * 16, b"\x22" * 16
QUEUE = write_descriptor([(b"\x05" * 32, b"\x06" * 32, 4190, "relay.example")])


def item(hexes):
    return bytes.fromhex(hexes.replace(" ", ""))


def nested(depth):
    value = 0
    for _ in range(depth):
        value = [value]
    return value


def messages():
    """Fields of kinds with an id, name -> map."""
    file = {0: 7, 1: ID, 5: "a", 6: 65_496, 7: bytes(32), 8: 1, 9: bytes(32), 10: bytes(32), 11: bytes(32), 12: "h", 13: 1}
    text = {0: 1, 1: ID, 2: "hi"}
    return {
        "text": text, "text, longest": {**text, 2: "t" * 96_000}, "text, too long": {**text, 2: "t" * 96_001},
        "text, empty": {**text, 2: ""}, "text without id": {0: 1, 2: "hi"}, "text, id too short": {**text, 1: ID[1:]},
        "text, id of another type": {**text, 1: "1" * 16}, "text of bytes": {**text, 2: b"hi"}, "text, none": {0: 1, 1: ID},
        "text, answer": {**text, 3: b"\x01" + OTHER, 4: 1}, "text, answers nobody": {**text, 3: b"\x02" + OTHER},
        "text, reference too short": {**text, 3: OTHER}, "text, lifetime 0": {**text, 4: 0},
        "text, lifetime 2^32": {**text, 4: 2**32}, "text, lifetime null": {**text, 4: None},
        "text, unknown field": {**text, 200: {0: [1, -1, None, True, b"", ""]}}, "text, field 255": {**text, 255: 0},
        "file": file, "file, caption": {**file, 2: "c", 3: b"\x00" + ID, 4: 2**32 - 1}, "file, no caption": {**file, 2: ""},
        "file, longer than its chunks": {**file, 6: 65_497}, "file, 2^64 - 1": {**file, 6: 2**64 - 1},
        "file, no chunk": {**file, 8: 0, 6: 0}, "file, too many chunks": {**file, 8: 65_537}, "file, port 0": {**file, 13: 0},
        "file, port 65536": {**file, 13: 65_536}, "file, host empty": {**file, 12: ""}, "file, host": {**file, 12: "a/b"},
        "file, host too long": {**file, 12: "h" * 103}, "file, name of 255": {**file, 5: "n" * 255},
        "file, name of 256": {**file, 5: "n" * 256}, "file, no key": {k: v for k, v in file.items() if k != 9},
        "file without id": {k: v for k, v in file.items() if k != 1}, "file, empty": {**file, 6: 0, 5: ""},
    }


def others():
    """Kinds without an id."""
    receipt, timer, edit = {0: 5, 2: 1, 3: ID}, {0: 9, 2: 0, 3: 1}, {0: 2, 2: "ho", 3: ID, 4: 1}
    reaction = {0: 4, 2: "", 3: b"\x00" + ID, 4: 1}
    return {
        "edit": edit, "edit with id": {**edit, 1: ID}, "edit, revision 0": {**edit, 4: 0}, "edit, empty": {**edit, 2: ""},
        "edit, a reference": {**edit, 3: b"\x00" + ID}, "delete": {0: 3, 3: ID}, "delete nothing": {0: 3},
        "reaction": reaction, "reaction of 64": {**reaction, 2: "r" * 64}, "reaction of 65": {**reaction, 2: "r" * 65},
        "receipt": receipt, "receipt of 64": {**receipt, 3: ID * 64}, "receipt of 65": {**receipt, 3: ID * 65},
        "receipt of none": {**receipt, 3: b""}, "receipt of a half": {**receipt, 3: ID[1:]}, "receipt, 0": {**receipt, 2: 0},
        "receipt, 3": {**receipt, 2: 3}, "receipt, 3, with id": {**receipt, 1: ID, 2: 3}, "receipt, 300": {**receipt, 2: 300},
        "receipt, 3, of nothing": {0: 5, 2: 3}, "receipt, 3, of another type": {0: 5, 2: 3, 3: "x"},
        "receipt, null": {**receipt, 2: None}, "receipt with id": {**receipt, 1: ID}, "receipt, -1": {**receipt, 2: -1},
        "typing": {0: 6, 2: True}, "typing, stopped": {0: 6, 2: False}, "typing, 1": {0: 6, 2: 1}, "typing, none": {0: 6},
        "profile": {0: 8, 2: "n" * 64}, "profile of 65": {0: 8, 2: "n" * 65}, "profile, empty": {0: 8, 2: ""},
        "timer": timer, "timer, revision 0": {**timer, 3: 0}, "timer, 2^32": {**timer, 2: 2**32},
        "move": {0: 10, 2: QUEUE}, "move, too short": {0: 10, 2: QUEUE[1:]}, "move, no descriptor": {0: 10, 2: bytes(340)},
        "hello": {0: 11, 2: 1}, "hello, all": {0: 11, 2: 1, 3: QUEUE, 4: bytes(36)},
        "hello, key too short": {0: 11, 2: 1, 4: bytes(35)}, "hello, queue too short": {0: 11, 2: 1, 3: QUEUE[1:]},
        "hello, no descriptor": {0: 11, 2: 1, 3: b"\x05" * 340}, "hello with id": {0: 11, 1: ID, 2: 1},
        "confirm": {0: 11, 2: 2}, "confirm, a queue of another type": {0: 11, 2: 2, 3: "x"},
        "recovery": {0: 11, 2: 3, 4: bytes(36)}, "recovery without key": {0: 11, 2: 3},
        "replaced": {0: 11, 2: 4, 5: bytes(32)}, "replaced by nothing": {0: 11, 2: 4}, "close": {0: 11, 2: 5},
        "heartbeat": {0: 11, 2: 6}, "heartbeat, a key of another type": {0: 11, 2: 6, 4: 7}, "verb 0": {0: 11, 2: 0},
        "verb 7": {0: 11, 2: 7}, "verb 7 with id": {0: 11, 1: ID, 2: 7, 4: 1}, "verb 256": {0: 11, 2: 256},
        "no verb": {0: 11}, "verb of bytes": {0: 11, 2: b"\x01"}, "kind 0": {0: 0}, "kind 12": {0: 12},
        "kind 12 with id": {0: 12, 1: ID}, "kind 12, id too short": {0: 12, 1: ID[1:]}, "kind 65535": {0: 65_535, 9: [1]},
        "kind 65536": {0: 65_536}, "kind -1": {0: -1}, "no kind": {1: ID}, "nothing": {},
        "64 fields": {k if k else 0: 6 if k == 0 else True for k in (0, *range(2, 65))},
        "65 fields": {k if k else 0: 6 if k == 0 else True for k in (0, *range(2, 66))},
        "4 deep": {0: 12, 9: nested(4)}, "5 deep": {0: 12, 9: nested(5)}, "maps 4 deep": {0: 12, 9: {0: {1: {2: {3: 4}}}}},
        "maps 5 deep": {0: 12, 9: {0: {1: {2: {3: {4: 5}}}}}}, "every integer": {
            0: 12, 9: [23, 24, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**64 - 1, -1, -24, -25, -256, -257, -2**64]},
    }


ENCODINGS = {
    "kind not in its shortest form": "a2 00 1806 02 f5", "key not in its shortest form": "a2 1800 06 02 f5",
    "length not in its shortest form": "a3 00 01 01 50" + "11" * 16 + "02 7802 6869", "map not in its shortest form":
    "b802 00 06 02 f5", "an indefinite map": "bf 00 06 02 f5 ff", "an indefinite text": "a2 00 08 02 7f 61 61 ff",
    "an indefinite field": "a2 00 0c 09 9f ff", "a tag": "a2 00 0c 09 c0 00", "a half": "a2 00 0c 09 f9 0000",
    "a float": "a2 00 0c 09 fa 00000000", "a double": "a2 00 0c 09 fb 0000000000000000", "undefined": "a2 00 0c 09 f7",
    "a simple value": "a2 00 0c 09 e0", "a long simple value": "a2 00 0c 09 f8 ff", "a long true": "a2 00 0c 09 f8 15",
    "a reserved head": "a2 00 0c 09 1c", "a break": "a2 00 0c 09 ff", "keys descend": "a2 02 f5 00 06",
    "keys repeat": "a3 00 06 02 f5 02 f5", "a key of 256": "a2 00 0c 190100 00", "a key of 255": "a2 00 0c 18ff 00",
    "a key of text": "a2 00 0c 61 61 00", "a key of -1": "a2 00 0c 20 00", "inner keys descend": "a2 00 0c 09 a2 01 00 00 00",
    "inner keys repeat": "a2 00 0c 09 a2 01 00 01 00", "inner key of text": "a2 00 0c 09 a1 61 61 00",
    "something follows": "a2 00 06 02 f5 00", "cut in a value": "a2 00 06 02", "cut in a text": "a2 00 08 02 63 6161",
    "a length beyond the end": "a2 00 0c 09 5b ffffffffffffffff", "an array beyond the end": "a2 00 0c 09 9b 00000000ffffffff 00",
    "a map beyond the end": "bb 00000000ffffffff 00 06", "no UTF-8": "a2 00 08 02 62 c328", "overlong UTF-8":
    "a2 00 08 02 62 c0af", "a surrogate": "a2 00 08 02 63 eda080", "beyond Unicode": "a2 00 08 02 64 f4908080",
    "an array": "82 00 06", "a number": "06", "no byte": "",
}


def judged(raw):
    try:
        fields, newer = content.parse(raw)
    except content.Malformed:
        return "malformed"
    return "newer" if newer else f"kind {fields[0]}"


def cases():
    """name -> bytes."""
    out = {name: encode(fields) for name, fields in {**messages(), **others()}.items()}
    out |= {name: item(text) for name, text in ENCODINGS.items()}
    return out
