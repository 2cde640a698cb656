"""What is said about recordings: R of the contract, its pages, the questions that may be asked. No I/O."""

import base64
import binascii
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from storage.recordings import Recording
from wavstream.live import LiveRecording
from wavstream.urls import Urls

DEFAULT_LIMIT = 100
MOST_AT_ONCE = 1000
_STATES = ("recording", "completed", "failed")


class QueryError(Exception):
    """A parameter cannot be used; the text says which, and what it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which recordings are asked for; times in seconds since the epoch, `before` as storage has it."""

    name: str | None
    state: str | None
    since: float | None
    until: float | None
    limit: int
    before: tuple[float, str] | None


def query(parameters: Mapping[str, str]) -> Query:
    """The question of a URL's parameters. Raises QueryError."""
    state = parameters.get("state")
    if state is not None and state not in _STATES:
        raise QueryError(f"state takes {', '.join(_STATES)}")
    return Query(
        name=parameters.get("name"),
        state=state,
        since=_seconds(parameters, "since"),
        until=_seconds(parameters, "until"),
        limit=_limit(parameters.get("limit")),
        before=_before(parameters.get("cursor")),
    )


def cursor(last: Recording) -> str:
    """What a client shows to get the page behind the one that ends with `last`."""
    return base64.urlsafe_b64encode(json.dumps([last.started_at, last.recording_id]).encode()).decode()


def view(row: Recording, urls: Urls, running: LiveRecording | None = None) -> dict[str, Any]:
    """R: one recording as JSON shows it; a running one with the length that is in its file by now.

    The URL is a promise, and made only for what is complete; `expires_at` says until when.
    """
    said = {name: getattr(row, name) for name in _FIELDS}
    said["held"] = row.held_at is not None
    said["url"] = urls.url(row) if row.state == "completed" else None
    said["path"] = urls.path(row)
    if running is not None and row.state == "recording":  # the catalogue knows its end a moment sooner
        kept = running.audio.whole(running.written)
        said |= {"duration": running.audio.duration(kept), "size": running.header.file_bytes(kept)}
    return said


_FIELDS = (
    "recording_id",
    "name",
    "state",
    "reason",
    "sample_rate",
    "channels",
    "encoding",
    "started_at",
    "stopped_at",
    "expires_at",
    "duration",
    "size",
    "sha256",
    "audio_sha256",
    "metadata",
    "hold_reason",
)


def _seconds(parameters: Mapping[str, str], name: str) -> float | None:
    text = parameters.get(name)
    if text is None:
        return None
    with suppress(ValueError):
        if math.isfinite(seconds := float(text)):
            return seconds
    raise QueryError(f"{name} takes seconds since the epoch")


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= MOST_AT_ONCE):
        raise QueryError(f"limit takes 1 to {MOST_AT_ONCE}")
    return int(text)


def _before(text: str | None) -> tuple[float, str] | None:
    if text is None:
        return None
    try:
        started_at, recording_id = json.loads(base64.urlsafe_b64decode(text.encode()))
        if math.isfinite(started_at):
            return float(started_at), str(recording_id).encode().decode()
    except (binascii.Error, ValueError, TypeError, OverflowError, RecursionError):
        pass
    raise QueryError("cursor takes the `next` of an earlier answer")
