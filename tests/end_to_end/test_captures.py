"""A real Asterisk's packets, at their own pace, into a running daemon: five calls at once, file by file.

The expected numbers are those of the captures' own description: see README in tests/data.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr
import trio

from daemon.client import Client, Session
from daemon.legs.ports import RtpPorts
from daemon.media import codecs, rtcp
from daemon.media.codecs import Codec, Samples
from tests.daemon.media import captures
from tests.end_to_end.house import PATIENCE_SECONDS, dump, opened
from tests.end_to_end.test_pause import completed, downloaded


@dataclass(frozen=True)
class Capture:
    """What is told of a call before, and what has to be in its file from the first packet's sample on."""

    rate: int
    samples: int
    lead: int
    """Samples of exact silence at its beginning, which nobody can tell from the recording's own."""
    right: Callable[[Samples], bool]
    told: dict[str, Any] | None = None


def _coded(codec: Codec) -> Callable[[Samples], bool]:
    """The speech, bit for bit, but for what the codec itself takes away."""
    return lambda heard: np.array_equal(heard, codec.decode(codec.encode(captures.speech()))[: len(heard)])


def _wide(*, late: int, near: int) -> Callable[[Samples], bool]:
    """Resampled by the switch, and so many samples late by that; `near` of them lie within 328, or 1 %."""

    def right(heard: Samples) -> bool:
        speech = soxr.resample(captures.speech(), 8000, 16000)[: len(heard) - late].astype(int)
        is_quiet = np.abs(heard[:late]).max() <= 8  # G.722's decoder rings a little
        return bool(is_quiet and np.count_nonzero(np.abs(heard[late:] - speech) <= 328) >= near)

    return right


CAPTURES = {
    "asterisk-rtp-ulaw": Capture(8000, 31_978, 800, _coded(codecs.PCMU)),
    "asterisk-rtp-alaw": Capture(8000, 31_978, 0, _coded(codecs.PCMA)),
    "asterisk-rtp-slin": Capture(
        8000, 31_840, 800, _coded(codecs.l16(8000)), {"payload_type": 10, "encoding": "L16", "rate": 8000}
    ),
    "asterisk-rtp-slin16": Capture(
        16000,
        63_680,
        1622,
        _wide(late=80, near=63_600),
        {"payload_type": 118, "encoding": "L16", "rate": 16000},
    ),
    "asterisk-rtp-g722": Capture(
        16000,
        63_956,
        1,
        _wide(late=102, near=63_440),
        {"payload_type": 9, "encoding": "G722", "rate": 16000},
    ),
}


class Switch:
    """Where a capture is sent from: an even port, and the odd one above on which RTCP is spoken."""

    def __init__(
        self, name: str, session: Session, audio: trio.socket.SocketType, control: trio.socket.SocketType
    ) -> None:
        self.packets = captures.packets(name)
        self.ssrc = int.from_bytes(self.packets[0][1][8:12], "big")
        self.session = session
        self._audio, self._control = audio, control
        self._leg = session.rtp["caller"]

    async def play(self) -> None:
        """All packets, at the pace at which they came."""
        begun = trio.current_time() + 0.1  # the first packet's samples are spoken before it leaves
        for sent, datagram in self.packets:
            await trio.sleep_until(begun + sent)
            await self._audio.sendto(datagram, self._leg)

    async def heard(self) -> list[rtcp.Packet]:
        """The daemon's next compound."""
        datagram, source = await self._control.recvfrom(2048)
        assert source == (self._leg.host, self._leg.port + 1)
        return rtcp.parse(datagram)

    async def answer(self, report: rtcp.SenderReport) -> None:
        """Tell what became of its silence: two packets were lost, says this switch."""
        block = rtcp.Block(
            ssrc=report.ssrc,
            fraction=0,
            lost=2,
            highest=0,
            jitter=0,
            last_report=report.ntp >> 16 & 0xFFFFFFFF,
            delay=0,
        )
        compound = rtcp.build(rtcp.ReceiverReport(self.ssrc, (block,)))
        await self._control.sendto(compound, (self._leg.host, self._leg.port + 1))


@asynccontextmanager
async def put_through(client: Client, name: str) -> AsyncIterator[Switch]:
    """A session, being recorded, and the switch that will play the capture into it."""
    told = CAPTURES[name].told
    session = await client.create_session(**({} if told is None else {"rtp": told}))
    await client.command(session.session_uuid, "record/start")
    with RtpPorts.parse("127.0.0.1:0").bind() as pair:
        assert pair.rtcp is not None
        audio, control = map(trio.socket.from_stdlib_socket, (pair.rtp, pair.rtcp))
        yield Switch(name, session, audio, control)


async def call(client: Client, name: str, done: dict[str, tuple[Samples, int]]) -> None:
    """One call from its begin to its file."""
    async with put_through(client, name) as switch:
        uuid = switch.session.session_uuid
        async with trio.open_nursery() as nursery:
            nursery.start_soon(switch.play)
            report = (await switch.heard())[0]
            assert isinstance(report, rtcp.SenderReport)
            (block,) = report.blocks
            assert (block.ssrc, block.lost, block.fraction) == (switch.ssrc, 0, 0)
            await switch.answer(report)
        await trio.sleep(0.1)  # by its timestamps the last packet may end a little after it came
        await client.command(uuid, "record/stop")
        done[name] = await downloaded((await completed(client, uuid))["recording_url"])
        (leg,) = (await client.show(uuid))["legs"]
        assert (leg["packets"], leg["lost"], leg["anchors"]) == (len(switch.packets), 0, 1)
        assert (leg["rtcp"]["reports"], leg["rtcp"]["far_lost"]) == (1, 2)
        assert leg["rtcp"]["round_trip_ms"] >= 0
        await client.command(uuid, "hangup")
        last: list[rtcp.Packet] = []
        while not any(isinstance(packet, rtcp.Bye) for packet in last):
            last = await switch.heard()


async def test_every_capture_is_in_its_file_to_the_last_sample(tmp_path: Path) -> None:
    done: dict[str, tuple[Samples, int]] = {}
    with trio.fail_after(PATIENCE_SECONDS):
        async with opened(tmp_path) as house, house.application() as client:
            async with trio.open_nursery() as calls:
                for name in CAPTURES:
                    calls.start_soon(call, client, name, done)
            for name, capture in CAPTURES.items():
                samples, rate = done[name]
                assert rate == capture.rate
                start = int(np.flatnonzero(samples)[0]) - capture.lead
                end = start + capture.samples
                assert len(samples) >= end, f"{name}\n{dump(house)}"
                assert not samples[end:].any(), f"{name}\n{dump(house)}"
                assert capture.right(samples[start:end]), f"{name}\n{dump(house)}"
