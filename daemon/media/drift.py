"""How fast a sender's clock runs against ours, told by how late its audio comes.

What is on its way takes its time, now more, now less; but the quickest of many is hardly held up at all. So
of each window the least late counts, and through those goes a line: Theil and Sen's, the median of the slopes
of all pairs, which a stall, a busy machine or a clock that was set does not turn. Its slope is the drift.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from math import inf, sqrt
from operator import itemgetter

import numpy as np
import numpy.typing as npt

MOST_POINTS = 64
"""Then two and two become one, of a window twice as long."""
LONGEST = 32
"""Windows of 2 s that become one point at most: 64 points are an hour and more, and older ones go."""
FEWEST_POINTS = 12
FIT_EVERY = 4
"""So many points more before the line is drawn anew: it costs some 70 µs, and goes on by itself."""
PRECISION_PPM = 5.0
"""The drift is known when four deviations of it are within this: it is looked at again and again."""
QUANTUM_SECONDS = 0.0002
"""Senders send at the beat of a timer of their own: what it is off by, no number of packets takes away."""
STEADY_SECONDS = 0.004
"""The line says where the sender is when it says so to within this, with 19 in 20 certain."""

Point = tuple[float, float]
"""When it came, and how late it was, in seconds."""


@dataclass
class Drift:
    """The drift of one sender's clock, from (time, lateness) of the least late audio of each window.

    `quantum` seconds: what its times are rounded to; `precision` ppm: so well it is to be known.
    """

    quantum: float = QUANTUM_SECONDS
    precision: float = PRECISION_PPM
    _points: list[Point] = field(default_factory=list)
    _per: int = 1  # windows of a point
    _merged: int = 0
    _fresh: int = 0  # points since the line was drawn
    _best: Point = (-inf, inf)
    _line: tuple[float, float, float] | None = None  # a time, how late at it, by how much more a second
    _span: float = 0.0  # seconds of the points that it goes through
    _ppm: float | None = None

    @property
    def ppm(self) -> float | None:
        """By how many millionths the sender's clock is faster than ours (negative: slower).

        None until it is known. What was known before a new beginning stays until it is known anew.
        """
        return self._ppm

    def forget(self) -> None:
        """Another sender, with another clock."""
        self.begin()
        self._ppm = None

    def begin(self) -> None:
        """The same sender, but how late it is cannot be compared with before."""
        self._points, self._per, self._line = [], 1, None
        self._merged, self._fresh, self._best = 0, 0, (-inf, inf)

    def add(self, at: float, late: float) -> None:
        """The least late audio of a window came at `at`, `late` seconds behind what its order says."""
        if late < self._best[1]:
            self._best = at, late
        self._merged += 1
        if self._merged < self._per:
            return
        if not self._points or self._best[0] > self._points[-1][0]:
            self._points.append(self._best)
            self._fresh += 1
        self._merged, self._best = 0, (-inf, inf)
        if len(self._points) == MOST_POINTS:
            self._thin()
        if len(self._points) >= FEWEST_POINTS and self._fresh >= FIT_EVERY:
            self._fit()

    def expected(self, at: float) -> float | None:
        """How late the quickest audio is at `at`; None while that is not sure, and long after that."""
        if self._line is None:
            return None
        since, late, slope = self._line
        return late + (at - since) * slope if at - since <= self._span else None

    def _thin(self) -> None:
        if self._per == LONGEST:
            del self._points[0]
            return
        pairs = zip(self._points[::2], self._points[1::2], strict=True)
        self._points = [min(pair, key=itemgetter(1)) for pair in pairs]
        self._per *= 2

    def _fit(self) -> None:
        self._fresh = 0
        times, lates = np.array(self._points).T
        first, second = _pairs(len(times))
        slope = float(np.median((lates[second] - lates[first]) / (times[second] - times[first])))
        apart = lates - slope * (times - times[-1])
        level = float(np.median(apart))
        # 1.48 times the median distance is the deviation of what is spread as Gauss says.
        spread, number = 1.48 * float(np.median(np.abs(apart - level))), len(times)
        self._span = span = float(times[-1] - times[0])
        steady = 2 * 2 * spread / sqrt(number) <= STEADY_SECONDS
        self._line = (float(times[-1]), level, slope) if steady else None
        # The deviation of a line's slope is spread * sqrt(12 / number) / span.
        if (4 * spread * sqrt(12 / number) + self.quantum) / span * 1e6 <= self.precision:
            self._ppm = round(-slope * 1e6, 2) + 0.0  # never minus nothing


@lru_cache(maxsize=MOST_POINTS)
def _pairs(number: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    first, second = np.triu_indices(number, 1)
    return first, second
