"""Bytes into the audio input: the upgrade's request, the frames, and what the switches' dialects make of it.

The first byte of an input chooses: a request (0), or frames after the 101 and the dialect that hears them.
The second is how they are cut. Whatever comes, a connection ends in a documented way, audio is whole frames
and never more than was sent, and however the bytes are cut, the recordings are the same.
"""

import itertools
import random
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, cast

from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from tests.fuzz import _mutation
from wavstream.ingest import fork
from wavstream.ingest.call import Talk
from wavstream.ingest.fork import ForkTalk
from wavstream.ingest.freeswitch import FreeSwitchTalk
from wavstream.process import framing, logs
from wavstream.process.framing import Framing, RequestError, offered
from wavstream.protocol import Reason
from wavstream.recordings import Recordings
from wavstream.wav import WavFormat

LIMIT = 4096
MONO, STEREO = WavFormat("pcm16", 8000, 1), WavFormat("pcm16", 16000, 2)


@dataclass(eq=False)
class Recorded:
    """What a talk needs of a LiveRecording, and what came of it."""

    audio: WavFormat
    row: Any
    recording_id: str
    data: bytearray = field(default_factory=bytearray)
    notes: list[str] = field(default_factory=list)
    ended: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def received(self) -> int:
        return len(self.data)

    def append(self, data: bytes) -> None:
        assert data, "nothing is no audio"
        assert not self.ended, "audio after the end"
        self.data += data

    @property
    def facts(self) -> tuple[object, ...]:
        """All that must not depend on how the bytes were cut."""
        named = "" if self.row.name == self.recording_id else self.row.name
        return (self.audio, named, bytes(self.data), self.ended, self.notes, self.metadata)


@dataclass
class Row:
    name: str


class Store:
    """Recordings, as a talk sees them."""

    def __init__(self) -> None:
        self.all: list[Recorded] = []

    def begin(self, recording_id: str, audio: WavFormat, *, name: str, **about: Any) -> Recorded:
        self.all.append(Recorded(audio, Row(name), recording_id, metadata=about["metadata"]))
        return self.all[-1]

    def rename(self, recording: Recorded, name: str) -> None:
        recording.row = Row(name)

    def finish(self, recording: Recorded, reason: Reason, *, metadata: dict[str, Any]) -> None:
        assert not recording.ended, "ended twice"
        recording.ended, recording.metadata = reason, recording.metadata | metadata


def _talk(kind: int, store: Store) -> Talk:
    recordings = cast("Recordings", store)
    audio = STEREO if kind & 4 else MONO
    if kind & 1:
        return FreeSwitchTalk(recordings, audio, peer="fuzz", now=lambda: 0.0)
    return ForkTalk(fork.PATHS[0], recordings, audio, peer="fuzz", now=lambda: 0.0)


def _opened() -> Framing:
    """After its 101: the handshake is most of the time, and has inputs of its own."""
    opened = Framing(LIMIT)
    opened._protocol = ServerProtocol(state=OPEN, max_size=LIMIT, logger=framing._silent)
    return opened


def do(data: bytes) -> Hashable:
    """One input."""
    if len(data) < 2:
        return "nothing"
    kind, seed, rest = data[0], data[1], data[2:]
    if not kind:
        return _request(rest)
    whole, ended, trace = _hear(kind, [rest])
    cut, as_cut, _ = _hear(kind, _cut(rest, seed))
    assert (cut, as_cut) == (whole, ended), (cut, whole, as_cut, ended)
    return trace


def _cut(data: bytes, seed: int) -> list[bytes]:
    chance = random.Random(seed)
    places = sorted({0, len(data), *(chance.randrange(len(data) + 1) for _ in range(seed % 8))})
    return [data[first:last] for first, last in itertools.pairwise(places)]


def _hear(kind: int, chunks: list[bytes]) -> tuple[list[tuple[object, ...]], object, Hashable]:
    store, connection = Store(), _opened()
    talk, closing, kinds = _talk(kind, store), None, 0
    for chunk in [*filter(None, chunks), b""]:
        connection.feed(chunk)
        messages = connection.messages()
        kinds |= sum({1 if isinstance(each, str) else 2 if each else 4 for each in messages})
        closing = closing or talk.take_in(messages)
        connection.outgoing()
        if closing or connection.ended:
            break
    assert closing or connection.ended, "it went on after the end of the stream"
    if closing is None and connection.ended is not None:
        talk.end("stopped" if connection.ended.clean else "interrupted")
    talk.end("interrupted")  # the listener lets go in any case
    _check(store, sum(map(len, chunks)))
    ended = (closing.code, "") if closing else _ended(connection)
    trace = (kind & 5, ended, kinds, min(3, len(store.all)), _shape(store))
    return [each.facts for each in store.all], ended, trace


def _ended(connection: Framing) -> tuple[int, str]:
    """How it ended; a peer may have said any words, and more codes than are worth a trace each."""
    if connection.ended is None:
        return 0, ""
    if connection.ended.by_peer:
        return min(connection.ended.code, 1016), ""  # one more than the last of RFC 6455
    return connection.ended.code, connection.ended.reason[:10]


def _check(store: Store, sent: int) -> None:
    assert sum(each.received for each in store.all) <= sent, "more audio than was sent"
    for each in store.all:
        assert each.ended, "left running"
        assert each.received, "a recording without audio"
        assert each.received % each.audio.frame_bytes == 0, "half a frame"
        assert len(each.notes) <= 100
        assert len(each.metadata.get("marks", ())) <= 1000


def _shape(store: Store) -> Hashable:
    return tuple((each.ended, bool(each.notes), *sorted(each.metadata)) for each in store.all[:2])


def _request(data: bytes) -> Hashable:
    connection = Framing(LIMIT)
    try:
        request = connection.receive_request(data)
        if request is None:
            return "more is to come"
        subprotocols = offered(request)
        accepted = connection.accept(subprotocols[0] if subprotocols else None)
    except RequestError as wrong:
        return f"refused: {str(wrong)[:12]}"
    status = connection.outgoing()[0][:12]
    assert (status == b"HTTP/1.1 101") is accepted
    assert accepted or status.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5"))
    return status, bool(subprotocols), len(connection.messages()) > 0


if __name__ == "__main__":
    logs.configure("error")
    _mutation.main("websocket", do)
