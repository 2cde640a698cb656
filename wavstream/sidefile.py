"""The side file: what the catalogue knows of a recording, as JSON beside its WAV, for when it is lost.

It says neither token nor URL, so that its content can be shown; the token is its name. No URL leads to it,
and its mode keeps it from a web server of another user that shows the files. It is written with the first
audio, when the name changes, and at the end; only the last waits for the disk. A recording that failed has
none: nothing of it is kept.
"""

import json
import math
from dataclasses import asdict
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError

from storage.objects import ObjectStore
from storage.recordings import Recording
from wavstream.protocol import Encoding

VERSION = 1
MOST_BYTES = 4 << 20
"""No side file is longer: its metadata came in two messages of a mebibyte, of which JSON may escape some."""

_ROW: TypeAdapter[Recording] = TypeAdapter(Recording)


class SideFileError(Exception):
    """The content is no side file of ours. Its text says why, and holds nothing of it."""


def content(row: Recording) -> bytes:
    """What the side file of this row says."""
    said = {"version": VERSION} | asdict(row)
    del said["token"]
    return json.dumps(said).encode() + b"\n"


def read(said: bytes, token: str) -> Recording:
    """The row that a side file was made of; its `token` is in its name. Raises SideFileError.

    Fields that are missing have their defaults, and unknown ones are passed over: other versions have others.
    """
    try:
        fields = json.loads(said)
    except (ValueError, RecursionError):
        raise SideFileError("no JSON") from None
    if not isinstance(fields, dict) or fields.get("version") != VERSION:
        raise SideFileError(f"not of version {VERSION}")
    return _row(fields | {"token": token})


def _row(fields: dict[str, Any]) -> Recording:
    try:
        row = _ROW.validate_python(fields)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SideFileError(f"{where}: {first['msg']}") from None
    if not all(map(_can_be_kept, asdict(row).values())):
        raise SideFileError("a value that no catalogue can keep")
    if row.encoding not in get_args(Encoding) or row.sample_rate <= 0 or row.channels not in {1, 2}:
        raise SideFileError(f"{row.encoding} at {row.sample_rate} Hz with {row.channels} channels")
    return row


def _can_be_kept(value: object) -> bool:
    """Whether a database takes it: JSON has numbers without bounds, and halves of characters."""
    if isinstance(value, int | float):
        return math.isfinite(value) and abs(value) < 1 << 63
    return not isinstance(value, str) or value.encode("utf-8", "replace").decode() == value


def write(store: ObjectStore, row: Recording) -> None:
    """Bring the side file up to date, safe from power loss; blocks. Raises OSError."""
    store.replace(row.side_path, content(row), durable=True)


def remove(store: ObjectStore, row: Recording) -> None:
    """Take a recording's files off the disk, those that are there; blocks. Raises OSError.

    The side file goes first: what is cut short in between is no recording that a rebuild would find again.
    """
    store.delete(row.side_path)
    store.delete(row.path)
