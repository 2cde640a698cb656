"""How late audio may come and still take its place: as late as it does come, within bounds.

A longer allowance finds more of what a network held up, and makes whoever listens live wait as long.
"""

BEGINS_SECONDS = 0.25
LEAST_SECONDS = 0.1
"""Any telephone's network needs as much now and then."""
MOST_SECONDS = 1.0
"""What comes later than that was held up by a stall, and no allowance makes up for one."""
MARGIN_SECONDS = 0.04
MARGIN_SHARE = 0.25
"""So much longer than the latest audio it is: the next may come later still."""
SHRINKING = 0.01
"""Seconds by which it becomes shorter in a second: networks that were bad once soon are again."""


class Allowance:
    """One timeline's jitter allowance: `seconds` now. It grows at once, and shrinks slowly."""

    def __init__(self, fixed: float | None = None) -> None:
        """`fixed` seconds: it stays so."""
        self.seconds = BEGINS_SECONDS if fixed is None else fixed
        self._fixed = fixed is not None
        self._since: float | None = None

    def needed(self, late: float) -> None:
        """Audio that nobody waited for came `late` seconds behind its time: that much was needed at least."""
        if not self._fixed and late <= MOST_SECONDS:
            self.seconds = max(self.seconds, min(late * (1 + MARGIN_SHARE) + MARGIN_SECONDS, MOST_SECONDS))

    def passed(self, now: float, *, speaking: bool) -> None:
        """It is `now`, in seconds, and nothing more was needed, though somebody was `speaking`.

        While nobody does, it stays: nothing is learnt.
        """
        since, self._since = self._since, now
        if not self._fixed and since is not None and speaking:
            self.seconds = max(LEAST_SECONDS, self.seconds - SHRINKING * (now - since))
