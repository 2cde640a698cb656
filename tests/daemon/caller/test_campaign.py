"""Many calls at once. The daemon here is a stand-in that can fail."""

import itertools
import socket
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
import pytest
import trio
import trio.testing

from daemon.caller import campaign
from daemon.caller.campaign import record, talk_only
from daemon.caller.manner import Manner
from daemon.caller.pace import Spoken
from daemon.caller.talk import Talk
from daemon.client import ApiError, Client, RecordingView
from daemon.media import rtp
from daemon.media.codecs import PCMU

SOUND = np.random.default_rng(3).integers(-9000, 9000, 4000).astype(np.int16)
TALK = Talk.of(SOUND, PCMU, 0)


@dataclass
class Daemon:
    """Answers as the daemon does, and keeps what it was asked and sent."""

    port: int
    fails: dict[str, httpx.Response] = field(default_factory=dict)
    """Answers to give instead, by the end of the path."""
    recording: dict[str, Any] | None = field(
        default_factory=lambda: {
            "recording_id": "r",
            "state": "completed",
            "recording_url": "u",
            "duration": 0.5,
        }
    )
    legs: list[dict[str, str]] = field(default_factory=lambda: [{"leg": "caller", "state": "active"}])
    asked: list[str] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append(path.removeprefix("/api/v1/sessions"))
        for end, failure in self.fails.items():
            if path.endswith(end):
                return failure
        if request.method == "GET":
            return httpx.Response(200, json={"recording": self.recording, "legs": self.legs})
        if "/commands/" in path:
            return httpx.Response(202, json={"operation_id": "o", "command_uid": "c"})
        number = sum(asked == "" for asked in self.asked)
        rtp = [{"leg": "caller", "host": "127.0.0.1", "port": self.port}]
        return httpx.Response(201, json={"session_uuid": f"s{number}", "media": {"rtp": rtp}})

    def client(self) -> Client:
        transport = httpx.MockTransport(self.answer)
        return Client(httpx.AsyncClient(transport=transport, base_url="http://daemon.test"))


@pytest.fixture
def far_end() -> Any:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("127.0.0.1", 0))
        datagrams.settimeout(5)
        yield datagrams


@pytest.fixture
def daemon(far_end: socket.socket) -> Daemon:
    return Daemon(far_end.getsockname()[1])


def nothing(_: Spoken) -> None:
    """Whoever draws no progress bar."""


async def test_each_call_is_recorded_around_what_is_said_and_hung_up(
    daemon: Daemon, far_end: socket.socket, autojump_clock: trio.testing.MockClock
) -> None:
    calls = await record(daemon.client(), TALK, 2, nothing)
    packets = [rtp.parse(far_end.recv(2048)) for _ in range(2 * 25)]
    assert len({packet.ssrc for packet in packets}) == 2
    assert [call.session.session_uuid for call in calls] == ["s1", "s2"]
    assert all(call.recording == RecordingView("r", "completed", "u", 0.5) for call in calls)
    assert all(call.started and call.started[0] <= call.started[1] for call in calls)
    for uuid in ("s1", "s2"):
        own = [path.removeprefix(f"/{uuid}") for path in daemon.asked if path.startswith(f"/{uuid}")]
        assert own == ["/commands/record/start", "/commands/record/stop", "", "/commands/hangup"]


async def test_start_and_stop_are_never_nearer_than_the_cooldown(
    daemon: Daemon, autojump_clock: trio.testing.MockClock
) -> None:
    began = trio.current_time()
    await record(daemon.client(), TALK, 1, nothing)  # half a second of talk
    assert trio.current_time() - began == pytest.approx(campaign.COOLDOWN_SECONDS)


async def test_calls_can_be_placed_without_a_recording(
    daemon: Daemon, autojump_clock: trio.testing.MockClock
) -> None:
    calls = await talk_only(daemon.client(), TALK, 1, nothing)
    assert calls[0].line.sent == 25
    assert daemon.asked == ["", "/s1/commands/hangup"]


async def test_when_something_goes_wrong_all_calls_are_hung_up(daemon: Daemon) -> None:
    daemon.fails = {"record/start": httpx.Response(503, json={"error": "WAVSTREAM_URL is not set"})}
    with pytest.RaisesGroup(
        pytest.RaisesExc(ApiError, match="WAVSTREAM_URL is not set"), flatten_subgroups=True
    ):
        await record(daemon.client(), TALK, 1, nothing)
    assert daemon.asked[-1] == "/s1/commands/hangup"


async def test_a_hangup_that_is_refused_harms_nothing(
    daemon: Daemon, autojump_clock: trio.testing.MockClock
) -> None:
    daemon.fails = {"hangup": httpx.Response(404, json={"error": "no such session"})}
    assert len(await talk_only(daemon.client(), TALK, 1, nothing)) == 1


async def test_a_recording_that_never_is_completed_is_not_waited_for_for_ever(
    daemon: Daemon, autojump_clock: trio.testing.MockClock
) -> None:
    daemon.recording = {"recording_id": "r", "state": "finishing"}
    with pytest.raises(ApiError, match="was not completed within 60 s"):
        await record(daemon.client(), TALK, 1, nothing)


async def test_a_session_without_a_recording_is_an_error(
    daemon: Daemon, autojump_clock: trio.testing.MockClock
) -> None:
    daemon.recording = None
    with pytest.raises(ApiError, match="record/start was not carried out"):
        await record(daemon.client(), TALK, 1, nothing)


async def test_a_line_that_breathes_is_heard_before_the_recording_starts(
    daemon: Daemon, far_end: socket.socket, autojump_clock: trio.testing.MockClock
) -> None:
    calls = await record(daemon.client(), TALK, 1, nothing, manner=Manner(breathes=True))
    packets = [rtp.parse(far_end.recv(2048)) for _ in range(calls[0].line.sent)]
    payloads = [packet.payload for packet in packets]
    begins = payloads.index(TALK.payloads[0])
    # 0.3 s of silence at least before and after, without a seam.
    assert begins >= 15
    assert payloads[begins : begins + 25] == list(TALK.payloads)
    assert len(payloads) - begins - 25 >= 10
    assert set(payloads[:begins]) == {b"\xff" * 160}
    steps = {(b.timestamp - a.timestamp) % 2**32 for a, b in itertools.pairwise(packets)}
    assert steps == {160}
    own = [path.removeprefix("/s1") for path in daemon.asked if path.startswith("/s1")]
    assert own == ["", "/commands/record/start", "/commands/record/stop", "", "/commands/hangup"]


async def test_a_line_that_is_never_heard_is_not_waited_for_for_ever(
    daemon: Daemon, autojump_clock: trio.testing.MockClock
) -> None:
    daemon.legs = [{"leg": "caller", "state": "waiting"}]
    with pytest.RaisesGroup(
        pytest.RaisesExc(ApiError, match="was not heard within 30 s"), flatten_subgroups=True
    ):
        await talk_only(daemon.client(), TALK, 1, nothing, manner=Manner(breathes=True))
    assert daemon.asked[-1] == "/s1/commands/hangup"
