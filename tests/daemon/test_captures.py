"""Real switches' connections, at their own pace, into whole daemons: each recording against what was played.

The numbers are those of the captures' own description: see README in tests/data.
"""

import socket
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
import soxr
import trio

from daemon.media import audiosocket
from daemon.media.audiosocket import Parser
from daemon.media.codecs import PCMU, Codec, Samples, slin
from tests.daemon.media import captures
from tests.daemon.recorded import Recorded, download
from tests.daemon.running import Application, Daemon, both
from tests.daemon.switches import MOST_TRIES, PUNCTUAL_SECONDS, TAKES_SECONDS
from tests.wavstream.clients import frames
from wavstream.process.cadence import SECONDS_BY_LOAD

pytestmark = pytest.mark.usefixtures("cheap_keys")

SLACK_SECONDS = 0.06 + SECONDS_BY_LOAD[0][1]
"""Of what is placed by its order alone."""
NARROW, WIDE = slin(8000), slin(16000)


@dataclass(frozen=True)
class Capture:
    """A capture, and what its description says: where the speech begins, how much of it is equal."""

    name: str
    codec: Codec
    target: str | None
    samples: int
    offset: int = 0
    equal: int = 0
    at_once: int = 1
    """Frames of 20 ms that came first, all at the same time."""
    hole: int | None = None
    """The sample behind which 800 are missing."""


CAPTURES = (
    Capture("freeswitch-mixed-8k-stop", NARROW, "/audio-stream", 39_840, 2400, 31_840),
    Capture("freeswitch-late-101", NARROW, "", 38_240, 2400, 31_840, at_once=24),
    Capture("freeswitch-deflate-offered", NARROW, "?rate=8000", 38_240, 2400, 31_840),
    Capture(
        "freeswitch-stereo-16k-hangup", WIDE, "/audio-stream?rate=16000&channels=2", 35_200, 5152, 30_048
    ),
    Capture("asterisk-chan-websocket-slin-plain", NARROW, "?uuid=call-1", 31_978, 0, 31_978),
    Capture("asterisk-chan-websocket-ulaw-json", PCMU, "/chan-websocket", 31_178, 0, 31_178, hole=13_760),
    Capture("asterisk-audiosocket-8k", NARROW, None, 31_978, 0, 31_978),
    Capture("asterisk-audiosocket-16k", WIDE, None, 63_956, 80, 63_876),
    Capture("asterisk-audiosocket-dtmf", NARROW, None, 31_178, 0, 31_178, hole=13_760),
)


def chunks(capture: Capture, session: dict[str, Any]) -> list[tuple[float, bytes]]:
    """What the switch sent, addressed to a session of ours."""
    came = captures.packets(capture.name)
    if capture.target is None:
        uuid = UUID(session["media"]["audiosocket"][0]["uuid"])
        ours = audiosocket.build(audiosocket.IDENTITY, uuid.bytes)
        assert came[0][1][:3] == ours[:3]
        return [(came[0][0], ours + came[0][1][len(ours) :]), *came[1:]]
    path = "/" + session["media"]["websocket"][0]["url"].split("/", 3)[3]
    line, _, rest = came[0][1].partition(b"\r\n")
    assert line.startswith(b"GET /record")
    return [(came[0][0], f"GET {path}{capture.target} HTTP/1.1\r\n".encode() + rest), *came[1:]]


def spoken(capture: Capture) -> Samples:
    """All audio of the capture, one message behind the other; with two channels, the left one."""
    data = b"".join(data for _, data in captures.packets(capture.name))
    if capture.target is None:
        parser = Parser()
        parser.feed(data)
        payload = b"".join(frame.payload for frame in parser.frames() if frame.kind in audiosocket.RATES)
    else:
        sent = frames(data.partition(b"\r\n\r\n")[2])
        payload = b"".join(payload for opcode, payload in sent if opcode == 2)
    samples = capture.codec.decode(payload)
    if "stereo" in capture.name:
        assert not samples[1::2].any()
        return samples[::2]
    return samples


async def replay(daemon: Daemon, capture: Capture, session: dict[str, Any]) -> tuple[float, float]:
    """Send it at its own pace, and wait for the daemon to let go.

    When it began (seconds since the epoch), and by how many seconds what it sent was late at most.
    """
    latest = 0.0
    address = daemon.listening.audiosocket if capture.target is None else daemon.listening.media
    with socket.create_connection(address) as switch:
        switch.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        began, epoch = trio.current_time(), time.time()
        for sent, data in chunks(capture, session):
            await trio.sleep_until(began + sent)
            latest = max(latest, trio.current_time() - began - sent)
            switch.sendall(data)
        switch.shutdown(socket.SHUT_WR)
        switch.setblocking(False)
        data = b"something"
        while data:
            await trio.lowlevel.wait_readable(switch)
            data = switch.recv(65_536)
    return epoch, latest


def first_audio(capture: Capture) -> float:
    """When the first audio came, in seconds from the beginning of the replay."""
    start = b"\x82" if capture.target is not None else b"\x10\x12"
    return next(sent for sent, data in captures.packets(capture.name) if data[:1] and data[0] in start)


async def call(daemon: Daemon, shop: Application, capture: Capture) -> None:
    """A call, and another where the switch could not speak in time."""
    for _ in range(MOST_TRIES):
        if await punctual(daemon, shop, capture):
            return
    pytest.fail("this machine is too busy")


async def punctual(daemon: Daemon, shop: Application, capture: Capture) -> bool:
    session = await shop.created()
    uuid = session["session_uuid"]
    assert (await shop.command(uuid, "record/start")).status_code == 202
    await shop.recording(uuid, "recording")
    began, latest = await replay(daemon, capture, session)
    await trio.sleep(0.3)
    leg = (await shop.show(uuid))["legs"][0]
    assert not leg["connected"]
    assert leg["connections"] == 1
    await shop.command(uuid, "record/stop")
    recordings = (await shop.http.get(f"/api/v1/sessions/{uuid}/recordings")).json()["recordings"]
    assert len(recordings) == 1  # whatever texts came in between
    if latest > PUNCTUAL_SECONDS:
        return False
    recorded = await download(await shop.recording(uuid, "completed"))
    judge(capture, recorded, began + first_audio(capture) - 0.02 * capture.at_once)
    judge_leg(capture, leg)
    return True


def judge(capture: Capture, recorded: Recorded, began: float) -> None:
    """Every sample of it is there, from when it was spoken; and most of it is the speech."""
    assert recorded.rate == capture.codec.rate
    assert not recorded.samples[:, 1].any()
    whole = spoken(capture)
    assert len(whole) == capture.samples
    if capture.hole is None:
        at = round((recorded.time_of(0, whole) - recorded.began) * recorded.rate)
        heard = recorded.samples[at : at + len(whole), 0]
    else:
        at = judge_hole(whole, capture.hole, recorded)
        heard = whole
    assert abs(recorded.time_at(at) - began) <= SLACK_SECONDS
    compare(capture, heard)


def judge_hole(whole: Samples, hole: int, recorded: Recorded) -> int:
    """What is before it, and what is behind it, are as far from each other as they were spoken."""
    at = recorded.place_of(0, whole[: hole - 1600])
    behind = recorded.place_of(0, whole[hole + 1600 :])
    apart = behind - at - (hole + 1600)
    assert abs(apart - 800) <= SLACK_SECONDS * recorded.rate
    return at


def compare(capture: Capture, heard: Samples) -> None:
    speech = captures.speech()
    if capture.codec.rate == 16_000:
        wide = soxr.resample(speech, 8000, 16_000)[: len(heard) - capture.offset].astype(int)
        near = np.abs(heard[capture.offset :][: len(wide)] - wide) <= 1000  # resampled by the switch
        assert np.count_nonzero(near) == capture.equal
        return
    if capture.hole is not None:
        speech = np.concatenate([speech[: capture.hole], speech[capture.hole + 800 :]])
    speech = speech[: len(heard) - capture.offset]
    if capture.codec is PCMU:
        speech = PCMU.decode(PCMU.encode(speech))
    assert np.count_nonzero(heard[capture.offset :][: len(speech)] == speech) == capture.equal


def judge_leg(capture: Capture, leg: dict[str, Any]) -> None:
    """What the switch has said beside its audio."""
    match capture.name:
        case "freeswitch-mixed-8k-stop":
            assert leg["call"]["fields"] == {"text": "call-0001.wav"}
            assert leg["unknown"] == 2  # the later texts say nothing that a recorder needs
        case "asterisk-chan-websocket-slin-plain":
            assert leg["call"]["call_id"] == "call-1"
            assert leg["dialect"] == "chan-websocket"
        case "asterisk-chan-websocket-ulaw-json" | "asterisk-audiosocket-dtmf":
            assert [pressed["key"] for pressed in leg["dtmf"]] == ["5", "2", "#"]


def of(captures: Sequence[Capture], rate: int) -> list[Capture]:
    return [capture for capture in captures if capture.codec.rate == rate]


async def test_every_capture_of_a_real_switch_is_recorded_to_its_last_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recording that begins before any audio has the rate that its daemon is told."""
    monkeypatch.setattr("daemon.calls.cooldown.Cooldown.remaining", lambda *_args: 0.0)
    with trio.fail_after(TAKES_SECONDS):
        async with AsyncExitStack() as stack:
            shops = []
            for rate in (8000, 16_000):
                daemon, _ = await stack.enter_async_context(
                    both(tmp_path / str(rate), recording_channels="stereo", recording_sample_rate=rate)
                )
                shops.append((daemon, await stack.enter_async_context(daemon.application()), rate))
            async with trio.open_nursery() as calls:
                for daemon, shop, rate in shops:
                    for capture in of(CAPTURES, rate):
                        calls.start_soon(call, daemon, shop, capture)
