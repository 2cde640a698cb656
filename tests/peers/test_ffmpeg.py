"""ffmpeg speaks RTP in real time: in blocks as it reads them, and in packets of 20 ms."""

from dataclasses import replace
from pathlib import Path

import soxr

from daemon.media.codecs import G722, PCMA, PCMU, Codec, l16
from tests.end_to_end.house import opened
from tests.installed import needs
from tests.peers.peer import Original, Peer, Ports, heard_by_itself, to_its_end, told
from tests.peers.takes import Take, in_time
from tests.peers.verdict import assert_exact, assert_in_place

FFMPEG = ("ffmpeg", "-nostdin", "-v", "error")
PCM = ("-f", "s16le", "-")
BLOCK_BYTES = 4096
"""It reads a WAV file in such blocks, and sends all of each when its first sample is due."""


def peer(
    encoder: str,
    codec: Codec,
    original: Original,
    *,
    payload_type: int,
    ptime: float | None = None,
    in_blocks: bool = True,
) -> Peer:
    """ffmpeg with one of its encoders; without `ptime` (seconds) its packets are as they come.

    `in_blocks`: paced by what it reads, as its option -re does, and not packet by packet.
    """
    audio = ["-i", str(original.path), "-c:a", encoder]
    filters = [] if ptime is None else [f"asetnsamples=n={round(ptime * codec.rate)}:p=0"]
    filters += [] if in_blocks else ["arealtime"]
    pace = ["-re"] if in_blocks else []
    cut = ["-af", ",".join(filters)] if filters else []

    async def speak(ports: Ports) -> None:
        targets = "|".join(f"[f=rtp]rtp://127.0.0.1:{port}" for port in ports)
        await to_its_end([*FFMPEG, *pace, *audio, *cut, "-map", "0:a", "-f", "tee", targets])

    return Peer(
        name=f"ffmpeg {encoder} {codec.rate} Hz, ptime {ptime}, in blocks {in_blocks}",
        speak=speak,
        codec=codec,
        said=heard_by_itself([*FFMPEG, *audio, "-f", "nut", "-"], [*FFMPEG, "-i", "-", *PCM]),
        rate=codec.rate,
        told=told(payload_type, codec),
        ptime=ptime,
        ahead=BLOCK_BYTES / 2 / codec.rate if in_blocks else 0.0,
    )


async def test_what_ffmpeg_says_is_recorded_to_the_sample(tmp_path: Path) -> None:
    needs("ffmpeg")
    narrow, wide = Original.write(tmp_path, 8000), Original.write(tmp_path, 16000)
    peers = [
        peer("pcm_mulaw", PCMU, narrow, payload_type=0),
        peer("pcm_alaw", PCMA, narrow, payload_type=8),
        peer("pcm_alaw", PCMA, narrow, payload_type=8, ptime=0.02),
        peer("pcm_alaw", PCMA, narrow, payload_type=8, ptime=0.02, in_blocks=False),
        peer("pcm_s16be", l16(8000), narrow, payload_type=97),
        peer("pcm_s16be", l16(16000), wide, payload_type=97),
        peer("pcm_s16be", l16(16000), wide, payload_type=97, ptime=0.02),
        peer("pcm_s16be", l16(16000), wide, payload_type=97, ptime=0.02, in_blocks=False),
        peer("g722", G722, wide, payload_type=9),
    ]
    async with opened(tmp_path) as house, house.application() as client:
        for take in await in_time(client, [*peers, unexpected(peers[-1])]):
            if take.peer.told:
                assert_exact(take)
            else:
                assert_in_place(at_twice_the_rate(take))


def unexpected(wide: Peer) -> Peer:
    """The same said in a call that knows nothing of it: its recording begins at 8 kHz, and stays so."""
    half = soxr.resample(wide.said, 16000, 8000)
    return replace(wide, name=f"{wide.name}, untold", told={}, said=soxr.resample(half, 8000, 16000))


def at_twice_the_rate(take: Take) -> Take:
    """Brought back to 16 kHz: what was resampled may lie between two samples of 8 kHz."""
    assert take.rate == 8000
    return replace(take, samples=soxr.resample(take.samples, 8000, 16000), rate=16000)
