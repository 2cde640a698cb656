"""Many calls at once, and a verdict on each recording. The daemon here is a stand-in that can fail."""

import io
import socket
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
import trio
import trio.testing

from daemon.caller import campaign
from daemon.caller.campaign import Placed, record, talk_only
from daemon.caller.line import Line
from daemon.caller.pace import Spoken
from daemon.caller.talk import Talk
from daemon.caller.verdict import judged
from daemon.client import ApiError, Client, RecordingView, Session
from daemon.media import codecs, rtp
from daemon.media.codecs import PCMU, Samples
from wavstream.process.settings import Address

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
    asked: list[str] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append(path.removeprefix("/api/v1/sessions"))
        for end, failure in self.fails.items():
            if path.endswith(end):
                return failure
        if request.method == "GET":
            return httpx.Response(200, json={"recording": self.recording})
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


def wav(samples: Samples, rate: int = 8000, subtype: str = "PCM_16") -> bytes:
    body = io.BytesIO()
    soundfile.write(body, samples, rate, format="WAV", subtype=subtype)
    return body.getvalue()


async def verdict(
    answer: httpx.Response, *, talk: Talk = TALK, state: str = "completed", began: float = 10.1
) -> tuple[bool, str]:
    """The verdict on a recording that was started between 10.000 and 10.004 s."""
    url = "http://x.test/r.wav" if state == "completed" else None
    view = RecordingView("r", state, url, 1.0)
    with Line(Address("127.0.0.1", 9)) as line:
        call = Placed(Session("s", {}), line, started=(10.0, 10.004), recording=view)
        transport = httpx.MockTransport(lambda _: answer)
        async with httpx.AsyncClient(transport=transport) as http:
            found = await judged(http, talk, Spoken(began, talk.codec.rate), call)
    return found.exact, found.words


async def test_a_recording_with_everything_at_its_time_is_exact() -> None:
    # Said 0.1 s after the start: 800 samples of silence come first.
    whole = np.pad(TALK.heard, (800, 500))
    assert await verdict(httpx.Response(200, content=wav(whole))) == (True, "4000 samples exact")


async def test_g711_files_are_compared_with_what_they_can_hold() -> None:
    codec = codecs.in_file("alaw", 8000)
    held = codec.decode(codec.encode(np.pad(TALK.heard, (800, 0))))
    silence = codec.decode(codec.encode(np.zeros(1, np.int16)))[0]
    held[:800] = silence
    exact, words = await verdict(httpx.Response(200, content=wav(held, subtype="ALAW")))
    assert (exact, words) == (True, "4000 samples exact")


async def test_a_sample_that_differs_is_told_with_its_place() -> None:
    damaged = np.pad(TALK.heard, (800, 0))
    damaged[800 + 1600] ^= 1  # 0.3 s into the file
    exact, words = await verdict(httpx.Response(200, content=wav(damaged)))
    assert not exact
    assert words.startswith("3999 of 4000 samples kept, 0 others")
    assert words.endswith("first difference at 0.300 s")


async def test_sound_away_from_its_time_is_not_right() -> None:
    # 1,600 samples are 0.2 s, but it was said 0.1 s after the start at the latest: 0.1 s too late.
    exact, words = await verdict(httpx.Response(200, content=wav(np.pad(TALK.heard, (1600, 0)))))
    assert (exact, words) == (False, "whole, but 0.100 s from its time")


async def test_another_rate_cannot_be_compared() -> None:
    exact, words = await verdict(httpx.Response(200, content=wav(TALK.heard, rate=16000)))
    assert (exact, words.split(",")[0]) == (False, "16000 Hz")


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        (httpx.Response(200, content=wav(np.zeros(4000, np.int16))), "completed", "nothing of what was said"),
        (httpx.Response(200, content=b"no sound"), "completed", "cannot be downloaded"),
        (httpx.Response(404), "completed", "cannot be downloaded"),
        (httpx.Response(200), "failed", "no recording: failed"),
    ],
)
async def test_what_cannot_be_had_is_said_plainly(answer: httpx.Response, state: str, words: str) -> None:
    answer.request = httpx.Request("GET", "http://x.test/r.wav")
    exact, said = await verdict(answer, state=state)
    assert not exact
    assert said.startswith(words)
