"""Parties that understand the same commands: the second implementation, the Rust example `peer`, and both at once."""

import subprocess

from subrosa import handshake, invite, ratchet, recovery
from subrosa.cell import Part
from subrosa.identity import Identity, Public, safety_number, safety_qr


class Disagreement(Exception):
    """The two implementations answered differently."""


class Err(Exception):
    """A party refused; the text is the error's name and what belongs to it."""


def word(x):
    if isinstance(x, (bytes, bytearray)):
        return x.hex() or "-"
    return str(x)


def unword(x):
    return b"" if x == "-" else bytes.fromhex(x)


def _camel(kind):
    return "".join(x[0].upper() + x[1:] for x in kind.split())


class RustPeer:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def call(self, *args):
        self.ask(*args)
        return self.hear(args[0])

    def ask(self, *args):
        self.process.stdin.write(" ".join(map(word, args)) + "\n")
        self.process.stdin.flush()

    def hear(self, command):
        verdict, _, rest = self.process.stdout.readline().rstrip("\n").partition(" ")
        if verdict == "err":
            raise Err(rest)
        if verdict != "ok":
            raise Disagreement(f"the Rust side ended at {command}")
        return rest.split()

    def end(self):
        self.process.stdin.close()
        self.process.wait(10)


class PythonPeer:
    """The same commands, see crates/crypto/examples/peer.rs."""

    def __init__(self):
        self.own, self.invite, self.sessions = None, None, {}

    def call(self, command, *args):
        try:
            answer = getattr(self, "do_" + command.replace("-", "_"))(*args)
        except ratchet.OpenError as e:
            raise Err(" ".join([e.kind, *([e.alarm] if e.alarm else []), *map(word, e.bad or ())])) from None
        except ratchet.SealError as e:
            raise Err(f"{e.kind} {self.sessions[args[0]].latch}" if e.kind == "Latched" else e.kind) from None
        except (handshake.HandshakeError, invite.InviteError) as e:
            raise Err(_camel(e.kind)) from None
        return [word(x) for x in answer or ()]

    def end(self):
        pass

    def do_identity(self, seed, index):
        self.own = Identity(seed, index)
        return [self.own.public.raw]

    def do_safety(self, a, b):
        a, b = Public(a), Public(b)
        return [safety_number(a, b).encode(), safety_qr(a, b)]

    def do_link(self, text):
        link = invite.parse_link(text.decode())
        return [link.kind, link.relay, link.host.encode(), link.port, link.keys["fetch"]]

    def do_invite(self, kind, *rest):
        relay, host, port, queue, name, expiry, rng = rest
        at, says = (relay, host.decode(), port), (name.decode(), queue, expiry)
        self.invite, cell = invite.create(self.own, kind, at, says, rng)
        return [self.invite.link.write(), cell]

    def _bundle(self, link, cell, today):
        link = invite.parse_link(link)
        return link, invite.open_bundle(link, cell, today, self.own.public)

    def do_bundle(self, link, cell, today):
        return [self._bundle(link, cell, today)[1].name.encode()]

    def do_join(self, session, *rest):
        link, cell, today, queue, name, greeting, rng = rest
        link, bundle = self._bundle(link, cell, today)
        says = (queue, name.decode(), greeting.decode())
        cell, start = handshake.join(self.own, bundle, link.keys, says, rng)
        self.sessions[session] = ratchet.Session(ratchet.J, start, link.kind == invite.ADDRESS)
        return [cell]

    def do_accept(self, session, cell):
        j = handshake.accept(self.own, self.invite, cell)
        self.sessions[session] = ratchet.Session(ratchet.I, j.start)
        return [j.hs_id, j.identity.raw, j.descriptor, j.name.encode(), j.greeting.encode()]

    def do_recover(self, session, *rest):
        peer, key, queue, reason, high, hash_, rng = rest
        key = recovery.Key(key)
        cell, start = recovery.recover(self.own, Public(peer), key, (queue, reason, (high, hash_)), rng)
        self.sessions[session] = ratchet.Session(ratchet.J, start)
        return [cell]

    def do_accept_recovery(self, session, peer, *rest):
        *keys, cell = rest
        r = recovery.accept(self.own, Public(peer), [recovery.Key(k) for k in keys], cell)
        self.sessions[session] = ratchet.Session(ratchet.I, r.start)
        return [r.key_id, r.descriptor, r.reason, r.ack_high, r.ack_hash]

    def do_seal(self, session, weight, *rest):
        index, count, content, rng = rest
        s = self.sessions[session]
        seq = s.next
        return [s.seal(Part(index, count, content), weight, rng), seq]

    def do_open(self, session, cell, now):
        o = self.sessions[session].open(cell, self.own, now)
        quiet = "true" if o.quiet else "false"
        return [o.seq, o.epoch, quiet, o.part.index, o.part.count, o.part.content, *map(_event, o.events)]

    def do_copy(self, session, to):
        self.sessions[to] = self.sessions[session].snapshot()

    def do_latch(self, session, alarm):
        self.sessions[session].set_latch(alarm)

    def do_allow(self, session):
        s = self.sessions[session]
        if not s.latch or s.allowed or s.latch == ratchet.OWN_ROLLBACK:
            raise Err("Nothing")
        s.allow()

    def do_age(self, session, now):
        return [f"Lost,{seq}" for seq in self.sessions[session].age(now)]

    def do_give_up(self, session, seq, now):
        if not self.sessions[session].give_up(seq, now):
            raise Err("Nothing")
        return [f"Lost,{seq}"]

    def do_state(self, session):
        s = self.sessions[session]
        try:
            s.may_seal(Part(0, 1, b""), "text")
            refusal = "-"
        except ratchet.SealError as e:
            refusal = e.kind
        role = "Inviter" if s.role == ratchet.I else "Joiner"
        return [s.sid, role, ratchet.LEVELS[s.level], s.latch or "-", s.next, s.low, s.high, s.unanswered, s.since, refusal]


def _event(event):
    return ",".join(map(str, event))


class Twin:
    """Two parties that must answer alike, down to the byte."""

    def __init__(self, python, rust):
        self.python, self.rust, self.answers = python, rust, 0

    def call(self, *args):
        found = []
        self.rust.ask(*args)  # it works while the other one does
        for answer in (lambda: self.python.call(*args), lambda: self.rust.hear(args[0])):
            try:
                found.append(("ok", answer()))
            except Err as e:
                found.append(("err", str(e)))
        if found[0] != found[1]:
            short = [word(a) if len(word(a)) < 90 else word(a)[:40] + "…" for a in args]
            said = [[(str(x)[:150] + "…") if len(str(x)) > 150 else x for x in f] for f in found]
            raise Disagreement(f"{' '.join(short)}\n  python: {said[0]}\n  rust:   {said[1]}")
        self.answers += 1
        verdict, answer = found[0]
        if verdict == "err":
            raise Err(answer)
        return answer

    def end(self):
        self.rust.end()
