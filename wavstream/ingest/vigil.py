"""Whether a peer is still there that says nothing. No I/O, no clock."""

from typing import Literal

ROUNDS = 3
"""Looks until a peer that vanished just after a look is known to be gone: the first sees what it still said,
the next one asks, the last one has no answer."""


class Vigil:
    """One connection, looked at again and again: a peer has from one look to the next to answer a ping."""

    def __init__(self) -> None:
        self._reads = 0
        self._silent = 0

    def look(self, reads: int, *, listening: bool) -> Literal["well", "ask", "gone"]:
        """What to do, by the number of `reads` so far that brought anything.

        A peer that nobody is `listening` to, as the disk does not keep up, is not blamed for its silence.
        """
        if reads != self._reads or not listening:
            self._reads, self._silent = reads, 0
            return "well"
        self._silent += 1
        return "ask" if self._silent == 1 else "gone"
