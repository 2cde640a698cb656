"""Log lines that others can cause at will: a few a second are written, the rest counted. No I/O, no clock."""

from collections import Counter

MOST_A_SECOND = 10
"""Of one kind: enough to see who it is, and 200 MB a day if somebody insists."""


class Floodgate:
    """Counts lines by kind; kinds are the program's own words, so they are few."""

    def __init__(self, most_a_second: int = MOST_A_SECOND) -> None:
        self._most = most_a_second
        self._second = 0
        self._passed: Counter[str] = Counter()
        self._held: Counter[str] = Counter()

    def passing(self, kind: str, now: float) -> int | None:
        """None for a line that is held back; else how many of its kind were, since one passed."""
        if int(now) != self._second:
            self._second = int(now)
            self._passed.clear()
        if self._passed[kind] >= self._most:
            self._held[kind] += 1
            return None
        self._passed[kind] += 1
        return self._held.pop(kind, 0)
