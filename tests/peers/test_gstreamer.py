"""GStreamer speaks RTP in real time, in packets of 10 to 60 ms."""

from pathlib import Path
from subprocess import run

import pytest

from daemon.media.codecs import G722, PCMA, PCMU, Codec, l16
from tests.end_to_end.house import opened
from tests.installed import needs
from tests.peers.peer import Original, Peer, Ports, heard_by_itself, to_its_end, told
from tests.peers.takes import in_time
from tests.peers.verdict import assert_exact

GST = ("gst-launch-1.0", "-q")
WORDS = {
    "PCMU": ("mulawenc", "mulawdec", "rtppcmupay"),
    "PCMA": ("alawenc", "alawdec", "rtppcmapay"),
    "L16": ("identity", "identity", "rtpL16pay"),
    "G722": ("avenc_g722", "avdec_g722", "rtpg722pay"),
}
"""Of each encoding: encoder, decoder, payloader."""


def peer(codec: Codec, original: Original, *, payload_type: int, milliseconds: int) -> Peer:
    """A pipeline that says the original in packets of so many milliseconds."""
    encoder, decoder, payloader = WORDS[codec.name]
    sound = ["filesrc", f"location={original.path}", "!", "wavparse", "!", "audioconvert", "!", encoder]
    ptime = milliseconds * 1_000_000
    packets = [payloader, f"pt={payload_type}", f"min-ptime={ptime}", f"max-ptime={ptime}"]

    async def speak(ports: Ports) -> None:
        targets = ",".join(f"127.0.0.1:{port}" for port in ports)
        await to_its_end([*GST, *sound, "!", *packets, "!", "multiudpsink", f"clients={targets}"])

    plain = "audio/x-raw,format=S16LE"
    return Peer(
        name=f"GStreamer {codec.name} {codec.rate} Hz, {milliseconds} ms",
        speak=speak,
        codec=codec,
        said=heard_by_itself(
            [*GST, *sound, "!", decoder, "!", "audioconvert", "!", plain, "!", "fdsink", "fd=1"]
        ),
        rate=codec.rate,
        told=told(payload_type, codec),
        ptime=milliseconds / 1000,
    )


def needs_elements(*names: str) -> None:
    """Skip the test where GStreamer lacks one of them: its plugins are packages of their own."""
    needs("gst-launch-1.0", "gst-inspect-1.0")
    for name in names:
        if run(["gst-inspect-1.0", "--exists", name], check=False).returncode:
            pytest.skip(f"GStreamer has no {name} here")


async def test_what_gstreamer_says_is_recorded_to_the_sample(tmp_path: Path) -> None:
    needs_elements("multiudpsink", "wavparse", "audioconvert", "mulawenc", "alawenc", "rtpL16pay")
    narrow, wide = Original.write(tmp_path, 8000), Original.write(tmp_path, 16000)
    peers = [
        *(peer(PCMU, narrow, payload_type=0, milliseconds=each) for each in (10, 20, 40, 60)),
        *(peer(PCMA, narrow, payload_type=8, milliseconds=each) for each in (20, 60)),
        peer(l16(8000), narrow, payload_type=96, milliseconds=60),
        peer(l16(16000), wide, payload_type=96, milliseconds=10),
    ]
    async with opened(tmp_path) as house, house.application() as client:
        for take in await in_time(client, peers):
            assert_exact(take)


async def test_the_g722_that_gstreamer_says_is_recorded_to_the_sample(tmp_path: Path) -> None:
    needs_elements("avenc_g722", "avdec_g722")
    wide = Original.write(tmp_path, 16000)
    peers = [peer(G722, wide, payload_type=9, milliseconds=each) for each in (20, 40)]
    async with opened(tmp_path) as house, house.application() as client:
        for take in await in_time(client, peers):
            assert_exact(take)
