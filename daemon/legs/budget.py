"""How many frames a far end may send: each costs the same to take, also an empty one. No clock."""

FRAMES_A_SECOND = 1000
"""Twice as many as two voices in frames of 4 ms would be: they cost a hundredth of a core."""
MOST_SAVED = 6000
"""What a stall has held up, half a minute of ordinary frames on both sides, comes at once."""


class Budget:
    """One leg's, over all of its connections."""

    def __init__(self, now: float) -> None:
        """`now` and all times are seconds of one clock."""
        self._left = float(MOST_SAVED)
        self._at = now

    def spend(self, frames: int, now: float) -> bool:
        """Whether so many may have come by `now`."""
        self._left = min(float(MOST_SAVED), self._left + (now - self._at) * FRAMES_A_SECOND)
        self._at = now
        self._left = max(self._left - frames, -1.0)
        return self._left >= 0
