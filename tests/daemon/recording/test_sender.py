"""The sender against every fault of a server, in virtual time, and so over streams in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import trio
from pydantic import SecretStr
from structlog.testing import capture_logs
from trio.testing import MockClock, lockstep_stream_pair
from trio_websocket import wrap_server_stream

from daemon.recording import link
from daemon.recording.endpoint import WavstreamEndpoint
from daemon.recording.failure import RecordingFailed
from daemon.recording.sender import (
    ACK_SECONDS,
    COMPLETE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    REFUSED_SECONDS,
    Sender,
)
from daemon.recording.window import ReplayWindow
from tests.daemon.recording.fakewavstream import FakeWavstream
from wavstream import protocol
from wavstream.process import logs

START = protocol.Start(recording_id="rec_12345678", sample_rate=8000, channels=1, encoding="pcm16")


@dataclass
class Network:
    """In the place of TCP: `unreachable` connections fail, `deaf` ones lead nowhere; `tries` says when."""

    server: FakeWavstream
    nursery: trio.Nursery
    unreachable: int = 0
    deaf: int = 0
    tries: list[float] = field(default_factory=list)
    opened: int = 0
    closed: int = 0

    @asynccontextmanager
    async def tcp(self, _: WavstreamEndpoint) -> AsyncIterator[trio.abc.Stream]:
        self.tries.append(trio.current_time())
        await trio.lowlevel.checkpoint()
        if self.unreachable:
            self.unreachable -= 1
            raise ConnectionRefusedError("nobody listens")
        ours, theirs = lockstep_stream_pair()
        self.opened += 1
        if self.deaf:
            self.deaf -= 1
        else:
            self.nursery.start_soon(self._serve, theirs)
        try:
            yield ours
        finally:
            self.closed += 1
            await trio.aclose_forcefully(ours)

    async def _serve(self, stream: trio.abc.Stream) -> None:
        async with trio.open_nursery() as nursery:
            request = await wrap_server_stream(nursery, stream)
            await self.server._handle(request)
            nursery.cancel_scope.cancel()
        await trio.aclose_forcefully(stream)


@dataclass
class Sending:
    network: Network
    window: ReplayWindow
    sender: Sender
    completed: protocol.Completed | None = None
    failed: RecordingFailed | None = None
    seconds: float = 0.0

    async def run(self) -> None:
        """Until it is over; `seconds` says how long that took."""
        begun = trio.current_time()
        try:
            self.completed = await self.sender.run()
        except RecordingFailed as failed:
            self.failed = failed
        self.seconds = trio.current_time() - begun

    @property
    def kept(self) -> bytes:
        return bytes(self.network.server.kept[START.recording_id].audio)


@asynccontextmanager
async def sending(
    monkeypatch: pytest.MonkeyPatch, server: FakeWavstream, audio: bytes = b"voice" * 1000, **network: Any
) -> AsyncIterator[Sending]:
    """A sender with all of its audio before it, and a server behind a network in memory."""
    window = ReplayWindow(capacity=1 << 20, silent_byte=0)
    window.append(audio)
    window.close()
    sender = Sender(
        start=START,
        endpoint=WavstreamEndpoint("ws://wavstream:8080", SecretStr("t0ken")),
        window=window,
        log=logs.get("tests"),
    )
    async with trio.open_nursery() as nursery:
        wire = Network(server, nursery, **network)
        monkeypatch.setattr(link, "tcp", wire.tcp)
        yield Sending(wire, window, sender)
        nursery.cancel_scope.cancel()
    assert wire.opened == wire.closed


async def test_it_says_who_it_is_and_sends_everything(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    server = FakeWavstream()
    async with sending(monkeypatch, server, audio=b"voice" * 100_000) as work:
        work.sender.reason = "hangup"
        await work.run()
    assert work.kept == b"voice" * 100_000
    assert server.paths == ["/v1/stream"]
    assert server.headers[0][b"authorization"] == b"Bearer t0ken"
    assert server.kept[START.recording_id].stop == protocol.Stop(offset=500_000, reason="hangup")
    assert work.completed == server.kept[START.recording_id].completed()
    assert work.sender.stopped
    assert not work.sender.connected


async def test_a_recording_of_nothing_is_completed_too(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with sending(monkeypatch, FakeWavstream(), audio=b"") as work:
        await work.run()
    assert work.completed is not None
    assert work.kept == b""


@pytest.mark.contract("wavstream-away")
async def test_a_server_out_of_reach_is_waited_for_with_growing_pauses(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with sending(monkeypatch, FakeWavstream(), unreachable=200) as work:
        with capture_logs() as logged:
            await work.run()
    pauses = [
        after - before for before, after in zip(work.network.tries, work.network.tries[1:], strict=False)
    ]
    assert pauses[0] <= 0.1 < pauses[4] <= LONGEST_PAUSE_SECONDS
    assert all(LONGEST_PAUSE_SECONDS / 2 <= pause <= LONGEST_PAUSE_SECONDS for pause in pauses[6:])
    assert len({round(pause, 3) for pause in pauses}) > 100  # no two recordings in step
    assert work.completed is not None
    assert work.seconds > 400
    lost = [line for line in logged if line["event"] == "wavstream lost"]
    assert lost[0]["error"] == "nobody listens"
    assert lost[0]["waiting"] == 5000


async def test_after_progress_the_pauses_begin_anew(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    server = FakeWavstream(drops=[2500])
    async with sending(monkeypatch, server, unreachable=20) as work:
        # The connection that is cut has acknowledged nothing, the next one all: so one long pause, then none.
        await work.run()
    assert work.kept == b"voice" * 1000
    assert work.sender.connections == 2


async def test_a_handshake_that_is_not_answered_is_given_up(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with sending(monkeypatch, FakeWavstream(), deaf=1) as work:
        await work.run()
    assert work.completed is not None
    assert link.CONNECT_SECONDS <= work.seconds < link.CONNECT_SECONDS + 1


async def test_a_start_that_is_not_answered_is_given_up(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    server = FakeWavstream(answering_start=False)
    async with sending(monkeypatch, server) as work, trio.open_nursery() as nursery:
        nursery.start_soon(work.run)
        await trio.sleep(5)
        server.answering_start = True
    assert work.completed is not None
    assert server.connections == 2


async def test_a_server_that_reads_no_more_is_left(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    server = FakeWavstream(reading=False)
    async with sending(monkeypatch, server, audio=bytes(800_000)) as work, trio.open_nursery() as nursery:
        nursery.start_soon(work.run)
        await trio.sleep(5)
        server.reading = True
    assert work.kept == bytes(800_000)
    assert server.connections == 2


async def test_a_server_that_acknowledges_nothing_is_left_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    server = FakeWavstream(acknowledging=False)
    window = ReplayWindow(capacity=1 << 20, silent_byte=0)
    async with sending(monkeypatch, server) as work:
        work.sender._window = work.window = window  # one that grows while it is sent
        async with trio.open_nursery() as nursery:
            nursery.start_soon(work.run)
            for beat in range(300):
                window.append(bytes([beat % 251]) * 100)
                work.sender.news()
                await trio.sleep(0.1)
                if server.connections == 2:
                    server.acknowledging = True
            window.close()
            work.sender.news()
    assert work.kept == b"".join(bytes([beat % 251]) * 100 for beat in range(300))
    assert server.connections == 2
    assert work.network.tries[1] == pytest.approx(ACK_SECONDS, abs=0.5)


async def test_a_stop_that_is_not_answered_is_said_again(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    server = FakeWavstream(completing=False)
    async with sending(monkeypatch, server) as work, trio.open_nursery() as nursery:
        nursery.start_soon(work.run)
        await trio.sleep(COMPLETE_SECONDS - 1)
        server.completing = True
    assert work.completed is not None
    assert COMPLETE_SECONDS <= work.seconds < COMPLETE_SECONDS + 1
    assert server.connections == 2


async def test_a_recording_that_was_completed_before_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    server = FakeWavstream()
    async with sending(monkeypatch, server) as work:
        await work.run()
        work.sender._completed = None
        work.window.rewind(0)
        await work.run()
    assert work.completed is not None
    assert server.connections == 2
    assert work.sender.connections == 1  # the second got no ready


async def test_a_server_may_finish_a_recording_by_itself(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    server = FakeWavstream(finishing_early=True)
    window = ReplayWindow(capacity=1 << 20, silent_byte=0)
    window.append(b"voice")
    async with sending(monkeypatch, server) as work:
        work.sender._window = window  # one that stays open
        await work.run()
    assert work.completed is not None
    assert work.completed.size == 5
    assert not work.sender.stopped


async def test_a_server_that_refuses_for_long_fails_the_recording(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with sending(monkeypatch, FakeWavstream(reject=401)) as work:
        await work.run()
    assert str(work.failed) == "wavstream refuses the recording: the server answered with HTTP status 401"
    assert REFUSED_SECONDS < work.seconds < REFUSED_SECONDS + 2 * LONGEST_PAUSE_SECONDS


async def test_a_server_that_refuses_for_a_while_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    server = FakeWavstream(reject=403)
    async with sending(monkeypatch, server) as work, trio.open_nursery() as nursery:
        nursery.start_soon(work.run)
        await trio.sleep(REFUSED_SECONDS / 2)
        server.reject = None
    assert work.kept == b"voice" * 1000


@pytest.mark.parametrize(
    "passing", [{"reject": 503}, {"error": protocol.Error(code="unavailable", message="the disk is slow")}]
)
async def test_a_server_that_cannot_at_present_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock, passing: dict[str, Any]
) -> None:
    server = FakeWavstream(**passing)
    async with sending(monkeypatch, server) as work, trio.open_nursery() as nursery:
        nursery.start_soon(work.run)
        await trio.sleep(10 * REFUSED_SECONDS)
        server.reject = server.error = None
    assert work.kept == b"voice" * 1000


async def test_an_error_that_is_final_fails_the_recording_at_once(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    final = protocol.Error(code="format_changed", message="the recording has begun as ulaw")
    async with sending(monkeypatch, FakeWavstream(error=final)) as work:
        await work.run()
    assert str(work.failed) == "wavstream: the recording has begun as ulaw"
    assert work.seconds < 1


async def test_another_error_is_a_refusal(monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock) -> None:
    async with sending(
        monkeypatch, FakeWavstream(error=protocol.Error(code="bad_message", message="what?"))
    ) as work:
        await work.run()
    assert str(work.failed) == "wavstream refuses the recording: bad_message: what?"


async def test_a_server_that_speaks_something_else_is_refused(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with sending(monkeypatch, FakeWavstream(subprotocol=None)) as work:
        await work.run()
    assert str(work.failed) == "wavstream refuses the recording: the server does not speak wavstream.v1"


async def test_a_server_that_has_more_than_was_ever_sent_has_another_recording(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    server = FakeWavstream(answers=[protocol.encode(protocol.Ready(offset=77))] * 100)
    async with sending(monkeypatch, server) as work:
        await work.run()
    assert "the server has 77 bytes, of which only 0 were ever sent" in str(work.failed)


@pytest.mark.parametrize(
    "answer",
    [b"binary", "no json", '{"type": "ready", "offset": -1}', protocol.encode(protocol.Ack(offset=0))],
)
async def test_an_answer_that_breaks_the_protocol_costs_one_connection(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock, answer: str | bytes
) -> None:
    server = FakeWavstream(answers=[answer])
    async with sending(monkeypatch, server) as work:
        await work.run()
    assert work.kept == b"voice" * 1000
    assert server.connections == 2


async def test_a_ready_in_the_middle_costs_one_connection(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    server = FakeWavstream(doubling_ready=True)
    async with sending(monkeypatch, server) as work:
        await work.run()
    assert work.kept == b"voice" * 1000
    assert server.connections == 2
