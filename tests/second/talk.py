"""One side Python, the other Rust: long conversations over a bad way, with everything that a client does about it.

Cells are lost, doubled and reordered; windows fill; sessions are lost and recovered. In the end every text has arrived,
once, and nothing waits any more.
"""

from peers import Err, unword
from subrosa import content
from subrosa.cell import Assembly, Part, cut
from twins import DAY, descriptor

PATIENCE = 4000


class Broken(Exception):
    """A conversation that did not go as the spec says."""


class Side:
    """A client around one peer: what is to be said, what was said and is not acknowledged, what was heard."""

    def __init__(self, name, peer, rng):
        self.name, self.peer, self.rng = name, peer, rng
        self.public = unword(peer.call("identity", rng.randbytes(32), 0)[0])
        self.session, self.draining, self.count = None, None, 0
        self.queue = []  # contents that wait to be sealed
        self.written = {}  # id -> bytes, for ever
        self.open_texts = {}  # the same, until acknowledged in their session
        self.outbox = {}  # (session, number) -> cell
        self.carries = {}  # (session, number) -> id of the text that ends here
        self.assemblies, self.level = {}, None
        self.heard = {}  # (session, id) -> bytes
        self.mute = False  # restored: no text before MutualPq
        self.answered = set()

    def begin(self, role, mute=False):
        """A new current session; the name under which the peer keeps it."""
        self.draining, self.count = self.session, self.count + 1
        self.session, self.mute, self.level = f"s{self.count}", mute, None
        self.role = role
        return self.session

    def write(self, text):
        raw = content.write({0: content.TEXT, 1: self.rng.randbytes(16), 2: text})
        text_id = content.parse(raw)[0][1]
        self.written[text_id] = self.open_texts[text_id] = raw
        self.queue.append(raw)

    def control(self, verb):
        fields = {0: content.CONTROL, 2: verb}
        if verb in (content.HELLO, content.CONFIRM):
            fields[4] = self.rng.randbytes(36)
        self.queue.insert(0, content.write(fields))

    def state(self):
        names = "sid role level latch next low high count since text".split()
        state = dict(zip(names, self.peer.call("state", self.session)))
        self.level = state["level"]
        if state["latch"] != "-":
            raise Broken(f"{self.name}: alarm {state['latch']}")
        for key in [k for k in self.outbox if k[0] == self.session and k[1] < int(state["low"])]:
            del self.outbox[key]
            self.open_texts.pop(self.carries.pop(key, None), None)
        return state

    def seal_next(self):
        """The first content that may be sealed now, as cells; none when it has to wait."""
        for raw in list(self.queue):
            fields, _ = content.parse(raw)
            if fields[0] == content.TEXT and self.mute and self.level != "MutualPq":
                continue
            parts, cells = cut(raw), []
            room = {"text": 960, "control": 1000, "hello": 1000}
            weight = "text" if fields[0] == content.TEXT else "hello" if fields[2] == content.HELLO else "control"
            state = self.state()
            if int(state["next"]) - int(state["low"]) + len(parts) > room[weight]:
                continue
            for part in parts:
                try:
                    cell, seq = self.peer.call("seal", self.session, weight, part.index, part.count, part.content,
                                               self.rng.randbytes(160))
                except Err as e:
                    if str(e) == "WaitForPeer":
                        return []
                    raise Broken(f"{self.name} may not seal: {e}") from None
                self.outbox[self.session, int(seq)] = unword(cell)
                cells.append(unword(cell))
            if fields[0] == content.TEXT:
                self.carries[self.session, int(seq)] = fields[1]
            self.queue.remove(raw)
            return cells
        return []

    def take(self, cell, now):
        """Opens a cell; False when it belongs to no session."""
        for session in filter(None, (self.session, self.draining)):
            try:
                seq, epoch, _, index, count, raw, *events = self.peer.call("open", session, cell, now)
            except Err as e:
                if str(e) == "NotOurs":
                    continue
                if str(e) in ("Duplicate", "Old"):
                    return True
                raise Broken(f"{self.name} can't open: {e}") from None
            if any(e.startswith(("Alarm", "OwnRollback")) for e in events):
                raise Broken(f"{self.name}: {events}")
            self.opened(session, (int(seq), int(epoch)), (int(index), int(count), unword(raw)))
            return True
        return False

    def opened(self, session, number, part):
        seq, epoch = number
        whole = self.assemblies.setdefault(session, Assembly()).add(seq, Part(*part))
        if session == self.session and epoch in (1, 2) and (session, epoch) not in self.answered:
            self.answered.add((session, epoch))
            self.control(content.CONFIRM)
        if whole is None:
            return
        fields, newer = content.parse(whole)
        if newer:
            raise Broken("a content of this version is newer")
        if fields[0] == content.TEXT:
            if (session, fields[1]) in self.heard:
                raise Broken(f"{self.name} heard something twice")
            self.heard[session, fields[1]] = whole

    def again(self):
        """Texts that were not acknowledged in a session that is over are sealed again, under the same id."""
        self.queue = [raw for raw in self.queue if content.parse(raw)[0][0] == content.TEXT]
        waiting = {content.parse(raw)[0][1] for raw in self.queue}
        self.queue += [raw for text_id, raw in self.open_texts.items() if text_id not in waiting]


class Talk:
    """Two sides and the way between them."""

    def __init__(self, sides, rng, bad):
        self.sides, self.rng, self.bad = sides, rng, bad  # bad: chance of loss and of doubling
        self.way = ([], [])  # cells on their way from each side
        self.first = None  # the handshake or recovery cell, until it is answered: (from, cell, how it is accepted)
        self.now, self.counts = 20_000 * DAY, {"sealed": 0, "delivered": 0, "lost": 0, "doubled": 0, "again": 0, "recovered": 0}

    def meet(self, kind):
        j, i = self.sides
        rng = self.rng
        link, bundle = i.peer.call("invite", kind, rng.randbytes(32), b"relay.example", 4433, descriptor(rng), b"Ida", 20_007,
                                   rng.randbytes(152))
        cell = j.peer.call("join", j.begin("J"), link, unword(bundle), 20_000, descriptor(rng), b"Jon", b"hi", rng.randbytes(32))
        self.first = (0, unword(cell[0]), lambda cell: i.peer.call("accept", i.begin("I"), cell))

    def recover(self, who):
        """A side lost everything but its identity, what it wrote, and the recovery key."""
        me, other, rng = self.sides[who], self.sides[1 - who], self.rng
        keys = [rng.randbytes(36), rng.randbytes(36)]
        me.outbox, me.carries, me.assemblies = {}, {}, {}
        me.session = None
        cell = me.peer.call("recover", me.begin("J", mute=True), other.public, keys[1], descriptor(rng), 1, 0, bytes(32),
                            rng.randbytes(32))
        me.again()

        def accept(cell):
            other.peer.call("accept-recovery", "new", me.public, *keys, cell)
            other.peer.call("copy", "new", other.begin("I"))
            other.outbox = {key: cell for key, cell in other.outbox.items() if key[0] == other.session}
            other.carries = {}
            other.again()

        self.first = (who, unword(cell[0]), accept)
        self.counts["recovered"] += 1

    def send(self, who, cells):
        for cell in cells:
            if self.rng.random() < self.bad:
                self.counts["lost"] += 1
                continue
            self.way[who].append(cell)
            if self.rng.random() < self.bad:
                self.counts["doubled"] += 1
                self.way[who].append(cell)

    def deliver(self, who):
        way = self.way[who]
        if not way:
            return
        # Mostly in order, now and then from anywhere.
        cell = way.pop(0 if self.rng.random() > 2 * self.bad else self.rng.randrange(len(way)))
        self.counts["delivered"] += 1
        taken = self.sides[1 - who].session and self.sides[1 - who].take(cell, self.now)
        if not taken and self.first and self.first[:2] == (who, cell) and self.first[2]:
            self.first[2](cell)
            self.first = (who, cell, None)
            self.sides[1 - who].control(content.HELLO)

    def again(self):
        """The same bytes: what nobody has acknowledged."""
        for who, side in enumerate(self.sides):
            if len(self.way[who]) > 4:
                continue
            if self.first and self.first[0] == who and self.first[2]:
                self.send(who, [self.first[1]])
            cells = [cell for _, cell in sorted(side.outbox.items())]
            self.counts["again"] += len(cells)
            self.send(who, cells)

    def step(self, say):
        """`say`: whether people still write."""
        rng, who = self.rng, self.rng.randrange(2)
        side = self.sides[who]
        self.now += rng.randrange(60_000)
        act = rng.random()
        if say and act < 0.10:
            side.write("".join(rng.choice("aäß…🚀 ") for _ in range(rng.choice([1, 20, 20, 200, 200, 3000]))))
        elif act < 0.45:
            if side.session and not (self.first and self.first[0] == who and self.first[2] and rng.random() < 0.5):
                cells = side.seal_next()
                self.counts["sealed"] += len(cells)
                self.send(who, cells)
                state = side.state()
                if not cells and int(state["count"]) >= (50 if say else 1) and not side.queue:
                    side.control(content.HEARTBEAT)
        elif act < 0.99:
            self.deliver(who)
        else:
            self.again()

    def at_rest(self):
        quiet = not any(self.way) and not any(s.queue for s in self.sides)
        return quiet and not any(s.open_texts for s in self.sides)

    def run(self, steps, recoveries):
        """Raises Broken when anything is missing, or another than what was written, in the end."""
        when = sorted(self.rng.randrange(steps // 5, steps) for _ in range(recoveries))
        for step in range(steps):
            if when and step >= when[0] and not (self.first and self.first[2]):
                when.pop(0)
                self.recover(self.rng.randrange(2))
            self.step(True)
        for _ in range(PATIENCE):
            self.step(False)
            if self.at_rest():
                break
            if not any(self.way):
                self.bad = 0.02
                self.again()
        else:
            raise Broken(f"not at rest: {[len(s.queue) for s in self.sides]} {[len(s.open_texts) for s in self.sides]}")
        for speaker, hearer in (self.sides, self.sides[::-1]):
            heard = [(text_id, raw) for (_, text_id), raw in hearer.heard.items()]
            if dict(heard) != speaker.written or any(speaker.written[text_id] != raw for text_id, raw in heard):
                raise Broken(f"what {hearer.name} heard is not what {speaker.name} wrote")
            self.counts["texts"] = self.counts.get("texts", 0) + len(speaker.written)
            if hearer.state()["level"] != "MutualPq":
                raise Broken(f"{hearer.name} is at {hearer.level}")
