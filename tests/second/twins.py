"""Both implementations of both ends get the same commands: every answer must be the same, errors, events and alarms included."""

from forge import bend, forger
from peers import Err, unword
from subrosa import invite, ratchet
from subrosa.cell import Part

DAY = ratchet.DAY
WEIGHTS = ["text"] * 6 + ["quiet", "heartbeat", "control", "hello", "replaced"]


def descriptor(rng, entries=1):
    return invite.write_descriptor([(rng.randbytes(32), rng.randbytes(32), 4433, "relay.example") for _ in range(entries)])


def meet(j, i, rng, kind=invite.ONE_TIME):
    """First contact; the sessions are called `s` at both ends. Returns the two public identities."""
    publics = [unword(p.call("identity", rng.randbytes(32), rng.randrange(3))[0]) for p in (j, i)]
    relay, host = rng.randbytes(32), rng.choice([b"relay.example", b"fe80::1%eth0", b"10.0.0.1"])
    link, bundle = i.call("invite", kind, relay, host, 4433, descriptor(rng, 2), b"Ida", 20_007, rng.randbytes(152))
    i.call("link", link.encode())
    j.call("link", b" " + link.encode() + b"\n")
    bundle = unword(bundle)
    cell = unword(j.call("join", "s", link, bundle, 20_000, descriptor(rng), "Jörg".encode(), b"hi", rng.randbytes(32))[0])
    i.call("accept", "s", cell)
    for again in (cell, bytes(4096)):
        refused(i, "accept", "s", again)
    j.call("safety", *publics)
    i.call("safety", *reversed(publics))
    return publics


def come_back(restored, other, publics, rng):
    """Recovery: `restored` (whose public identity is publics[0]) has lost its session."""
    keys = [rng.randbytes(36) for _ in range(2)]
    cell = unword(restored.call("recover", "s", publics[1], keys[1], descriptor(rng), rng.randrange(5), rng.randrange(99),
                                rng.randbytes(32), rng.randbytes(32))[0])
    refused(other, "accept-recovery", "s", publics[0], rng.randbytes(36), rng.randbytes(36), cell)
    other.call("accept-recovery", "s", publics[0], *keys, cell)
    return cell


def refused(peer, *command):
    try:
        peer.call(*command)
    except Err as e:
        return str(e)
    raise AssertionError(f"{command[0]} was taken")


class Fuzz:
    """A list of random acts on two twins, one weight for each act."""

    def __init__(self, ends, publics, rng, acts):
        self.ends, self.publics, self.rng, self.now = ends, publics, rng, 20_000 * DAY
        self.kinds, self.odds = list(acts), list(acts.values())
        self.cells = ([], [])  # what each end has sealed
        self.copies = [False, False]
        self.seen = {}

    def note(self, what):
        self.seen[what] = self.seen.get(what, 0) + 1

    def step(self):
        act = self.rng.choices(self.kinds, self.odds)[0]
        end = self.rng.randrange(2)
        try:
            getattr(self, act)(end)
        except Err as e:
            self.note(f"{act}: {' '.join(str(e).split()[:2]) if 'Body' not in str(e) else 'BadBody'}")
            self.after(end, str(e))
        for twin in self.ends:
            twin.call("state", "s")

    def after(self, end, error):
        """What a client does with an alarm that is an error, mostly."""
        name = error.split()
        if name[0] in ("Alarm", "OwnRollback") and self.rng.random() < 0.8:
            self.ends[end].call("latch", "s", name[-1])

    def seal_one(self, end, session="s"):
        count = self.rng.choice([0, 1, 1, 1, 2, 64, 65])
        content = self.rng.randbytes(self.rng.choice([0, 1, 20, 1634, 1634, 1635] if self.rng.random() < 0.1 else [5]))
        weight = self.rng.choice(WEIGHTS)
        index = self.rng.randrange(max(count, 1)) if self.rng.random() < 0.98 else count
        cell, _ = self.ends[end].call("seal", session, weight, index, count, content, self.randomness())
        self.cells[end].append(unword(cell))

    def randomness(self):
        """Now and then a source that is stuck."""
        return bytes(160) if self.rng.random() < 0.03 else self.rng.randbytes(160)

    def seal(self, end):
        self.seal_one(end)

    def burst(self, end):
        for _ in range(self.rng.choice([2, 5, 40])):
            self.seal_one(end)

    def flood(self, end):
        """Up to the end of the window, whatever it is."""
        for _ in range(1100):
            self.seal_one(end)

    def give(self, end, cell):
        answer = self.ends[1 - end].call("open", "s", cell, self.now)
        for event in answer[6:]:
            self.note(event.split(",")[0] + (event.split(",")[1] if "Alarm" in event else ""))

    def deliver(self, end):
        if self.cells[end]:
            self.give(end, self.cells[end][-1])

    def late(self, end):
        """Any cell at all, opened before or not."""
        if self.cells[end]:
            self.give(end, self.rng.choice(self.cells[end][-3000:]))

    def damaged(self, end):
        if self.cells[end]:
            cell = bytearray(self.rng.choice(self.cells[end][-20:]))
            cell[self.rng.choice([self.rng.randrange(2440), self.rng.randrange(2440, 4096)])] ^= 1 << self.rng.randrange(8)
            self.give(end, bytes(cell))

    def wait(self, _):
        self.now += self.rng.choice([1, 1000, DAY // 4, DAY, 30 * DAY])

    def age(self, end):
        for event in self.ends[end].call("age", "s", self.now):
            self.note("aged " + event.split(",")[0])

    def give_up(self, end):
        """A number that is missing, most of the time."""
        session = self.ends[end].python.sessions["s"]
        seq = self.rng.choice(sorted(session.waiting) or [0]) if self.rng.random() < 0.9 else self.rng.randrange(2000)
        self.ends[end].call("give-up", "s", seq, self.now)
        self.note("given up")

    def keep(self, end):
        """The thief's, or the backup's, copy."""
        self.ends[end].call("copy", "s", "copy")
        self.copies[end] = True

    def thief(self, end):
        """The copy speaks."""
        if self.copies[end]:
            self.seal_one(end, "copy")
            if self.rng.random() < 0.7:
                self.deliver(end)

    def thief_hears(self, end):
        if self.copies[end] and self.cells[1 - end]:
            self.ends[end].call("open", "copy", self.rng.choice(self.cells[1 - end][-20:]), self.now)

    def roll_back(self, end):
        if self.copies[end]:
            self.ends[end].call("copy", "copy", "s")

    def recover(self, end):
        """One side comes back; nothing of the old session is sent any more."""
        come_back(self.ends[end], self.ends[1 - end], self.publics[::1 - 2 * end], self.rng)
        self.cells, self.copies = ([], []), [False, False]
        self.note("recovered")

    def allow(self, end):
        self.ends[end].call("allow", "s")

    def forge(self, end):
        """An authentic cell against the rules, opened in a copy of the receiver."""
        session = self.ends[end].python.sessions["s"]
        for _ in range(self.rng.choice([1, 3])):
            try:
                what, cell = bend(session, self.rng)
            except ratchet.SealError:
                return
            receiver = self.ends[1 - end]
            receiver.call("copy", "s", "scratch")
            try:
                answer = receiver.call("open", "scratch", cell, self.now)
                self.note(f"forged {what}: {'taken' if len(answer) == 6 else answer[-1].split(',')[0]}")
            except Err as e:
                self.note(f"forged {what}: {' '.join(str(e).split()[:2]) if 'Body' not in str(e) else 'BadBody'}")
            receiver.call("state", "scratch")
            receiver.call("copy", "scratch", "scratch")


ORDINARY = {"seal": 30, "burst": 4, "deliver": 30, "late": 14, "damaged": 3, "wait": 2, "age": 1, "give_up": 1, "forge": 6, "recover": 0.1}
HOSTILE = {"seal": 24, "burst": 2, "deliver": 26, "late": 12, "damaged": 2, "wait": 2, "age": 1, "give_up": 2, "forge": 8,
           "keep": 2, "thief": 5, "thief_hears": 4, "roll_back": 1, "allow": 2, "recover": 0.7}


def storm(ends, publics, rng, turns):
    """A joiner who respects no window, and whose cells are mostly lost: every limit of "Giving up" is passed."""
    fuzz, peer, own = Fuzz(ends, publics, rng, ORDINARY), forger(ends[0].python.sessions["s"]), ends[0].python.own
    sent, first = fuzz.cells[0], []
    for turn in range(turns):
        few = rng.choice([1, 1, 2, 3])
        for _ in range(rng.choice([few, few, 300, 950]) if turn % 40 < 20 else few):
            sent.append(peer.seal(Part(0, 1, b""), rng.choice(["text", "control"]), rng.randbytes(160)))
        first.append(sent[-few])
        late = [rng.choice(sent[-5000:]) for _ in range(rng.choice([0, 0, 3]))]
        give_all(fuzz, sent[-1:] + late)
        ends[1].call("state", "s")
        fuzz.now += rng.choice([0, DAY])
        peer.open(unword(ends[1].call("seal", "s", "control", 0, 1, b"", rng.randbytes(160))[0]), own, fuzz.now)
    # One of each epoch, and each day until nothing waits: where the limits lie exactly.
    give_all(fuzz, first)
    while ends[1].python.sessions["s"].waiting:
        fuzz.now += DAY
        fuzz.age(1)
        ends[1].call("state", "s")
    return fuzz


def give_all(fuzz, cells):
    for cell in cells:
        try:
            fuzz.give(0, cell)
        except Err as e:
            fuzz.note(str(e).split()[0])


def monologue(ends, publics, rng, cells):
    """One side talks and talks, the other only acknowledges: more cells than a session remembers."""
    fuzz = Fuzz(ends, publics, rng, ORDINARY)
    for n in range(cells):
        fuzz.cells[0].append(unword(ends[0].call("seal", "s", "text", 0, 1, b"", rng.randbytes(160))[0]))
        fuzz.give(0, fuzz.cells[0][-1])
        if n % 900 == 899:
            # The answer stays the same epoch's: only the first of them is a step.
            ends[0].call("open", "s", unword(ends[1].call("seal", "s", "heartbeat", 0, 1, b"", rng.randbytes(160))[0]), fuzz.now)
    for at in (0, 1, cells - 4097, cells - 4096, cells - 4095, cells - 1):
        try:
            fuzz.give(0, fuzz.cells[0][at])
        except Err as e:
            fuzz.note(f"{at}: {e}")
    return fuzz
