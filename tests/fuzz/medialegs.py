"""Whole connections' bytes into the legs: what every dialect over WebSocket makes of them, and AudioSocket.

The first byte of an input chooses the dialect, the second how the rest is cut. Whatever comes, only WireError
ends it, no more is heard than was sent, and however the bytes are cut, the same is heard.
"""

import itertools
import random
from collections.abc import Hashable

from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from daemon.media.audiosocket import Parser
from daemon.media.audiosocketstream import AudioSocketStream
from daemon.media.dialects import choice
from daemon.media.heard import Heard
from daemon.media.websocketstream import Conversation, WebSocketStream
from daemon.media.wire import WireError
from tests.fuzz import _mutation
from wavstream.process import framing, logs
from wavstream.process.framing import Framing

LIMIT = 4096
NOW = 1000.0
PATHS = (
    "/v1/calls",
    "/v1/calls/audio-stream",
    "/v1/calls/chan-websocket",
    "/v1/calls/twilio",
    "/v1/calls/telnyx",
    "/v1/calls/audio-fork",
)
FORK = len(PATHS) - 1
"""An empty message is its end where it comes last: so it matters how it is cut."""
AUDIOSOCKET = len(PATHS)
QUERY = {"both_ways": "1", "answer": "1", "channels": "2"}

Wires = WebSocketStream | AudioSocketStream


def _opened(kind: int) -> Conversation:
    """After its 101: the handshake is most of the time, and has inputs of its own."""
    opened = Framing(LIMIT)
    opened._protocol = ServerProtocol(state=OPEN, max_size=LIMIT, logger=framing._silent)
    return Conversation(opened, choice.begin(PATHS[kind], [], QUERY))


def do(data: bytes) -> Hashable:
    """One input."""
    if len(data) < 2:
        return "nothing"
    kind, seed, rest = data[0] % (AUDIOSOCKET + 1), data[1], data[2:]
    whole, trace = _hear(kind, [rest])
    cut, _ = _hear(kind, _cut(rest, seed))
    assert kind == FORK or cut == whole, (cut, whole)
    return kind, trace


def _cut(data: bytes, seed: int) -> list[bytes]:
    chance = random.Random(seed)
    places = sorted({0, len(data), *(chance.randrange(len(data) + 1) for _ in range(seed % 8))})
    return [data[first:last] for first, last in itertools.pairwise(places)]


def _hear(kind: int, chunks: list[bytes]) -> tuple[object, Hashable]:
    wire: Wires
    if kind == AUDIOSOCKET:
        wire = AudioSocketStream()
        wire.begin(Parser())
    else:
        wire = WebSocketStream()
        wire.begin(_opened(kind))
    error = ""
    try:
        for chunk in filter(None, chunks):
            wire.receive(chunk, NOW)
            wire.silence(0.02)
            wire.outgoing()
            if wire.hung_up:
                break
    except WireError as wrong:
        error = str(wrong)
        assert error
    wire.look(NOW, whole=True)
    wire.finish(NOW)
    heard = wire.heard()
    _check(wire, heard, sum(map(len, chunks)))
    return _facts(wire, heard, error), _trace(wire, heard, error)


def _check(wire: Wires, heard: list[Heard], sent: int) -> None:
    # G.722 is given on as samples: four bytes of them for each of its own.
    assert sum(len(each.payload) for each in heard) <= 4 * sent, "more audio than was sent"
    assert all(len(each.payload) % each.codec.bytes_per_sample == 0 for each in heard), "half a sample"
    assert all(each.voice in {0, 1} for each in heard)
    assert not wire.waiting
    wire.goodbye()
    wire.view()


def _facts(wire: Wires, heard: list[Heard], error: str) -> object:
    """All that must not depend on how the bytes were cut: audio where none belongs counts once a read."""
    audio = [b"".join(each.payload for each in heard if each.voice == voice) for voice in (0, 1)]
    about = wire.view().get("call")
    return audio, wire.keys, wire.unknown > 0, wire.hung_up, about, error


def _trace(wire: Wires, heard: list[Heard], error: str) -> Hashable:
    about = wire.view().get("call") or {}
    return (
        error[:12],
        wire.hung_up,
        min(2, len(heard)),
        wire.keys > 0,
        min(2, wire.unknown),
        *(bool(about.get(name)) for name in ("call_id", "caller_id", "fields")),
        None if wire.codec is None else wire.codec.name,
    )


if __name__ == "__main__":
    logs.configure("error")
    _mutation.main("medialegs", do)
