"""What a recording is called where it is saved (RFC 6266, RFC 8187). No I/O."""

import re
from datetime import UTC, datetime
from urllib.parse import quote

from storage.recordings import Recording

_MOST_CHARACTERS = 150
"""With the date behind it, any file system takes it; in UTF-8 as well, for all but the rarest of names."""
_UNSAFE = frozenset('/\\:*?"<>|')
"""Not in a file's name on one system or another; nor is what cannot be seen, such as a turn of direction."""
_BEYOND_ASCII = re.compile(r'[^ -~]|[%"\\]')  # nor what some browsers take for an escape


def file_name(row: Recording) -> str:
    """The recording's name, or its id, and when it began (UTC): `call-0001-20261125T160507Z.wav`."""
    name = (row.name or row.recording_id).removesuffix(".wav")
    name = "".join("_" if each in _UNSAFE or not each.isprintable() else each for each in name)
    name = name.strip(" .")[:_MOST_CHARACTERS] or row.recording_id
    return f"{name}-{_date(row.started_at)}.wav"


def disposition(row: Recording, *, attachment: bool) -> str:
    """The `Content-Disposition`: to be played where it stands, or to be saved.

    A name that is not plain ASCII comes twice, for those who know RFC 8187 and for those who do not.
    """
    name = file_name(row)
    plain = _BEYOND_ASCII.sub("_", name)
    said = f'{"attachment" if attachment else "inline"}; filename="{plain}"'
    return said if plain == name else f"{said}; filename*=UTF-8''{quote(name, safe='')}"


def _date(at: float) -> str:
    """A clock that a client has set may say anything; what no calendar has is left as the number it is."""
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}"
    except (ValueError, OverflowError, OSError):
        return f"{at:.0f}"
