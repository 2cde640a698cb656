"""What switches said, as messages: from the captures in tests/data, and what the dialects made of them."""

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from websockets.frames import Frame, Opcode
from websockets.protocol import SERVER, Protocol

from daemon.media.codecs import Samples
from daemon.media.dialects.dialect import Dialect, Event, Message, Sound
from tests.daemon.media import captures


class Capture(NamedTuple):
    """A real switch's connection: the request's target and subprotocols, and all its messages."""

    path: str
    query: dict[str, str]
    subprotocols: list[str]
    messages: list[Message]


def capture(name: str, *, cut: int | None = None) -> Capture:
    """The conversation of that name; its bytes as they came, or in pieces of `cut` bytes."""
    chunks = [data for _, data in captures.packets(name)]
    request, _, rest = b"".join(chunks).partition(b"\r\n\r\n")
    target, _, query = request.split(b" ")[1].decode().partition("?")
    offered = [line.split(b":")[1] for line in request.splitlines() if line.startswith(b"Sec-WebSocket-Prot")]
    pairs = (pair.split("=") for pair in query.split("&") if pair)
    size = cut or len(rest)
    pieces = [rest[at : at + size] for at in range(0, len(rest), size)]
    return Capture(target, dict(pairs), [each.strip().decode() for each in offered], unframed(pieces))


def unframed(pieces: Iterable[bytes]) -> list[Message]:
    """The messages in the bytes behind an upgrade, up to the close."""
    protocol, messages = Protocol(SERVER), []
    for piece in pieces:
        protocol.receive_data(piece)
        for frame in protocol.events_received():
            assert isinstance(frame, Frame)
            if frame.opcode in {Opcode.TEXT, Opcode.BINARY}:
                assert frame.fin
                data = bytes(frame.data)
                messages.append(data.decode() if frame.opcode == Opcode.TEXT else data)
            else:
                assert frame.opcode == Opcode.CLOSE
    assert protocol.close_rcvd is not None
    assert protocol.close_rcvd.code == 1000
    return messages


def recut(messages: Sequence[Message], sizes: Iterable[int]) -> list[Message]:
    """The same, with the audio between two texts in messages of other sizes."""
    made: list[Message] = []
    lengths = itertools.cycle(sizes)
    for binary, run in itertools.groupby(messages, lambda message: isinstance(message, bytes)):
        if not binary:
            made += run
            continue
        audio = b"".join(message for message in run if isinstance(message, bytes))
        while audio:
            size = next(lengths)
            made.append(audio[:size])
            audio = audio[size:]
    return made


def hear(dialect: Dialect, messages: Iterable[Message]) -> list[Event]:
    """All events, in order."""
    return [event for message in messages for event in dialect.receive(message)]


def samples(events: Iterable[Event], voice: int = 0) -> Samples:
    """What a voice said, in order of arrival."""
    sounds = [event for event in events if isinstance(event, Sound) and event.voice == voice]
    return np.concatenate([np.zeros(0, np.int16), *(each.codec.decode(each.payload) for each in sounds)])


def rest(events: Iterable[Event]) -> list[Event]:
    """All that is no audio."""
    return [event for event in events if not isinstance(event, Sound)]
