import base64
import json
from typing import Any

import pytest

from daemon.media.codecs import G722, PCMA, PCMU, l16
from daemon.media.dialects.dialect import Begun, DialectError, Sound
from daemon.media.dialects.telnyx import Telnyx
from tests.daemon.media.dialects.conversations import hear
from tests.daemon.media.dialects.starts import TELNYX_START, begin, media


def test_telnyx_s_call_is_what_start_says() -> None:
    assert Telnyx().receive(json.dumps(TELNYX_START)) == [
        Begun(
            call_id="v3:c1",
            caller_id="+4930123",
            did="+4930456",
            fields={"user_id": "u1", "call_session_id": "s1", "client_state": "aGF2ZQ==", "stream_id": "t1"},
        )
    ]


@pytest.mark.parametrize(
    ("said", "codec"),
    [
        ({"encoding": "PCMU", "sample_rate": 8000, "channels": 1}, PCMU),
        ({"encoding": "PCMA", "sample_rate": "8000"}, PCMA),
        ({"encoding": "PCMA"}, PCMA),
        ({"encoding": "G722", "sample_rate": 8000}, G722),
        ({"encoding": "G722", "sample_rate": 16_000}, G722),
        ({"encoding": "L16", "sample_rate": 16_000, "channels": "1"}, l16(16_000)),
    ],
)
def test_telnyx_says_the_call_s_codec(said: dict[str, Any], codec: object) -> None:
    _, sound = hear(Telnyx(), [begin(TELNYX_START, media_format=said), media(b"\x01\x02")])
    assert sound == Sound(0, codec, b"\x01\x02")  # type: ignore[arg-type]


def test_a_number_that_telnyx_does_not_tell_is_not_there() -> None:
    bare = {"event": "start", "start": {"media_format": {"encoding": "PCMU"}, "call_session_id": "s1"}}
    assert Telnyx().receive(json.dumps(bare)) == [Begun(call_id="s1")]


def test_telnyx_s_l16_has_its_high_byte_first() -> None:
    start = begin(TELNYX_START, media_format={"encoding": "L16", "sample_rate": 16_000})
    dialect = Telnyx()
    _, sound = hear(dialect, [start, media(b"\x01\x02")])
    assert isinstance(sound, Sound)
    assert sound.codec.decode(sound.payload).tolist() == [0x0102]
    with pytest.raises(DialectError, match="half a sample"):
        dialect.receive(media(b"\x01\x02\x03"))


@pytest.mark.parametrize(
    "said",
    [
        None,
        {},
        {"encoding": 1},
        {"encoding": "OPUS", "sample_rate": 48_000},
        {"encoding": "PCMU", "sample_rate": 16_000},
        {"encoding": "L16", "sample_rate": 11_025},
        {"encoding": "PCMU", "channels": 2},
        {"encoding": "PCMU", "channels": []},
        {"encoding": "PCMU", "sample_rate": {}},
    ],
)
def test_a_codec_that_no_leg_takes_is_an_error(said: object) -> None:
    with pytest.raises(DialectError, match=r"media_format|no codec"):
        Telnyx().receive(begin(TELNYX_START, media_format=said))


def test_silence_goes_back_to_telnyx_in_the_codec_of_the_way_back() -> None:
    one_way, mulaw, wide = Telnyx(), Telnyx(both_ways=True), Telnyx(both_ways=True, back=l16(16_000))
    start = begin(TELNYX_START, media_format={"encoding": "PCMA"})
    for dialect in (one_way, mulaw, wide):
        assert dialect.silence(0.02) is None
        dialect.receive(start)
    assert one_way.silence(0.02) is None
    for dialect, expected in ((mulaw, b"\xff" * 160), (wide, bytes(640))):
        said = json.loads(dialect.silence(0.02) or "")
        assert base64.b64decode(said["media"]["payload"]) == expected
        assert said["event"] == "media"
    assert len(json.loads(mulaw.silence(1e9) or "")["media"]["payload"]) == 30 * 8000 * 4 / 3
