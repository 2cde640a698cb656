"""What can be asked for goes together, or is refused in plain words."""

import numpy as np
import pytest

from daemon.caller import kinds
from daemon.caller.faults import Faults
from daemon.caller.kinds import RTP
from daemon.caller.manner import PLAIN
from daemon.caller.talk import Talk


@pytest.mark.parametrize(
    ("codec", "rate", "name", "its_rate", "payload_type"),
    [
        (None, None, "PCMU", 8000, 0),
        ("pcma", None, "PCMA", 8000, 8),
        ("g722", None, "G722", 16000, 9),
        ("G722/8000", None, "G722", 16000, 9),
        ("l16", None, "L16", 8000, 96),
        ("l16", 48000, "L16", 48000, 96),
        ("L16/44100", None, "L16", 44100, 96),
    ],
)
def test_a_codec_is_named_with_its_rate_or_without(
    codec: str | None, rate: int | None, name: str, its_rate: int, payload_type: int
) -> None:
    chosen, number = RTP.codec(codec, rate)
    assert (chosen.name, chosen.rate, number) == (name, its_rate, payload_type)


@pytest.mark.parametrize("codec", ["opus", "L16/9000", "PCMU/16000", "L16/x", "/8000"])
def test_a_codec_that_there_is_not_is_refused_with_those_that_there_are(codec: str) -> None:
    with pytest.raises(ValueError, match=r"--leg rtp takes PCMU, PCMA, G722, L16/8000, L16/12000"):
        RTP.codec(codec, None)


def test_a_packet_has_ten_to_sixty_milliseconds() -> None:
    assert RTP.ptime(None) == 0.02
    assert RTP.ptime(60) == 0.06
    with pytest.raises(ValueError, match="--ptime 15: takes 10, 20, 30, 40, 50, 60"):
        RTP.ptime(15)


def test_a_kind_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    assert kinds.named("rtp") is RTP
    with pytest.raises(
        ValueError, match="--leg smoke: takes rtp, audiosocket, audio-stream, audio-fork, chan-websocket"
    ):
        kinds.named("smoke")


def test_rtp_can_suffer_every_fault() -> None:
    faults = Faults(loss=10, burst=2, reorder=1, duplicate=1, jitter=0.1, skew=1, dtx=True, gap=(1, 1))
    manner = RTP.manner(faults)
    assert manner.faults is faults
    assert not manner.breathes
    assert len(manner.plans(Talk.of(np.ones(800, np.int16), RTP.codec(None, None)[0], 0), 3)) == 3


def test_a_session_is_told_what_no_static_payload_type_says() -> None:
    sound = np.ones(1600, np.int16)
    assert PLAIN.session(Talk.of(sound, *RTP.codec("pcma", None))) == {}
    told = PLAIN.session(Talk.of(sound, *RTP.codec("L16/16000", None)))
    assert told == {"rtp": {"payload_type": 96, "encoding": "L16", "rate": 16000}}
    # The recording's rate is chosen before anything is heard, and nobody would think of 16 kHz.
    told = PLAIN.session(Talk.of(sound, *RTP.codec("g722", None)))
    assert told == {"rtp": {"payload_type": 9, "encoding": "G722", "rate": 16000}}


def test_each_kind_takes_what_its_switch_does() -> None:
    for kind in kinds.KINDS.values():
        codec, _ = kind.codec(None, None)
        assert codec.rate == 8000
        assert kind.ptime(20) == 0.02
        manner = kind.manner(Faults(jitter=0.1, gap=(1, 1), dtx=True, skew=10))
        assert manner.over_tcp == manner.breathes == (kind is not RTP)
    assert [name for name, kind in kinds.KINDS.items() if kind.both] == [
        "audio-stream",
        "audio-fork",
        "twilio",
        "telnyx",
    ]
    assert [name for name, kind in kinds.KINDS.items() if kind.timed] == ["rtp", "twilio", "telnyx"]
    kinds.named("telnyx").manner(Faults(reorder=10))
    with pytest.raises(ValueError, match="--reorder: not on --leg twilio, which takes --dtx, --gap"):
        kinds.named("twilio").manner(Faults(reorder=10))
    with pytest.raises(ValueError, match="--codec L16: --leg twilio takes PCMU"):
        kinds.named("twilio").codec("L16", None)
