"""baresip, a SIP telephone, calls and speaks: an answer to its INVITE sends its RTP to the daemon."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from daemon.media.codecs import G722, PCMA, PCMU, Codec, l16
from tests.end_to_end.house import opened
from tests.installed import needs
from tests.peers.peer import Original, Peer, told
from tests.peers.sip import call
from tests.peers.takes import Take, in_time
from tests.peers.verdict import assert_exact, assert_near, words
from wavstream.process.settings import Address

CONFIG = """
sip_listen 127.0.0.1:0
net_interface 127.0.0.1
rtp_ports 30000-39998
audio_source aufile,{original}
audio_player aubridge,nowhere
audio_alert aubridge,nowhere
ausrc_srate {rate}
auplay_srate {rate}
ausrc_channels 1
auplay_channels 1
jitter_buffer_type off
module_path /usr/lib/baresip/modules
module aufile.so
module aubridge.so
module g711.so
module g722.so
module l16.so
module_app account.so
module_app menu.so
"""
ACCOUNT = "<sip:telephone@127.0.0.1;transport=udp>;regint=0;audio_codecs={codec}/{rate}/1;ptime={ptime}\n"


def telephone(folder: Path, original: Original, codec: Codec, milliseconds: int) -> Path:
    """The folder of a telephone that says the original in packets of so many milliseconds."""
    folder.mkdir()
    (folder / "config").write_text(CONFIG.format(original=original.path, rate=codec.rate))
    (folder / "accounts").write_text(ACCOUNT.format(codec=codec.name, rate=codec.rate, ptime=milliseconds))
    (folder / "contacts").write_text("")
    return folder


def dialling(folder: Path, callee: Address) -> list[str]:
    """It hangs up at the end of its file, and waits for another command."""
    return ["baresip", "-4", "-f", str(folder), "-e", f"/dial sip:recorder@{callee.host}:{callee.port}"]


def peer(folder: Path, codec: Codec, original: Original, *, payload_type: int, milliseconds: int) -> Peer:
    """A telephone; it leaves out what does not fill its last packet."""
    whole = len(original.samples) // (codec.rate * milliseconds // 1000) * (codec.rate * milliseconds // 1000)
    name = f"baresip {codec.name} {codec.rate} Hz, {milliseconds} ms"
    own = folder / name.replace(" ", "-")
    return Peer(
        name=name,
        speak=partial(call, partial(dialling, telephone(own, original, codec, milliseconds))),
        codec=codec,
        said=original.samples[:whole],
        rate=codec.rate,
        told=told(payload_type, codec),
        witnessed=False,
        ptime=milliseconds / 1000,
    )


async def test_what_baresip_says_is_recorded(tmp_path: Path) -> None:
    needs("baresip")
    narrow, wide = Original.write(tmp_path, 8000), Original.write(tmp_path, 16000)
    peers = [
        peer(tmp_path, PCMU, narrow, payload_type=0, milliseconds=20),
        peer(tmp_path, PCMU, narrow, payload_type=0, milliseconds=60),
        peer(tmp_path, PCMA, narrow, payload_type=8, milliseconds=40),
        peer(tmp_path, G722, wide, payload_type=9, milliseconds=20),
        peer(tmp_path, l16(16000), wide, payload_type=96, milliseconds=20),
    ]
    async with opened(tmp_path) as house, house.application() as client:
        for take in await in_time(client, peers):
            whole = with_the_silence_after(take)
            if take.peer.codec in {PCMU, PCMA}:
                assert_near(whole)
            else:
                assert_exact(whole)


def with_the_silence_after(take: Take) -> Take:
    """baresip notices the end of its file once a second, and says silence until then."""
    peer = take.peer
    placed = take.recording["audio"]["caller"]["placed"]
    assert len(peer.said) <= placed < len(peer.said) + 2 * take.rate, words(take)
    uttered = np.pad(peer.said, (0, placed - len(peer.said)))
    return replace(take, peer=replace(peer, said=peer.codec.decode(peer.codec.encode(uttered))))
