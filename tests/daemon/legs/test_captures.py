"""A real Asterisk's packets, at their own pace, over real sockets into five legs at once."""

import socket

import numpy as np
import trio

from daemon.legs.rtp import RtpLeg
from daemon.media import codecs
from daemon.media.codecs import Codec, Samples
from daemon.media.timeline import Timeline
from tests.daemon.legs.caller import make_leg
from tests.daemon.media import captures
from wavstream.process.cadence import Cadence

L16 = {10: codecs.l16(8000), 118: codecs.l16(16000)}
CALLS = {
    "asterisk-rtp-ulaw": (8000, 31_978),
    "asterisk-rtp-alaw": (8000, 31_978),
    "asterisk-rtp-slin": (8000, 31_840),
    "asterisk-rtp-slin16": (16000, 63_680),
    "asterisk-rtp-g722": (16000, 63_956),
}


def decoded(name: str, codec: Codec) -> Samples:
    """All payloads, one behind the other: what a recording of an undisturbed sender has to hold."""
    return codec.decode(b"".join(datagram[12:] for _, datagram in captures.packets(name)))


async def play(name: str, leg: RtpLeg) -> tuple[float, float]:
    """Send all packets; between which times the first one left."""
    begun = trio.current_time() + 0.1
    left: list[float] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as switch:
        for sent, datagram in captures.packets(name):
            await trio.sleep_until(begun + sent)
            before = trio.current_time()
            switch.sendto(datagram, leg.address)
            left = left or [before, trio.current_time()]
    return left[0], left[1]


async def record(leg: RtpLeg, rate: int, cadence: Cadence) -> tuple[float, Samples]:
    """When a recording of 5 s began, and what it holds, closed beat by beat."""
    timeline, blocks = Timeline(rate, 1, trio.current_time()), []
    leg.attach(timeline)
    timeline.end(timeline.start + 5)
    while not timeline.complete:
        await cadence.beat()
        leg.poll()
        blocks.append(timeline.advance(trio.current_time()))
    return timeline.start, np.concatenate(blocks)[:, 0]


async def test_every_capture_is_recorded_to_its_last_sample() -> None:
    cadence, recorded, began, left = Cadence(), {}, {}, {}
    legs = {name: make_leg(cadence, told=L16) for name in CALLS}

    async def call(name: str) -> None:
        began[name], recorded[name] = await record(legs[name], CALLS[name][0], cadence)

    async def speak(name: str) -> None:
        left[name] = await play(name, legs[name])

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            await nursery.start(cadence.run)
            async with trio.open_nursery() as calls:
                for name in CALLS:
                    await nursery.start(legs[name].run)
                    calls.start_soon(call, name)
                    calls.start_soon(speak, name)
            nursery.cancel_scope.cancel()
    for name, (rate, count) in CALLS.items():
        codec = legs[name]._stream.codec
        assert codec is not None
        spoken = decoded(name, codec)
        assert len(spoken) == count
        assert len(recorded[name]) == 5 * rate
        heard, said = np.flatnonzero(recorded[name]), np.flatnonzero(spoken)
        assert np.array_equal(recorded[name][heard[0] : heard[-1] + 1], spoken[said[0] : said[-1] + 1])
        # The kernel stamps a packet as it is sent; its 20 ms were spoken before that.
        place = began[name] + (heard[0] - said[0]) / rate + 0.02
        assert left[name][0] - 0.002 < place < left[name][1] + 0.002
        assert legs[name].view()["lost"] == 0
