"""What a person should read about, once."""

from typing import Any, NamedTuple

NOTICES = 16
"""So many notices of a kind are given: enough to see what is wrong, and no flood fills the log."""


class Notice(NamedTuple):
    """An event's words and its fields, for the log."""

    event: str
    fields: dict[str, Any]


class Notices:
    """What has been noticed so far."""

    def __init__(self) -> None:
        self._known: dict[str, set[object]] = {}

    def once(self, event: str, about: object, **fields: Any) -> Notice | None:
        """A notice, if this event was not noticed about the same before, nor about too many others."""
        known = self._known.setdefault(event, set())
        if about in known or len(known) >= NOTICES:
            return None
        known.add(about)
        return Notice(event, fields)
