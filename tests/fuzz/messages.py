"""Texts into the control messages of `wavstream.v1`, and the JSON of mod_audio_fork and jambonz."""

import json
from collections.abc import Hashable

from tests.fuzz import _mutation
from wavstream import protocol
from wavstream.ingest.description import DescriptionError, describe, parse, pressed
from wavstream.protocol import ProtocolError
from wavstream.wav import WavFormat

DEFAULT = WavFormat("pcm16", 8000, 1)


def do(data: bytes) -> Hashable:
    """Whatever the text: a message that can be said again, or ProtocolError; a description, or its error."""
    text = data.decode(errors="replace")
    return _message(text), _description(text)


def _message(text: str) -> str:
    try:
        message = protocol.decode(text)
    except ProtocolError as wrong:
        return str(wrong).partition(":")[2][:24]
    again = protocol.decode(protocol.encode(message))
    assert again == message, (again, message)
    return message.type


def _description(text: str) -> str:
    said = parse(text)
    if said is None:
        return "none"
    json.loads(json.dumps(said, allow_nan=False))
    key = pressed(said)
    if key is not None:
        assert all(len(value) <= 32 for value in key.values())
        return "key"
    try:
        told = describe(said, default=DEFAULT)
    except DescriptionError as wrong:
        return str(wrong)
    assert 8000 <= told.format.sample_rate <= 48000
    assert told.format.channels in {1, 2}
    return f"call {told.name is not None} {told.format.channels}"


if __name__ == "__main__":
    _mutation.main("messages", do)
