"""docs/spec/ratchet.md: the session. `seal` and `open` work on a copy and keep it only when they succeed."""

import copy
import hashlib
from dataclasses import dataclass, field

from . import mlkem
from .cell import Header, Part, cell_hash, parse_header, parse_part
from .primitives import (Refused, exp, ext, h, label, open12, seal12, split, u8, u32, x25519, x25519_check, x25519_public,
                         x_open, x_seal)

J, I = 0, 1
INVITED, SENT, PEER_PQ, MUTUAL_PQ = range(4)
LEVELS = ("Invited", "Sent", "PeerPq", "MutualPq")
CALLING, CALLED, LEADING, FOLLOWING = "Calling", "Called", "Leading", "Following"
OWN_ROLLBACK = "OwnRollback"

# weight -> (quiet, limit)
WEIGHTS = {"quiet": (True, 900), "text": (False, 960), "heartbeat": (True, 1000), "control": (True, 1000),
           "hello": (False, 1000), "replaced": (True, 1000)}
SKIP, MAX_WAITING, MAX_CLOSED, MAX_CLOSED_WAITING, MAX_SEEN, MAX_AGE = 1000, 2000, 64, 8, 4096, 90
LAST = 2**32 - 1
DAY = 86_400_000


class SealError(Exception):
    def __init__(self, kind):
        super().__init__(kind)
        self.kind = kind


class OpenError(Exception):
    """`kind` as in the table "Errors"; `alarm` for an Alarm; `bad` = (number, cell hash, SHA-256 of the sealed body)."""

    def __init__(self, kind, alarm=None, bad=None):
        super().__init__(f"{kind} {alarm or ''}".strip())
        self.kind, self.alarm, self.bad = kind, alarm, bad


@dataclass(frozen=True)
class Public:
    dh: bytes
    ek: bytes
    ct: bytes

    def id(self):
        return h("ratchet/pub-id", self.dh, self.ek, self.ct)


@dataclass
class Sending:
    epoch: int
    ck: bytes
    hk: bytes
    n: int
    pn: int
    x: bytes
    kem: bytes  # None: the identity's
    public: Public


@dataclass
class Receiving:
    epoch: int
    ck: bytes
    hk: bytes
    n: int
    base: int
    pubid: bytes


@dataclass(frozen=True)
class Closed:
    epoch: int
    hk: bytes
    pubid: bytes
    base: int
    count: int


@dataclass(frozen=True)
class Waiting:
    mk: bytes
    day: int
    note: bytes = None  # the first 16 bytes of what the successor gave as `prev`


@dataclass
class Opened:
    part: Part
    seq: int
    epoch: int
    quiet: bool
    events: list = field(default_factory=list)


def _chain(ck):
    # RAT-09.
    return split(exp(ck, "ratchet/chain", b"", 64), 32, 32)


def _root(rk, secrets, sid, k, hp):
    # RAT-08.
    return split(exp(ext(rk, secrets), "ratchet/root", sid + u32(k) + hp, 96), 32, 32, 32)


def _hp(before, now):
    # RAT-07.
    return h("ratchet/pub", before.dh, before.ek, now.dh, now.ek, now.ct)


class Session:
    def __init__(self, role, start, address=False):
        """`start`: what the handshake or the recovery yielded; `address`: J's session on an address."""
        public = Public(start.r_public, start.ek_j, bytes(1088))
        self.sid, self.rk, self.role, self.address = start.sid, start.rk, role, address
        self.latch, self.allowed = None, False
        self.sending = self.receiving = self.peer = self.ended = None
        if role == J:
            self.state, self.level = CALLING, SENT
            self.sending = Sending(0, start.ck0, start.hk0, 0, 0, start.secret, None, public)
            self.nhk_s, self.nhk_r = start.hk2, start.hk1
        else:
            self.state, self.level = CALLED, INVITED
            self.receiving = Receiving(0, start.ck0, start.hk0, 0, 0, public.id())
            self.peer = public
            self.nhk_s, self.nhk_r = start.hk1, start.hk2
        self.closed, self.waiting, self.seen = [], {}, {}
        self.next = self.low = self.high = 0
        self.own_hashes, self.last_own = {}, self.sid
        self.last_rx = self.sid
        self.unanswered, self.since, self.told = 0, 0, 0

    def _copy(self):
        other = copy.copy(self)
        other.sending, other.receiving = copy.copy(self.sending), copy.copy(self.receiving)
        other.closed, other.waiting, other.seen = list(self.closed), dict(self.waiting), dict(self.seen)
        other.own_hashes = dict(self.own_hashes)
        return other

    def snapshot(self):
        """A copy of the complete state, as a thief or a backup of the disk would have it."""
        return self._copy()

    # --- numbers ---

    def rx_high(self):
        return self.receiving.base + self.receiving.n if self.receiving else 0

    def rx_low(self):
        return min(self.waiting, default=self.rx_high())

    # --- sealing ---

    def may_seal(self, part, weight):
        # RAT-17.
        if not part.valid():
            raise SealError("BadPart")
        if self.latch and weight != "replaced" and (not self.allowed or self.latch == OWN_ROLLBACK):
            raise SealError("Latched")
        if self.role == J and self.address and self.receiving is None:
            raise SealError("WaitForPeer")
        epoch = self.sending.epoch if self.state in (CALLING, LEADING) else self.receiving.epoch + 1
        if self.next == LAST or epoch == 2**32:
            raise SealError("Exhausted")
        if self.next - self.low >= WEIGHTS[weight][1]:
            raise SealError("WindowFull")

    def seal(self, part, weight, rng):
        """A cell, from 160 random bytes. Refusals change nothing."""
        # GEN-19, RAT-18.
        x, kem, coins, hedge = split(rng, 32, 64, 32, 32)
        self.may_seal(part, weight)
        if self.state in (CALLED, FOLLOWING):
            self._step_out(x, kem, coins)
        chain = self.sending
        chain.ck, mk = _chain(chain.ck)
        header, body = self._header(WEIGHTS[weight][0]), self._body_text(part)
        nonce = self._nonce(ext(hedge, mk), header + body)
        where = self.sid + u8(chain.epoch % 2)
        sealed = x_seal(chain.hk, nonce, label("ratchet/header-ad") + where, header)
        key, body_nonce = split(exp(mk, "ratchet/body", nonce, 44), 32, 12)
        cell = sealed + seal12(key, body_nonce, label("ratchet/body-ad") + where + sealed, body)
        self.last_own = self.own_hashes[self.next] = cell_hash(sealed)
        chain.n += 1
        self.next += 1
        self.unanswered, self.since, self.told = 0, 0, self.rx_high()
        return cell

    def _header(self, quiet):
        chain = self.sending
        return Header(quiet, chain.epoch, chain.n, chain.pn, self.rx_high(), self.rx_low(), self.last_own, self.last_rx,
                      chain.public.dh, chain.public.ek, chain.public.ct).write()

    def _body_text(self, part):
        return part.write()

    def _nonce(self, prk, text):
        # RAT-10.
        return exp(prk, "ratchet/nonce", hashlib.sha256(text).digest(), 24)

    def _step_out(self, x, kem, coins):
        k = self.receiving.epoch + 1
        try:
            shared = x25519(x, self.peer.dh)
        except Refused:
            raise SealError("DamagedState") from None
        ct, ss = mlkem.encaps(self.peer.ek, coins)
        public = Public(x25519_public(x), mlkem.public(kem), ct)
        self.rk, ck, hk = _root(self.rk, shared + ss, self.sid, k, _hp(self.peer, public))
        self.sending = Sending(k, ck, self.nhk_s, 0, self.ended[1] if self.ended else 0, x, kem, public)
        self.nhk_s, self.peer, self.ended, self.state = hk, None, None, LEADING

    # --- opening ---

    def open(self, cell, own, now):
        """`own`: the identity; `now`: milliseconds. Returns Opened and keeps the next state, or raises OpenError."""
        # RAT-45.
        aside = self._copy()
        opened = aside._open(cell, own, now)
        self.__dict__ = aside.__dict__
        return opened

    def _trial(self, sealed):
        # RAT-27.
        trials = []
        if self.receiving:
            trials.append((self.receiving.hk, self.receiving.epoch, self.receiving))
        trials.append((self.nhk_r, self.receiving.epoch + 2 if self.receiving else 1, None))
        trials += [(c.hk, c.epoch, c) for c in reversed(self.closed)]
        for hk, k, chain in trials:
            try:
                ad = label("ratchet/header-ad") + self.sid + u8(k % 2)
                return parse_header(x_open(hk, ad, sealed)), k, chain
            except Refused:
                continue
        raise OpenError("NotOurs")

    def _open(self, cell, own, now):
        sealed, body = cell[:2440], cell[2440:]
        header, k, chain = self._trial(sealed)
        base = self._check_any(header, k, chain)
        this, seq, high, day = cell_hash(sealed), base + header.n, self.rx_high(), now // DAY
        waiting, lost, before = None, [], self.rx_low()
        if chain:
            waiting = self._known(header, chain, seq, this)
        else:
            self._next_epoch(header, own, day)
        if waiting:
            mk = waiting.mk
            del self.waiting[seq]
        else:
            mk, lost = self._ahead(header.n, day)
        part = self._body(mk, (sealed, body, k), (seq, this))
        opened = Opened(part, seq, k, header.quiet)
        self._settle(opened, header, (this, high, waiting), lost)
        if header.quiet:
            self._risen(before, now)
        else:
            self._one_more(now)
        self._raise(opened)
        return opened

    def _check_any(self, header, k, chain):
        # RAT-30.
        if header.version != 1:
            raise OpenError("NewerVersion")
        if header.epoch != k or header.ack_low > header.ack_high:
            raise OpenError("Malformed")
        if header.ack_high == 0 and header.ack_hash != self.sid:
            raise OpenError("Malformed")
        if chain:
            base = chain.base
        else:
            base = self.receiving.base + header.pn if self.receiving else 0
        if base + header.n >= LAST or base >= LAST:
            raise OpenError("Malformed")
        return base

    def _known(self, header, chain, seq, this):
        """The waiting key of a cell of a known epoch, or None when it is ahead."""
        # RAT-33.
        closed = isinstance(chain, Closed)
        if Public(header.dh, header.ek, header.ct).id() != chain.pubid:
            raise OpenError("Alarm", "Keys")
        if self.seen.get(seq) == this[:16]:
            raise OpenError("Duplicate")
        if closed and header.n >= chain.count:
            raise OpenError("Alarm", "Closed")
        if seq in self.seen:
            raise OpenError("Alarm", "Index")
        if seq in self.waiting:
            return self.waiting[seq]
        if closed or header.n < chain.n:
            raise OpenError("Old")
        return None

    def _next_epoch(self, header, own, day):
        # RAT-40.
        if self.state in (CALLED, FOLLOWING):
            raise OpenError(OWN_ROLLBACK)
        old, mine = self.receiving, self.sending
        if old is None and header.pn:
            raise OpenError("Malformed")
        if old and header.pn < old.n:
            raise OpenError("Alarm", "Pn")
        try:
            x25519_check(header.dh)
            mlkem.check(header.ek)
            shared = x25519(mine.x, header.dh)
        except (Refused, mlkem.Refused):
            raise OpenError("Malformed") from None
        if (header.pn - old.n if old else 0) + header.n > SKIP:
            raise OpenError("TooFar")
        if old:
            self._skip(header.pn, day)
            self.closed.append(Closed(old.epoch, old.hk, old.pubid, old.base, header.pn))
        k = old.epoch + 2 if old else 1
        public = Public(header.dh, header.ek, header.ct)
        ss = mlkem.decaps(own.k if mine.kem is None else mine.kem, header.ct)
        self.rk, ck, hk = _root(self.rk, shared + ss, self.sid, k, _hp(mine.public, public))
        self.receiving = Receiving(k, ck, self.nhk_r, 0, old.base + header.pn if old else 0, public.id())
        self.nhk_r, self.peer, self.state = hk, public, FOLLOWING
        self.ended, self.sending = (mine.epoch, mine.n), None

    def _skip(self, until, day):
        chain = self.receiving
        while chain.n < until:
            chain.ck, mk = _chain(chain.ck)
            self.waiting[chain.base + chain.n] = Waiting(mk, day)
            chain.n += 1

    def _ahead(self, n, day):
        # RAT-47.
        if n - self.receiving.n > SKIP:
            raise OpenError("TooFar")
        self._skip(n, day)
        self.receiving.ck, mk = _chain(self.receiving.ck)
        self.receiving.n += 1
        return mk, self._limits()

    def _limits(self):
        """"Giving up", rows one to three; the numbers that are lost."""
        # RAT-61.
        lost = []
        while len(self.waiting) > MAX_WAITING:
            lost.append(self._drop(min(self.waiting)))
        while True:
            holders = [c for c in self.closed if any(s in self.waiting for s in range(c.base, c.base + c.count))]
            if len(holders) <= MAX_CLOSED_WAITING:
                break
            lost += self._drop_chain(holders[0])
        while len(self.closed) > MAX_CLOSED:
            lost += self._drop_chain(self.closed.pop(0))
        return lost

    def _drop(self, seq):
        del self.waiting[seq]
        return seq

    def _drop_chain(self, chain):
        return [self._drop(s) for s in range(chain.base, chain.base + chain.count) if s in self.waiting]

    def _body(self, mk, sealed_parts, names):
        # RAT-48.
        (sealed, body, k), (seq, this) = sealed_parts, names
        key, nonce = split(exp(mk, "ratchet/body", sealed[:24], 44), 32, 12)
        try:
            return parse_part(open12(key, nonce, label("ratchet/body-ad") + self.sid + u8(k % 2) + sealed, body))
        except Refused:
            raise OpenError("BadBody", bad=(seq, this, hashlib.sha256(body).digest())) from None

    def _settle(self, opened, header, cell, lost):
        # RAT-49.
        (this, high, waiting), seq, events = cell, opened.seq, opened.events
        if seq > high:
            events.append(("Gap", high, seq - 1))
        events += [("Lost", s) for s in lost]
        before = self.seen.get(seq - 1)
        if (before is not None and before != header.prev[:16]) or (seq == 0 and header.prev != self.sid) or (
                waiting and waiting.note is not None and waiting.note != this[:16]):
            events.append(("Alarm", "Prev"))
        if seq - 1 in self.waiting:
            w = self.waiting[seq - 1]
            self.waiting[seq - 1] = Waiting(w.mk, w.day, header.prev[:16])
        self.seen[seq] = this[:16]
        if seq >= high:
            self.last_rx = this
        self._trim_seen()
        self._acknowledged(header, events)
        for kind, *rest in events:
            if kind in ("Alarm", OWN_ROLLBACK):
                self.set_latch(rest[0] if rest else OWN_ROLLBACK)

    def _trim_seen(self):
        floor = self.closed[0].base - 1 if self.closed else 0
        if self.seen and min(self.seen) < floor:
            self.seen = {s: mark for s, mark in self.seen.items() if s >= floor}
        while len(self.seen) > MAX_SEEN:
            del self.seen[min(self.seen)]

    def _acknowledged(self, header, events):
        # RAT-54.
        if header.ack_high > self.next:
            events.append((OWN_ROLLBACK,))
            return
        known = self.own_hashes.get(header.ack_high - 1)
        if header.ack_high == self.next and self.next > 0:
            known = self.last_own
        if known is not None and known != header.ack_hash:
            events.append(("Alarm", "Ack"))
        self.low, self.high = max(self.low, header.ack_low), max(self.high, header.ack_high)
        self.own_hashes = {s: x for s, x in self.own_hashes.items() if s >= self.low}

    def _raise(self, opened):
        level = self.level
        if self.role == J:
            level = MUTUAL_PQ if opened.epoch >= 3 else max(level, PEER_PQ)
        elif opened.epoch >= 2:
            level = MUTUAL_PQ
        if level > self.level:
            self.level = level
            opened.events.append(("Raised", LEVELS[level]))

    # --- latches ---

    def set_latch(self, alarm):
        # RAT-69.
        if self.latch is None or alarm == OWN_ROLLBACK:
            self.latch = alarm

    def allow(self):
        """The user was asked, and said that sealing may go on."""
        if self.latch and self.latch != OWN_ROLLBACK:
            self.allowed = True

    # --- giving up, heartbeats ---

    def age(self, now):
        """Once a day; the numbers that are lost."""
        # RAT-64.
        before = self.rx_low()
        lost = sorted(s for s, w in self.waiting.items() if w.day <= now // DAY - MAX_AGE)
        for s in lost:
            del self.waiting[s]
        self._risen(before, now)
        return lost

    def give_up(self, seq, now):
        """Whether a key waited for this number."""
        before = self.rx_low()
        if self.waiting.pop(seq, None) is None:
            return False
        self._risen(before, now)
        return True

    def _one_more(self, now):
        if self.unanswered == 0:
            self.since = now
        self.unanswered += 1

    def _risen(self, before, now):
        """A gap that the own last cell named has ended, or a part of it."""
        if before < self.told and before < self.rx_low():
            self._one_more(now)

    def heartbeat_due(self, now, jitter):
        """`jitter`: 0 to 6 hours, drawn when `unanswered` left zero."""
        # RAT-93.
        return self.unanswered >= 50 or (self.unanswered > 0 and now - self.since >= DAY + jitter)


def crossing(current, role, other_sid):
    """"Crossing invites": which of two sessions with one identity is current; `current` is the own one, in role J or I."""
    # RAT-83.
    if role == J and current.sid < other_sid:
        return "stays"
    if role == J and current.level == SENT:
        return "replaced"
    return "ask"


def both_recovered(sid_a, sid_b):
    """The session that stays current when both sides recover at once."""
    return min(sid_a, sid_b)
