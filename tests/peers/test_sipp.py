"""sipp, which tests SIP servers, calls and streams a file."""

from functools import partial
from pathlib import Path

from daemon.media.codecs import G722, PCMA, PCMU, Codec
from tests.end_to_end.house import opened
from tests.installed import needs
from tests.peers.peer import SPOKEN_SECONDS, Original, Peer, told
from tests.peers.sip import call
from tests.peers.takes import in_time
from tests.peers.verdict import assert_exact
from wavstream.process.settings import Address

SCENARIO = Path(__file__).parent / "sipp.xml"
HANGS_UP_AFTER = SPOKEN_SECONDS + 1
"""Seconds from the answer: it does not wait for the end of what it says."""


def dialling(scenario: Path, callee: Address) -> list[str]:
    """One call, with this scenario."""
    here = ["-i", "127.0.0.1", "-mi", "127.0.0.1"]
    return ["sipp", f"{callee.host}:{callee.port}", "-sf", str(scenario), *here, "-m", "1", "-nostdin"]


def peer(folder: Path, codec: Codec, original: Original, *, payload_type: int) -> Peer:
    """It sends 20 ms a packet, of a file that holds nothing but the encoded audio."""
    encoded = codec.encode(original.samples)
    audio, scenario = folder / f"original.{codec.name}", folder / f"{codec.name}.xml"
    audio.write_bytes(encoded)
    scenario.write_text(
        SCENARIO.read_text().format(
            audio=audio,
            payload_type=payload_type,
            encoding=codec.name,
            milliseconds=round(HANGS_UP_AFTER * 1000),
        )
    )
    return Peer(
        name=f"sipp {codec.name}",
        speak=partial(call, partial(dialling, scenario)),
        codec=codec,
        said=codec.decode(encoded),
        rate=codec.rate,
        told=told(payload_type, codec),
        witnessed=False,
        ptime=0.02,
    )


async def test_what_sipp_says_is_recorded_to_the_sample(tmp_path: Path) -> None:
    needs("sipp")
    narrow, wide = Original.write(tmp_path, 8000), Original.write(tmp_path, 16000)
    peers = [
        peer(tmp_path, PCMU, narrow, payload_type=0),
        peer(tmp_path, PCMA, narrow, payload_type=8),
        peer(tmp_path, G722, wide, payload_type=9),
    ]
    async with opened(tmp_path) as house, house.application() as client:
        for take in await in_time(client, peers):
            assert_exact(take)
