"""Long conversations between the two implementations, and the same commands to both; the seed of each is printed."""

import random
import time

import contacts
import twins
from peers import Disagreement, Err, PythonPeer, RustPeer, Twin
from subrosa import invite
from talk import Broken, Side, Talk


class Run:
    def __init__(self, program):
        self.program, self.passed, self.failed = program, 0, 0

    def one(self, name, seed, act):
        """`act(rng)` gives a line to print."""
        began = time.monotonic()
        try:
            said = act(random.Random(seed))
            self.passed += 1
            print(f"ok      {name}, seed {seed}: {said} ({time.monotonic() - began:.1f} s)", flush=True)
        except (Disagreement, Broken, Err, AssertionError) as e:
            self.failed += 1
            print(f"FAILED  {name}, seed {seed}: {type(e).__name__} {e}", flush=True)

    def twin(self):
        return Twin(PythonPeer(), RustPeer(self.program))

    # --- the same commands to both ---

    def contact(self, kind):
        def act(rng):
            ends = self.twin(), self.twin()
            said = contacts.contact(*ends, rng, kind)
            for end in ends:
                end.end()
            return f"{len(said)} links, bundles, handshakes and recoveries"
        return act

    def fuzz(self, steps, acts, kind):
        def act(rng):
            ends = self.twin(), self.twin()
            publics = twins.meet(*ends, rng, kind)
            fuzz = twins.Fuzz(ends, publics, rng, acts)
            for _ in range(steps):
                fuzz.step()
            for end in ends:
                end.end()
            return f"{ends[0].answers + ends[1].answers} answers agree, {len(fuzz.seen)} kinds of outcome"
        return act

    def storm(self, turns):
        def act(rng):
            ends = self.twin(), self.twin()
            fuzz = twins.storm(ends, twins.meet(*ends, rng), rng, turns)
            for end in ends:
                end.end()
            return f"{fuzz.seen.get('Lost', 0)} numbers given up alike"
        return act

    def monologue(self, cells):
        def act(rng):
            ends = self.twin(), self.twin()
            fuzz = twins.monologue(ends, twins.meet(*ends, rng), rng, cells)
            for end in ends:
                end.end()
            return f"{fuzz.seen}"
        return act

    # --- one of each ---

    def talk(self, order, steps, recoveries, bad):
        def act(rng):
            peers = PythonPeer(), RustPeer(self.program)
            sides = [Side(name, peer, rng) for name, peer in zip(("Jon", "Ida"), peers[::order])]
            talk = Talk(sides, rng, bad)
            talk.meet(rng.choice([invite.ONE_TIME, invite.ADDRESS]))
            talk.run(steps, recoveries)
            for peer in peers:
                peer.end()
            return ", ".join(f"{n} {what}" for what, n in talk.counts.items())
        return act


def run(program, long, first):
    """(passed, failed); `program`: the built example `peer` of crates/crypto."""
    runs, scale = Run(program), 20 if long else 1
    for kind in (invite.ONE_TIME, invite.ADDRESS):
        runs.one("against the rules", first + kind, runs.contact(kind))
    for n in range(2 * scale):
        for order, names in ((1, "python joins rust"), (-1, "rust joins python")):
            bad = (0.02, 0.1, 0.3)[n % 3]
            runs.one(f"{names}, {bad:.0%} lost", first + 100 + n, runs.talk(order, 1500, n % 4 + 1, bad))
    for n in range(2 * scale):
        acts = (twins.ORDINARY, twins.HOSTILE)[n % 2]
        runs.one("side by side", first + 200 + n, runs.fuzz(500, acts, 1 + n // 2 % 2))
    for n in range(scale):
        runs.one("storm", first + 300 + n, runs.storm(150 if long else 75))
    if long:
        runs.one("monologue", first + 400, runs.monologue(4300))
    print(f"mixed: {runs.passed} passed, {runs.failed} failed")
    return runs.passed, runs.failed
