"""What of a recording nobody may hear: the spans in which it was paused."""

from collections.abc import Iterator
from math import inf


class Mask:
    """Spans of sample indexes, in order; the last one may still be open, and so have no end yet."""

    def __init__(self) -> None:
        self._spans: list[tuple[int, float]] = []

    @property
    def is_open(self) -> bool:
        """Whether the last span has no end yet."""
        return bool(self._spans) and self._spans[-1][1] == inf

    def begin(self, index: int) -> None:
        """From `index` on all is hidden. Does nothing while a span is open."""
        if not self.is_open:
            self._spans.append((index, inf))

    def end(self, index: int) -> None:
        """What lies at `index` and behind it may be heard again. Does nothing where no span is open."""
        if self.is_open:
            start, _ = self._spans.pop()
            self._spans.append((start, max(start, index)))

    def forget(self, index: int) -> None:
        """Nothing before `index` will be asked for again."""
        while self._spans and self._spans[0][1] <= index:
            del self._spans[0]

    def hidden(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """The parts of `start` up to, not including, `stop` that are hidden, in order."""
        for first, last in self._spans:
            low, high = max(first, start), int(min(last, stop))
            if low < high:
                yield low, high

    def split(self, start: int, stop: int) -> Iterator[tuple[int, int, bool]]:
        """All of `start` up to `stop` in order, cut where it changes from heard to hidden (True) and back."""
        at = start
        for low, high in self.hidden(start, stop):
            if at < low:
                yield at, low, False
            yield low, high, True
            at = high
        if at < stop:
            yield at, stop, False
