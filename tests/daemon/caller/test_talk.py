"""A talk is what leaves on the wire, and what a recorder has to keep of it."""

import numpy as np
import pytest

from daemon.caller.talk import Talk
from daemon.media.codecs import PCMA, PCMU, Codec, l16


@pytest.mark.parametrize(
    ("codec", "payload_bytes", "step"),
    [(PCMU, 160, 160), (PCMA, 160, 160), (l16(8000), 320, 160), (l16(16000), 640, 320)],
)
def test_every_packet_holds_twenty_milliseconds(codec: Codec, payload_bytes: int, step: int) -> None:
    # 50 ms of sound: three packets, the last one half filled with silence.
    sound = np.arange(1, codec.rate // 20 + 1, dtype=np.int16)
    talk = Talk.of(sound, codec, 96)
    assert [len(payload) for payload in talk.payloads] == [payload_bytes] * 3
    assert talk.seconds == pytest.approx(0.06)
    assert talk.timestamp_step == step
    assert len(talk.heard) == 3 * step
    assert np.array_equal(talk.heard, codec.decode(b"".join(talk.payloads)))


def test_l16_loses_nothing_and_sends_the_high_byte_first() -> None:
    talk = Talk.of(np.array([0x0102, -2], np.int16), l16(8000), 96)
    assert talk.payloads[0][:4] == b"\x01\x02\xff\xfe"
    assert talk.heard[:3].tolist() == [0x0102, -2, 0]


def test_silence_is_the_codecs_own() -> None:
    talk = Talk.silence(PCMU, 0, packets=2)
    assert talk.payloads == (b"\xff" * 160, b"\xff" * 160)
    assert not talk.heard.any()
