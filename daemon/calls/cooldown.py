"""The pause between two heavy commands of one session. No I/O, no clock."""

from collections import OrderedDict

SECONDS = 2.0


class Cooldown:
    """When each session's last heavy command was taken. Holds no more than those of the last window."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._taken: OrderedDict[str, float] = OrderedDict()  # oldest first

    def remaining(self, session_uuid: str, now: float) -> float:
        """Seconds until the session may have its next one; 0: now."""
        return max(self._taken.get(session_uuid, float("-inf")) + self._seconds - now, 0.0)

    def charge(self, session_uuid: str, now: float) -> None:
        """A heavy command was taken at `now`. Not for a refused one, which must not extend the window."""
        self._taken.pop(session_uuid, None)
        self._taken[session_uuid] = now
        while self._taken and next(iter(self._taken.values())) + self._seconds <= now:
            self._taken.popitem(last=False)
