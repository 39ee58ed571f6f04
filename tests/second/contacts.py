"""First contact and recovery against the rules: both implementations are shown the same and must answer the same."""

from forge_contact import Shaker, bundles, handshakes, links, recoveries
from peers import Err, unword
from subrosa import invite, recovery
from subrosa.identity import Public
from twins import descriptor


def show(twin, said, name, *command):
    """Notes the answer: the error's name, or `taken`."""
    try:
        twin.call(*command)
        said[name] = "taken"
    except Err as e:
        said[name] = str(e)


def contact(j, i, rng, kind):
    """Returns name -> answer, for everything that was shown."""
    said = {}
    publics = [unword(p.call("identity", rng.randbytes(32), 0)[0]) for p in (j, i)]
    for name, text in links(rng).items():
        show(j, said, f"link, {name}", "link", text.encode())
    link, cell = i.call("invite", kind, rng.randbytes(32), b"h", 1, descriptor(rng), b"Ida", 20_007, rng.randbytes(152))
    ida, made, cell = i.python.own, i.python.invite, unword(cell)
    for name, bundle in bundles(ida, made, cell).items():
        show(j, said, f"bundle, {name}", "bundle", link, bundle, 20_000)
        show(j, said, f"joining by the bundle, {name}", "join", "x", link, bundle, 20_000, descriptor(rng), b"J", b"",
             rng.randbytes(32))
    show(i, said, "bundle, one's own", "bundle", link, cell, 20_000)
    show(i, said, "bundle, one's own and expired", "bundle", link, cell, 30_000)
    for name, greeting in (("n" * 64, "g" * 80), ("n" * 65, ""), ("n", "g" * 81), ("ü" * 32, "")):
        show(j, said, f"joining as {len(name)} {len(greeting)}", "join", "x", link, cell, 20_000, descriptor(rng),
             name.encode(), greeting.encode(), rng.randbytes(32))
    opened = invite.open_bundle(invite.parse_link(link), cell, 20_000, Public(publics[0]))
    shaker = Shaker(j.python.own, opened, made.keys, lambda: [rng.randbytes(n) for n in (24, 32, 32, 32, 32)])
    cells = handshakes(shaker, ida.public)
    taken = ("honest", "repeat", "features", "min version 0", "reserved")
    if kind == invite.ONE_TIME:  # the first that is accepted burns it
        cells = dict(sorted(cells.items(), key=lambda cell: cell[0].startswith(taken)))
    for name, handshake in cells.items():
        show(i, said, f"handshake, {name}", "accept", "y", handshake)
    keys = [rng.randbytes(36) for _ in range(2)]
    says, draw = (descriptor(rng), 1, (7, bytes(32))), lambda: [rng.randbytes(n) for n in (24, 32, 32, 32)]
    for name, cell in recoveries(j.python.own, ida.public, recovery.Key(keys[1]), says, draw).items():
        show(i, said, f"recovery, {name}", "accept-recovery", "z", publics[0], *keys, cell)
    return said
