"""One instant on both clocks."""

import time
from typing import NamedTuple, Self

import trio


class Moment(NamedTuple):
    """One instant: on the clock that audio is placed by, and on the one that is shown to people."""

    monotonic: float
    """Seconds of `trio.current_time()`."""
    epoch: float
    """Seconds since the epoch (UTC)."""

    @classmethod
    def now(cls) -> Self:
        """The present instant."""
        return cls(trio.current_time(), time.time())
