"""The JSON texts of mod_audio_fork and jambonz: what describes a call, what happens in it. No I/O.

jambonz begins with a description: `sampleRate`, `mixType`, `callSid` and all that it knows of the call. With
mod_audio_fork it is what the dialplan gave as metadata, which may be anything, or nothing at all.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from wavstream.ingest.names import is_name
from wavstream.ingest.query import SAMPLE_RATES
from wavstream.wav import WavFormat

MOST_DESCRIPTION_CHARACTERS = 65_536
"""jambonz sends the INVITE's headers and more, some thousand; what is longer is obeyed, but not kept."""
MOST_KEY_CHARACTERS = 32
"""Of a pressed key and its duration, as they are kept."""

_CHANNELS = {"mono": 1, "mixed": 1, "stereo": 2}
_NAMES = ("callSid", "uuid")


class DescriptionError(Exception):
    """A description that cannot be obeyed. Its text is for the peer."""


@dataclass(frozen=True, slots=True)
class Description:
    """A call: its audio's `format`, a `name` where it has a valid one, and `kept`, all that was said."""

    format: WavFormat
    name: str | None
    kept: dict[str, Any]


def parse(text: str) -> dict[str, Any] | None:
    """The JSON object that a text is; None for any other text, and where a number is none of JSON's."""
    try:
        value = from_json(text)
        json.dumps(value, allow_nan=False)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def describe(said: Mapping[str, Any], *, default: WavFormat) -> Description:
    """The call that is described so; what is not said is as in `default`. Raises DescriptionError."""
    rate = _sample_rate(said.get("sampleRate", default.sample_rate))
    channels = _channels(said.get("mixType"), default.channels)
    name = next((said[key] for key in _NAMES if isinstance(said.get(key), str) and is_name(said[key])), None)
    return Description(WavFormat("pcm16", rate, channels), name, dict(said))


def _sample_rate(value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 6:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value not in SAMPLE_RATES:
        raise DescriptionError("sampleRate takes 8000 to 48000")
    return value


def _channels(mix: object, default: int) -> int:
    if mix is None:
        return default
    if not isinstance(mix, str) or mix not in _CHANNELS:
        raise DescriptionError("mixType takes mono, mixed or stereo")
    return _CHANNELS[mix]


def pressed(said: Mapping[str, Any]) -> dict[str, str] | None:
    """The key that a `dtmf` event names, with its `duration` as it was said; None where it is none."""
    if said.get("event") != "dtmf" or not isinstance(said.get("dtmf"), str | int):
        return None
    found = {key: said.get(key) for key in ("dtmf", "duration")}
    return {
        key: str(value)[:MOST_KEY_CHARACTERS] for key, value in found.items() if isinstance(value, str | int)
    }
