"""How far the wall clock is believed where something is to be destroyed. No I/O, no clock of its own."""

STEP_SECONDS = 60.0
"""More than this ahead of the seconds that have really passed, and the clock has jumped. Drift is far
smaller, and so are the steps of a clock that is kept right."""
PATIENCE_SECONDS = 3600.0
"""So long a clock that has jumped ahead has to stay there. One that was set wrong is noticed within that
time, and nobody waits for the room that an hour's recordings take."""


class Belief:
    """The latest time that it is safe to act upon.

    A jump back is believed at once: it destroys nothing. A jump ahead, also from `known`, the last time that
    is known to have been, is believed only when it has lasted. Wall times are seconds since the epoch,
    `steady` ones seconds on any clock that cannot be set.
    """

    def __init__(self, *, known: float, steady: float) -> None:
        self._offset = known - steady
        self._jump: tuple[float, float] | None = None  # (offset, since when on the steady clock)

    def time(self, *, wall: float, steady: float) -> float:
        """What is believed now: never later than `wall`."""
        offset = wall - steady
        if offset <= self._offset + STEP_SECONDS or self._has_lasted(offset, steady):
            self._offset, self._jump = offset, None
        return self._offset + steady

    @property
    def doubts(self) -> bool:
        """Whether the wall clock is ahead of what is believed."""
        return self._jump is not None

    def _has_lasted(self, offset: float, steady: float) -> bool:
        if self._jump is None or abs(offset - self._jump[0]) > STEP_SECONDS:
            self._jump = offset, steady  # it jumped now, or jumped again
        return steady - self._jump[1] >= PATIENCE_SECONDS
