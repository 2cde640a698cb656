"""The keys pressed on a leg, as its session shows them."""

import time
from collections import deque
from collections.abc import Iterable
from typing import Any

import trio

from daemon.legs.tracks import Tracks
from daemon.media.keys import Key

KEYS_KEPT = 64
"""So many keys are shown, the last ones: what a caller enters in a menu has far fewer."""


class KeyLog:
    """The last keys, but for those of a recording's pauses: they may be a card's number."""

    def __init__(self, tracks: Tracks) -> None:
        """`tracks` are the leg's: they know the pauses."""
        self._tracks = tracks
        self._keys: deque[tuple[str, float]] = deque(maxlen=KEYS_KEPT)

    def note(self, keys: Iterable[Key], *, slack: float) -> None:
        """Keep keys of which it is known when they were pressed to `slack` seconds."""
        to_epoch = time.time() - trio.current_time()
        for key in keys:
            if not self._tracks.hide(key.at, slack):
                self._keys.append((key.digit, key.at + to_epoch))

    def view(self) -> list[dict[str, Any]]:
        """Which, and when: seconds since the epoch."""
        return [{"key": digit, "at": round(at, 3)} for digit, at in self._keys]
