"""Counts what agreed and what did not; one line for each disagreement."""

import traceback


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def same(self, name, found, expected):
        if found == expected:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {name}: found {_short(found)}, expected {_short(expected)}")

    def holds(self, name, condition):
        self.same(name, bool(condition), True)

    def refuses(self, name, errors, act):
        """`act` must raise one of `errors`; the error's `kind` is returned."""
        try:
            act()
        except errors as error:
            self.passed += 1
            return getattr(error, "kind", None)
        self.failed += 1
        print(f"FAILED {name}: was taken")
        return None

    def section(self, name, act, *args):
        before = self.failed
        try:
            act(self, *args)
        except Exception:  # a crash is a disagreement as well
            self.failed += 1
            print(f"FAILED {name}:")
            traceback.print_exc()
        print(f"{name}: {'ok' if self.failed == before else 'DISAGREES'}")


def _short(x):
    text = x.hex() if isinstance(x, bytes) else str(x)
    return text if len(text) <= 160 else f"{text[:70]}…{text[-70:]} ({len(text)} digits)"
