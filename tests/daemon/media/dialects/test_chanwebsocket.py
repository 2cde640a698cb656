import json
import struct

import numpy as np
import pytest

from daemon.media.codecs import G722
from daemon.media.dialects.chanwebsocket import FORMATS, MOST_BINARY_BYTES, ChanWebSocket
from daemon.media.dialects.dialect import Begun, DialectError, Pressed, Reply, Sound
from tests.daemon.media.dialects.conversations import hear, samples

PLAIN = (
    "MEDIA_START connection_id:media-server channel:WebSocket/media-server/0x7f10c8014ee0 "
    "channel_id:1700000000.1 format:slin optimal_frame_size:320 ptime:20"
)
JSON = {
    "event": "MEDIA_START",
    "connection_id": "media-server",
    "channel": "WebSocket/media-server/0x7f10c8014ee0",
    "channel_id": "1700000000.1",
    "format": "slin",
    "optimal_frame_size": 320,
    "ptime": 20,
    "channel_variables": {"QUEUE": "sales"},
}
FORMS = ["plain", "json"]


def started(form: str, *, answer: bool = False, **more: object) -> ChanWebSocket:
    """A conversation behind its MEDIA_START."""
    dialect = ChanWebSocket(answer=answer)
    said = JSON | more
    words = " ".join(
        f"{key}:{value}" for key, value in said.items() if key not in {"event", "channel_variables"}
    )
    dialect.receive(json.dumps(said) if form == "json" else f"MEDIA_START {words}")
    return dialect


def test_plain_words_begin_a_call() -> None:
    [begun] = ChanWebSocket().receive(PLAIN)
    assert begun == Begun(
        call_id="1700000000.1",
        fields={
            "channel": "WebSocket/media-server/0x7f10c8014ee0",
            "channel_id": "1700000000.1",
            "connection_id": "media-server",
        },
    )


def test_json_begins_a_call_with_the_channel_s_variables() -> None:
    [begun] = ChanWebSocket().receive(json.dumps(JSON))
    assert isinstance(begun, Begun)
    assert begun.call_id == "1700000000.1"
    assert begun.fields["channel_variables"] == {"QUEUE": "sales"}


def test_the_name_that_the_dialplan_gave_goes_before_the_channel_s() -> None:
    [begun] = ChanWebSocket("9f1c2b3a-0000-4000-8000-000000000004").receive(PLAIN)
    assert isinstance(begun, Begun)
    assert begun.call_id == "9f1c2b3a-0000-4000-8000-000000000004"
    assert begun.fields["channel_id"] == "1700000000.1"


def test_a_channel_that_waits_is_answered_in_its_own_words() -> None:
    assert ChanWebSocket(answer=True).receive(PLAIN)[1:] == [Reply("ANSWER")]
    [reply] = ChanWebSocket(answer=True).receive(json.dumps(JSON))[1:]
    assert isinstance(reply, Reply)
    assert isinstance(reply.message, str)
    assert json.loads(reply.message) == {"command": "ANSWER"}
    assert len(reply.message) <= 128


@pytest.mark.parametrize("form", FORMS)
def test_the_end_is_said_in_the_words_of_the_beginning(form: str) -> None:
    assert ChanWebSocket().goodbye() is None
    said = started(form).goodbye()
    assert said == "HANGUP" if form == "plain" else json.loads(said or "") == {"command": "HANGUP"}


@pytest.mark.parametrize(
    ("written", "rate", "sample_bytes"),
    [
        ("ulaw", 8000, 1),
        ("alaw", 8000, 1),
        ("slin", 8000, 2),
        ("slin12", 12_000, 2),
        ("slin16", 16_000, 2),
        ("slin24", 24_000, 2),
        ("slin32", 32_000, 2),
        ("slin44", 44_100, 2),
        ("slin48", 48_000, 2),
    ],
)
def test_every_format_has_its_codec(written: str, rate: int, sample_bytes: int) -> None:
    dialect = started("json", format=written, optimal_frame_size=0)
    [sound] = dialect.receive(bytes(sample_bytes * 7))
    assert sound == Sound(0, FORMATS[written], bytes(sample_bytes * 7))
    assert isinstance(sound, Sound)
    assert (sound.codec.rate, sound.codec.bytes_per_sample) == (rate, sample_bytes)
    # Without a size that can be obeyed, silence comes in frames of 20 ms.
    silence = dialect.silence(0.02)
    assert silence is not None
    heard = sound.codec.decode(silence)
    assert len(heard) == rate // 50
    assert np.abs(heard).max() <= 8  # A-law has no 0


def test_slin_has_its_low_byte_first() -> None:
    assert samples(started("plain").receive(struct.pack("<2h", 1, -300))).tolist() == [1, -300]


def test_g722_is_two_samples_a_byte() -> None:
    [sound] = started("plain", format="g722", optimal_frame_size=160).receive(bytes(160))
    assert isinstance(sound, Sound)
    assert sound.codec == G722
    assert len(sound.codec.decode(sound.payload)) == 320
    assert set(FORMATS) == {
        "ulaw",
        "alaw",
        "g722",
        "slin",
        *(f"slin{khz}" for khz in (12, 16, 24, 32, 44, 48)),
    }


@pytest.mark.parametrize("form", FORMS)
def test_keys_are_heard_in_either_form(form: str) -> None:
    dialect = started(form)
    plain = ["DTMF_END digit:5 channel_id:1700000000.1", "DTMF_END digit:# channel_id:1700000000.1"]
    as_json = [json.dumps({"event": "DTMF_END", "channel_id": "1", "digit": digit}) for digit in "5#"]
    assert hear(dialect, plain if form == "plain" else as_json) == [Pressed("5"), Pressed("#")]
    assert hear(dialect, ["DTMF_END digit:x", "DTMF_END", '{"event": "DTMF_END", "digit": []}']) == []
    assert dialect.unknown == 3


@pytest.mark.parametrize("form", FORMS)
def test_no_silence_is_sent_while_asterisk_has_enough(form: str) -> None:
    dialect = started(form)
    off, on = "MEDIA_XOFF", "MEDIA_XON"
    if form == "json":
        off, on = (json.dumps({"event": word, "channel_id": "1"}) for word in (off, on))
    assert dialect.silence(0.02) == bytes(320)
    hear(dialect, [off])
    assert dialect.silence(0.02) is None
    hear(dialect, [on])
    assert dialect.silence(0.02) == bytes(320)
    assert dialect.unknown == 0


def test_silence_is_whole_frames_and_as_much_as_was_asked_for() -> None:
    dialect = started("plain", format="slin16", optimal_frame_size=640)
    sizes = [len(dialect.silence(0.1) or b"") for _ in range(100)]
    assert set(sizes) == {3200}
    odd = started("plain", format="ulaw", optimal_frame_size=160)
    sizes = [len(odd.silence(0.03) or b"") for _ in range(10)]
    assert sizes == [160, 320] * 5
    assert odd.silence(0.001) is None
    assert ChanWebSocket().silence(1.0) is None


def test_silence_never_ends_the_call_by_its_size() -> None:
    dialect = started("json", format="slin48", optimal_frame_size=1920)
    silence = dialect.silence(60.0)
    assert silence is not None
    assert MOST_BINARY_BYTES - 1920 < len(silence) <= MOST_BINARY_BYTES
    assert len(silence) % 1920 == 0


@pytest.mark.parametrize("size", ["x", "-320", "321", str(MOST_BINARY_BYTES + 2), "99999999999999999999"])
def test_a_size_that_cannot_be_obeyed_is_20_ms(size: str) -> None:
    assert started("plain", optimal_frame_size=size).silence(0.02) == bytes(320)


def test_what_a_recorder_has_no_use_for_is_known() -> None:
    dialect = started("plain")
    said = [
        "STATUS channel_id:1 queue_length:0 xon_level:800 xoff_level:900 queue_full:false bulk_media:false",
        "QUEUE_DRAINED",
        "MEDIA_MARK_PROCESSED abc",
        "MEDIA_BUFFERING_COMPLETED",
        "ERROR channel_id:1 error_text:MARK_MEDIA not supported in passthrough mode",
        '{"event":"ERROR","channel_id":"1","error_text":"Unable to parse JSON command"}',
    ]
    assert hear(dialect, said) == []
    assert dialect.unknown == 0


def test_what_nobody_knows_is_counted() -> None:
    dialect = started("json")
    assert hear(dialect, ["", "SOMETHING new:1", '{"event": "NEW"}', '{"event": 1}', "{}", PLAIN]) == []
    assert dialect.unknown == 6


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([b"\0\0"], "audio before MEDIA_START"),
        (['{"event": "MEDIA_START", '], "begins as JSON and is none"),
        (["MEDIA_START channel_id:1"], "format None: takes ulaw"),
        ([PLAIN.replace("slin", "opus")], "format 'opus': takes ulaw"),
        ([json.dumps(JSON | {"format": ["slin"]})], "takes ulaw"),
        ([PLAIN + " x" * 40_000], "at most 65536"),
    ],
)
def test_what_nobody_can_go_on_from_is_an_error(messages: list[str | bytes], words: str) -> None:
    with pytest.raises(DialectError, match=words):
        hear(ChanWebSocket(), messages)
