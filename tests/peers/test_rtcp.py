"""What other programs report by RTCP, and how they take our reports, shown by the leg at the call's end."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import trio

from daemon.client import Client
from daemon.media.codecs import PCMU
from tests.end_to_end.house import opened
from tests.installed import needs
from tests.peers.peer import Original, Peer, Ports, Speak, to_its_end
from tests.peers.sip import call
from tests.peers.takes import TRIES, record
from tests.peers.test_baresip import dialling, telephone


def spoken(folder: Path, times: int) -> Original:
    """The speech of 3.2 s so many times."""
    once = Original.write(folder, 8000)
    path = folder / f"{times}-times.wav"
    whole = np.tile(once.samples, times)
    soundfile.write(path, whole, 8000, subtype="PCM_16")
    return Original(path, whole, 8000)


def baresip(folder: Path, original: Original, *, multiplexed: bool) -> Speak:
    own = telephone(folder / f"baresip-{multiplexed}", original, PCMU, 20)
    if multiplexed:
        with (own / "config").open("a") as config:
            config.write("rtcp_mux yes\n")
    return partial(call, partial(dialling, own))


def ffmpeg(original: Original) -> Speak:
    async def speak(ports: Ports) -> None:
        audio = ["-re", "-i", str(original.path), "-c:a", "pcm_mulaw"]
        target = f"rtp://127.0.0.1:{ports.leg}?pkt_size=172"
        await to_its_end(
            ["ffmpeg", "-nostdin", "-v", "error", *audio, "-f", "rtp", "-rtpflags", "send_bye", target]
        )

    return speak


async def shown(client: Client, name: str, speak: Speak, original: Original) -> Mapping[str, Any]:
    """The leg's RTCP when the program has spoken and its recording is completed."""
    peer = Peer(name=name, speak=speak, codec=PCMU, said=original.samples, rate=8000, witnessed=False)
    leg = (await record(client, peer)).leg
    assert (leg["lost"], leg["strangers"], leg["malformed"]) == (0, 0, 0)
    rtcp: Mapping[str, Any] = leg["rtcp"]
    return rtcp


async def test_the_reports_of_others_are_understood_and_they_answer_ours(tmp_path: Path) -> None:
    """baresip on two ports, and on one; ffmpeg, which only sends.

    baresip's first report comes after 5 s, ours after 3.75 s at the latest; where a busy machine made it
    later than that, the call is made again.
    """
    needs("baresip", "ffmpeg")
    long, short = spoken(tmp_path, 2), spoken(tmp_path, 1)
    speaking = {
        "on two ports": (baresip(tmp_path, long, multiplexed=False), long),
        "on one port": (baresip(tmp_path, long, multiplexed=True), long),
        "ffmpeg": (ffmpeg(short), short),
    }
    seen: dict[str, Mapping[str, Any]] = {}
    async with opened(tmp_path) as house, house.application() as client:

        async def one(name: str, speak: Speak, original: Original) -> None:
            for _ in range(TRIES):
                seen[name] = await shown(client, name, speak, original)
                if seen[name]["round_trip_ms"] is not None or name == "ffmpeg":
                    return

        async with trio.open_nursery() as nursery:
            for name, (speak, original) in speaking.items():
                nursery.start_soon(one, name, speak, original)
    for name in ("on two ports", "on one port"):
        telephone_said = seen[name]
        assert telephone_said["reports"] >= 1, seen
        assert telephone_said["round_trip_ms"] is not None, seen  # it has answered our report
        assert telephone_said["far_lost"] == 0, seen
    assert seen["on two ports"]["bye"], seen
    assert seen["ffmpeg"]["reports"] >= 2, seen  # at its begin, and with its goodbye
    assert seen["ffmpeg"]["bye"], seen
