"""Whether a peer that says nothing is still there."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import soundfile
import trio

from tests.wavstream.clients import audio, frame, frames, text, upgrade
from tests.wavstream.servers import BOUND_SECONDS, running
from wavstream import protocol
from wavstream.ingest.dialect import Closing
from wavstream.ingest.server import Ingest
from wavstream.ingest.vigil import Vigil
from wavstream.ingest.websocket import DisconnectedError, WebSocket
from wavstream.metrics import Metrics
from wavstream.process.access import Access
from wavstream.process.settings import Address

ONE = b"\x01\x00" * 160
ID = "recording-1"


def test_a_peer_that_says_something_between_two_looks_is_never_asked() -> None:
    vigil = Vigil()
    assert [vigil.look(reads, listening=True) for reads in (1, 2, 3, 9)] == ["well"] * 4


def test_a_silent_peer_is_asked_once_and_gone_if_it_does_not_answer() -> None:
    vigil = Vigil()
    assert [vigil.look(5, listening=True) for _ in range(4)] == ["well", "ask", "gone", "gone"]


def test_a_peer_that_answers_is_asked_again_and_again() -> None:
    vigil = Vigil()
    looks = [vigil.look(reads, listening=True) for reads in (1, 1, 2, 2, 3, 3)]
    assert looks == ["well", "ask", "well", "ask", "well", "ask"]


def test_a_peer_that_nobody_listens_to_is_not_blamed() -> None:
    vigil = Vigil()
    assert [vigil.look(1, listening=heard) for heard in (True, True, False, True, True)] == [
        "well",
        "ask",
        "well",
        "ask",
        "gone",
    ]


async def asked(stream: trio.SocketStream) -> None:
    """Read until a ping comes."""
    received = b""
    with trio.fail_after(BOUND_SECONDS):
        while (9, b"") not in frames(received.rpartition(b"\r\n\r\n")[2]):
            chunk = await stream.receive_some()
            assert chunk, "closed instead"
            received += chunk


async def test_a_switch_that_vanishes_is_asked_and_its_recording_interrupted(
    tmp_path: Path, logged: list[Any]
) -> None:
    """It neither closes nor answers; the connection stays open as that of a machine without power does."""
    async with (
        running(tmp_path, wavstream_peer_seconds=0.3) as server,
        await trio.open_tcp_stream(*server.listening.ingest) as stream,
    ):
        await stream.send_all(upgrade("/ws") + text("a") + audio(ONE))
        await asked(stream)
        [row] = await server.ended(1)
    assert (row["name"], row["reason"]) == ("a", "interrupted")
    assert soundfile.read(server.file(row), dtype="int16")[0].tobytes() == ONE
    assert "the peer is gone without a word" in {each["event"] for each in logged}


async def test_a_resuming_client_that_vanishes_leaves_an_orphan(tmp_path: Path) -> None:
    start = protocol.Start(recording_id=ID, sample_rate=8000, channels=1, encoding="pcm16")
    request = upgrade(protocol.PATH, f"Sec-WebSocket-Protocol: {protocol.SUBPROTOCOL}")
    async with (
        running(tmp_path, wavstream_peer_seconds=0.3, wavstream_orphan_seconds=0.1) as server,
        await trio.open_tcp_stream(*server.listening.ingest) as stream,
    ):
        await stream.send_all(request + text(protocol.encode(start)))
        received = b""
        with trio.fail_after(BOUND_SECONDS):
            while b'"ready"' not in received:
                received += await stream.receive_some()
        await stream.send_all(audio(ONE))
        row = await server.one(ID, "completed")
    assert row["reason"] == "interrupted"


class Listening:
    """A dialect that does nothing but listen, and a conversation of it."""

    def __init__(self) -> None:
        self.ended: list[int] = []
        self.websocket: WebSocket | None = None

    def subprotocol(self, offered: Sequence[str]) -> None:
        return None

    def conversation(self, query: Mapping[str, str], *, peer: str) -> "Listening":
        return self

    @property
    def listens(self) -> bool:
        return self.websocket is not None and self.websocket.listening

    @property
    def reads(self) -> int:
        return 0 if self.websocket is None else self.websocket.reads

    async def run(self, websocket: WebSocket) -> Closing:
        self.websocket = websocket
        try:
            while True:
                await websocket.receive()
        except DisconnectedError as gone:
            self.ended.append(gone.ended.code)
        return Closing(1000)

    async def drain(self, websocket: WebSocket) -> None:
        pass

    def release(self) -> None:
        pass


async def test_a_paused_switch_that_answers_stays_and_one_that_stops_answering_goes() -> None:
    """By hand, look by look, so that the machine's speed decides nothing."""
    dialect, stopping = Listening(), trio.Event()
    ingest = Ingest(
        {"/": dialect}, access=Access(None), most_connections=1, peer_seconds=3600, metrics=Metrics()
    )
    async with trio.open_nursery() as nursery:
        address: Address = await nursery.start(
            partial(ingest.serve, Address("127.0.0.1", 0), stopping=stopping)
        )
        async with await trio.open_tcp_stream(*address) as stream:
            await stream.send_all(upgrade("/"))
            for answers in range(3):
                await until(lambda: dialect.listens)
                ingest.look_round(nursery)
                ingest.look_round(nursery)
                await asked(stream)
                await stream.send_all(frame(10, b""))
                await until(lambda reads=answers + 2: dialect.reads == reads)
                assert dialect.ended == []
            await until(lambda: dialect.listens)
            for _ in range(3):
                ingest.look_round(nursery)
            await until(lambda: dialect.ended == [1006])
        stopping.set()


async def until(right: Any) -> None:
    with trio.fail_after(BOUND_SECONDS):
        while not right():  # noqa: ASYNC110 - it happens to another's object
            await trio.sleep(0.001)
