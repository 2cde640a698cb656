"""How often somebody may ask: requests counted in fixed windows of a minute. No I/O, no clock.

Memory is bounded however many ask, which the libraries that count by key do not promise.
"""

from collections import Counter
from dataclasses import dataclass
from math import ceil

WINDOW_SECONDS = 60
MOST_KEYS = 10_000
"""Counted apart in one window, some 100 bytes each; all that come later share one count."""
_THE_REST = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands with `quota` requests a window: `remaining` of them, for `seconds` from now."""

    quota: int
    remaining: int
    seconds: int
    exceeded: bool

    def headers(self, policy: str) -> dict[str, str]:
        """The fields of draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4."""
        return {
            "RateLimit-Policy": f'"{policy}";q={self.quota};w={WINDOW_SECONDS}',
            "RateLimit": f'"{policy}";r={self.remaining};t={self.seconds}',
        }


class FixedWindow:
    """Counts by key; at each whole minute of the caller's clock all counts begin anew."""

    def __init__(self, most_keys: int = MOST_KEYS) -> None:
        self._most_keys = most_keys
        self._window = 0
        self._counts: Counter[str] = Counter()

    def charge(self, key: str, quota: int, now: float) -> Standing:
        """Count one more request at `now`, in seconds, and say how `key` stands after it.

        One that exceeds the quota is not counted: what is refused makes nothing worse.
        """
        key = self._place(key, now)
        exceeded = self._counts[key] >= quota
        if not exceeded:
            self._counts[key] += 1
        return self._standing(key, quota, now, exceeded=exceeded)

    def refund(self, key: str, now: float) -> None:
        """Take one count of the present window back."""
        key = self._place(key, now)
        if self._counts[key] > 0:
            self._counts[key] -= 1

    def _place(self, key: str, now: float) -> str:
        window = int(now // WINDOW_SECONDS)
        if window != self._window:
            self._window = window
            self._counts.clear()
        known = key in self._counts or len(self._counts) < self._most_keys
        return key if known else _THE_REST

    def _standing(self, key: str, quota: int, now: float, *, exceeded: bool) -> Standing:
        return Standing(
            quota=quota,
            remaining=max(quota - self._counts[key], 0),
            seconds=max(ceil((self._window + 1) * WINDOW_SECONDS - now), 1),
            exceeded=exceeded,
        )
