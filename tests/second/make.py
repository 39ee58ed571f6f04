"""Writes vectors/*.json for the Rust side to check (crates/crypto/tests/second.rs), or with --check compares them with the files.

One object of strings in a line, no escapes, so that a reader needs no JSON library. A cell against the rules is given as
a patch of an honest one, `offset:hex` in turn: all cells of a family share one nonce and one set of secrets, which only a
vector may do.
"""

import hashlib
import json
import pathlib
import random
import sys

from content_cases import cases, judged
from forge import Forger, bodies, forger, headers
from forge_contact import Shaker, bundles, handshakes, links, recoveries
from peers import Err, PythonPeer, unword
from subrosa import invite, ratchet, recovery
from subrosa.cell import Part
from subrosa.identity import Identity, safety_number, safety_qr
from subrosa.primitives import exp, ext, split

HERE = pathlib.Path(__file__).parent / "vectors"
NOW = 20_000 * ratchet.DAY


def up(first, n):
    return bytes((first + i) % 256 for i in range(n))


def sha(*cells):
    return hashlib.sha256(b"".join(cells)).hexdigest()


def queue(byte):
    return invite.write_descriptor([(bytes([byte]) * 32, bytes([byte + 1]) * 32, 4433, "relay.example")])


def patch(base, cell):
    """The runs in which two cells differ, joined over gaps of a few bytes."""
    runs = []
    for at in (i for i in range(len(base)) if base[i] != cell[i]):
        if runs and at - runs[-1][1] < 5:
            runs[-1][1] = at + 1
        else:
            runs.append([at, at + 1])
    return ",".join(f"{a}:{cell[a:b].hex()}" for a, b in runs)


def answer(peer, *command):
    try:
        return " ".join(peer.call(*command))
    except Err as e:
        return str(e)


# --- the files ---------------------------------------------------------------------------------------------------------

def identities():
    people = [Identity(bytes([10 + i]) * 32, index) for i, index in enumerate((0, 1, 7, 2**31, 2**32 - 1))]
    indices = (0, 1, 7, 2**31, 2**32 - 1)
    for i, (one, other) in enumerate(zip(people, people[1:] + people[:1])):
        a, b = one.public, other.public
        yield {"seed": (bytes([10 + i]) * 32).hex(), "index": str(indices[i]), "public": sha(a.raw),
               "fingerprint": a.fingerprint().hex(), "digits with the next": safety_number(a, b), "code": safety_qr(b, a)}


def all_links():
    peer = PythonPeer()
    for name, text in links(random.Random(1)).items():
        yield {"name": name, "text": text.encode().hex() or "-", "is": answer(peer, "link", text.encode())}


def contact_rows(kind):
    """First contact between seed 0a… (inviter) and 0b… (joiner), and what is against its rules."""
    ida, jon = PythonPeer(), PythonPeer()
    ida.call("identity", b"\x0a" * 32, 0)
    jon.call("identity", b"\x0b" * 32, 0)
    link, bundle = ida.call("invite", kind, b"\x20" * 32, b"relay.example", 4433, queue(0x30), b"Ida", 20_007, up(3, 152))
    bundle = unword(bundle)
    opened = invite.open_bundle(invite.parse_link(link), bundle, 20_000, jon.own.public)
    cell = unword(jon.call("join", "s", link, bundle, 20_000, queue(0x30), b"Jon", b"hi", up(0x83, 32))[0])
    yield {"name": f"kind {kind}", "what": "invite", "kind": str(kind), "link": link, "bundle": sha(bundle), "cell": sha(cell)}
    few = {"signed again", "other kind", "honest", "repeat, sealed again"} if kind == invite.ADDRESS else None
    for name, other in bundles(ida.own, ida.invite, bundle).items():
        if few and name not in few:
            continue
        yield {"name": name, "what": "bundle", "patch": patch(bundle, other),
               "is": answer(jon, "bundle", link, other, 20_000)}
    # The joiner's own draw, so that each cell differs from the honest one by little.
    payload = queue(0x30) + b"\x03Jon".ljust(65, b"\0") + b"\x02hi".ljust(81, b"\0") + b"\0\0\x01" + bytes(40)
    context = hashlib.sha256(opened.hash() + bytes(32) + payload).digest()
    draw = split(exp(ext(up(0x83, 32), jon.own.x), "rng/hedge", context, 152), 24, 32, 32, 32, 32)
    shaker = Shaker(jon.own, opened, ida.invite.keys, lambda: draw)
    assert shaker.cell() == cell
    for name, other in handshakes(shaker, ida.own.public).items():
        if few and name not in few:
            continue
        ida.invite = judge(ida.own, kind, name.startswith("repeat"), cell)
        said = answer(ida, "accept", "s", other)
        yield {"name": name, "what": "handshake", "patch": patch(cell, other), "is": said if len(said) < 20 else "taken"}


def judge(own, kind, after, cell):
    """The inviter as before, or after the honest handshake was accepted (at an address: nothing is erased)."""
    made, _ = invite.create(own, kind, (b"\x20" * 32, "relay.example", 4433), ("Ida", queue(0x30), 20_007), up(3, 152))
    if after:
        peer = PythonPeer()
        peer.own, peer.invite = own, made
        made.kind = invite.ADDRESS
        peer.call("accept", "s", cell)
    return made


def contacts():
    yield from contact_rows(invite.ONE_TIME)
    yield from contact_rows(invite.ADDRESS)


def all_recoveries():
    ida, jon, key = Identity(b"\x0a" * 32), Identity(b"\x0b" * 32), recovery.Key(up(9, 36))
    says = (queue(0x50), 2, (7, b"\x60" * 32))
    cell, start = recovery.recover(jon, ida.public, key, says, up(0x85, 32))
    yield {"name": "honest", "what": "recovery", "key": key.raw.hex(), "cell": sha(cell), "session": start.sid.hex()}
    blank = recovery._payload(bytes(32), *says)
    context = hashlib.sha256(key.id + ida.public.raw + blank).digest()
    draw = split(exp(ext(up(0x85, 32), jon.x), "rng/hedge", context, 120), 24, 32, 32, 32)
    peer = PythonPeer()
    peer.own = ida
    for name, other in recoveries(jon, ida.public, key, says, lambda: draw).items():
        assert name != "honest" or other == cell
        said = answer(peer, "accept-recovery", "s", jon.public.raw, up(1, 36), key.raw, other)
        yield {"name": name, "what": "case", "patch": patch(cell, other), "is": said if len(said) < 20 else "taken"}


class Chat:
    """Acts on named sessions, each noted with what it gave. Cells are named by their place in the list."""

    def __init__(self, kind):
        self.people = [PythonPeer(), PythonPeer()]
        self.kind, self.rows, self.cells, self.first = kind, [], [], 0
        for person, seed in zip(self.people, (b"\x0b", b"\x0a")):
            person.call("identity", seed * 32, 0)
        jon, ida = self.people
        link, bundle = ida.call("invite", kind, b"\x20" * 32, b"relay.example", 4433, queue(0x30), b"Ida", 20_007, up(3, 152))
        args = (link, unword(bundle), 20_000, queue(0x30), b"Jon", b"hi", up(0x83, 32))
        ida.call("accept", "s", unword(jon.call("join", "s", *args)[0]))
        self.rows.append({"act": "meet", "kind": str(kind)})

    def note(self, act, who, **rest):
        self.rows.append({"act": act, "who": str(who), **{k: str(v) for k, v in rest.items()}})

    def seal(self, who, weight="text", part=(0, 1, b""), session="s"):
        """The cell's number in the list, or None when it was refused."""
        self.first = (self.first + 1) % 256
        index, count, content = part
        said = answer(self.people[who], "seal", session, weight, index, count, content, up(self.first, 160))
        cell = unword(said.split()[0]) if len(said) > 8192 else None
        if cell:
            self.cells.append(cell)
        self.note("seal", who, session=session, weight=weight, index=index, count=count, content=content.hex() or "-",
                  random=self.first, **{"is": f"{sha(cell)} {said.split()[1]}" if cell else said})
        return len(self.cells) - 1 if cell else None

    def burst(self, who, n, weight):
        sealed = []
        for i in range(n):
            self.cells.append(unword(self.people[who].call("seal", "s", weight, 0, 1, b"", up(i, 160))[0]))
            sealed.append(self.cells[-1])
        self.note("burst", who, session="s", weight=weight, n=n, **{"is": sha(*sealed)})

    def open(self, who, cell, session="s"):
        said = answer(self.people[who], "open", session, self.cells[cell], NOW)
        self.note("open", who, session=session, cell=cell, **{"is": said})

    def do(self, who, command, *args):
        self.note("do", who, command=" ".join(map(str, (command, *args))), **{"is": answer(self.people[who], command, *args)})

    def forged(self, who, what):
        """An honest cell that nobody opens, and every forgery of it, as the other side answers to each."""
        sender, receiver = self.people[who].sessions["s"], self.people[1 - who]
        copy, rng = forger(sender), random.Random(what)
        base = self.seal(who, part=(0, 1, b"honest"))
        honest = self.cells[base]
        for table, where in ((headers(sender, rng), "bend_header"), (bodies(rng), "bend_body")):
            for name, change in table.items():
                one = copy.snapshot()
                one.nonce = honest[:24]
                setattr(one, where, change)
                random_bytes = up(self.first, 160)
                cell = Forger.seal(one, Part(0, 1, b"honest"), "text", random_bytes)
                receiver.call("copy", "s", "aside")
                said = answer(receiver, "open", "aside", cell, NOW)
                self.note("forged", 1 - who, name=f"{what}: {name}", cell=base, patch=patch(honest, cell), **{"is": said})
        return base


J, I = 0, 1


def turns(chat):
    """Ordinary talk, all weights, a step in each direction; forgeries at every state of the chart."""
    first = chat.forged(J, "called")
    second = chat.seal(J, "quiet", (1, 2, b"part"))
    chat.open(I, second)
    chat.forged(J, "called, ahead")
    chat.seal(I, part=(1, 1, b""))
    chat.seal(I, part=(0, 65, b""))
    chat.seal(I, part=(0, 1, bytes(1635)))
    hello = chat.forged(I, "calling")
    chat.open(J, hello)
    chat.open(J, hello)
    chat.open(I, first)
    chat.open(I, chat.forged(J, "leading"))
    chat.open(I, chat.seal(J, "control"))
    chat.open(J, chat.seal(I, "heartbeat", (0, 1, bytes(1634))))
    for who in (J, I, I, J, J, I):
        chat.open(1 - who, chat.seal(who))
    chat.forged(J, "a chat")
    chat.do(I, "state", "s")
    chat.do(J, "state", "s")


def copies(chat):
    """A copied state speaks, and a state goes back."""
    for who in (J, I, J, I):
        chat.open(1 - who, chat.seal(who))
    chat.do(J, "copy", "s", "copy")
    chat.open(I, chat.seal(J))
    chat.open(I, chat.seal(J, session="copy"))
    chat.do(I, "latch", "s", "Keys")
    chat.seal(I)
    chat.do(I, "allow", "s")
    chat.do(I, "allow", "s")
    chat.open(J, chat.seal(I), "copy")
    chat.open(J, len(chat.cells) - 1)
    chat.open(I, chat.seal(J, session="copy"))
    chat.do(J, "copy", "s", "s2")
    chat.do(J, "latch", "s", "OwnRollback")
    chat.do(J, "allow", "s")
    chat.seal(J)
    chat.open(I, chat.seal(J, "replaced"))
    chat.do(I, "state", "s")
    chat.do(J, "state", "s")


def silence(chat):
    """The window, keys for what is missing, and giving it up."""
    chat.open(J, chat.seal(I, "hello"))
    chat.burst(J, 900, "quiet")
    chat.seal(J, "quiet")
    chat.burst(J, 60, "text")
    chat.seal(J)
    chat.burst(J, 40, "control")
    last = len(chat.cells) - 1
    for weight in ratchet.WEIGHTS:
        chat.seal(J, weight)
    chat.open(I, last)
    for cell in (last - 1, last - 500, last - 999):
        chat.open(I, cell)
        chat.open(I, cell)
    chat.do(I, "give-up", "s", 17, NOW)
    chat.do(I, "give-up", "s", 17, NOW)
    chat.open(I, last - 999 + 17)
    chat.do(I, "state", "s")
    chat.open(J, chat.seal(I))
    chat.do(J, "state", "s")
    chat.seal(J)


def talk():
    for kind, story in ((invite.ONE_TIME, turns), (invite.ONE_TIME, copies), (invite.ADDRESS, silence)):
        chat = Chat(kind)
        if kind == invite.ADDRESS:
            chat.seal(J)
        story(chat)
        yield from chat.rows


def contents():
    for name, raw in cases().items():
        if len(raw) < 2000:
            yield {"name": name, "content": raw.hex() or "-", "is": judged(raw)}


FILES = {"identities": identities, "links": all_links, "contacts": contacts, "recoveries": all_recoveries, "ratchet": talk,
         "contents": contents}


def main(check):
    HERE.mkdir(exist_ok=True)
    wrong = 0
    for name, rows in FILES.items():
        lines = [json.dumps(row, ensure_ascii=True) for row in rows()]
        assert not any("\\" in line for line in lines)
        text, path = "[\n" + ",\n".join(lines) + "\n]\n", HERE / f"{name}.json"
        if not check:
            path.write_text(text)
        elif path.read_text() != text:
            print(f"FAILED vectors/{name}.json is not what make.py writes")
            wrong += 1
        print(f"vectors/{name}.json: {len(lines)} objects")
    return wrong


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
