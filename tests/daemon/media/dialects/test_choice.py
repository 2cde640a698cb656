import json

import pytest

from daemon.media.dialects.choice import NAMES, begin, by_address, named, subprotocol
from daemon.media.dialects.dialect import Begun, DialectError, Message, Reply, Sound
from tests.daemon.media.dialects.conversations import hear
from tests.daemon.media.dialects.starts import TELNYX_START, TWILIO_START, media

START = "MEDIA_START channel_id:1 format:slin optimal_frame_size:320"


def test_a_dialect_has_the_name_by_which_it_is_asked_for() -> None:
    assert sorted(NAMES) == ["audio-fork", "audio-stream", "chan-websocket", "telnyx", "twilio"]
    for name in NAMES:
        assert named(name, {}).name == name
        assert begin(f"/media/{name}/some-token", [], {}).name == name


@pytest.mark.parametrize(
    ("path", "offered", "name"),
    [
        ("/twilio", ["media"], "twilio"),
        ("/", ["audio.drachtio.org"], "audio-fork"),
        ("/", ["x", "audio.jambonz.org"], "audio-fork"),
        ("/record", ["media"], "chan-websocket"),
        ("/not-twilio/twilio2", [], None),
        ("", ["x"], None),
    ],
)
def test_the_path_goes_before_the_subprotocol(path: str, offered: list[str], name: str | None) -> None:
    assert by_address(path, offered) == name
    assert begin(path, offered, {}).name == (name or "")


def test_a_subprotocol_that_was_offered_is_the_answer() -> None:
    assert subprotocol([]) is None
    assert subprotocol(["mine"]) == "mine"
    assert subprotocol(["mine", "media", "audio.jambonz.org"]) == "media"


@pytest.mark.parametrize(
    ("messages", "name"),
    [
        (['{"event": "connected", "protocol": "Call", "version": "1.0.0"}'], "twilio"),
        (['{"event": "connected", "version": "1.0.0"}', json.dumps(TELNYX_START)], "telnyx"),
        (['{"event": "connected"}', json.dumps(TWILIO_START)], "twilio"),
        (['{"event": "connected"}', media(b"\0")], "telnyx"),
        ([json.dumps(TWILIO_START)], "twilio"),
        ([json.dumps(TELNYX_START)], "telnyx"),
        ([START], "chan-websocket"),
        (['{"event": "MEDIA_START", "format": "ulaw"}'], "chan-websocket"),
        ([bytes(320)], "audio-stream"),
        ([b""], "audio-stream"),
        (["call-1.wav"], "audio-stream"),
        (["MEDIA_STARTED"], "audio-stream"),
        (['{"uuid": "a"}'], "audio-stream"),
        (['{"event": "media"}'], "audio-stream"),
        (['{"event": ["start"]}'], "audio-stream"),
        (["{broken"], "audio-stream"),
    ],
)
def test_the_first_messages_decide_where_the_address_does_not(messages: list[Message], name: str) -> None:
    dialect = begin("/", [], {})
    for message in messages[:-1]:
        assert dialect.receive(message) == []
        assert (dialect.name, dialect.silence(1.0), dialect.goodbye(), dialect.unknown) == ("", None, None, 0)
    dialect.receive(messages[-1])
    assert dialect.name == name


def test_once_it_is_decided_it_stays() -> None:
    dialect = begin("/", [], {"both_ways": "1"})
    events = hear(dialect, ['{"event": "connected"}', json.dumps(TWILIO_START), media(b"\0"), "{}"])
    assert [type(event) for event in events] == [Begun, Sound]
    assert (dialect.name, dialect.unknown) == ("twilio", 1)
    assert dialect.silence(0.02) is not None


def test_a_connection_that_is_connected_and_then_speaks_no_json_is_an_error() -> None:
    with pytest.raises(DialectError, match="no JSON"):
        hear(begin("/", [], {}), ['{"event": "connected"}', "hello"])


def test_the_query_says_what_the_wire_does_not() -> None:
    [_, left, right] = hear(named("audio-stream", {"rate": "16000", "channels": "2"}), ["a", bytes(4)])
    assert isinstance(left, Sound)
    assert isinstance(right, Sound)
    assert (left.codec.rate, right.voice) == (16_000, 1)
    [sound] = named("audio-fork", {"rate": "16000"}).receive(bytes(4))
    assert isinstance(sound, Sound)
    assert sound.codec.rate == 16_000
    assert named("audio-fork", {"channels": "2"}).receive(bytes(4)) == []
    begun, reply = named("chan-websocket", {"uuid": "a", "answer": "1"}).receive(START)
    assert isinstance(begun, Begun)
    assert (begun.call_id, reply) == ("a", Reply("ANSWER"))
    fork, twilio, telnyx = (named(name, {"both_ways": "1"}) for name in ("audio-fork", "twilio", "telnyx"))
    hear(fork, ['{"sampleRate": 8000}'])
    hear(twilio, [json.dumps(TWILIO_START)])
    hear(telnyx, [json.dumps(TELNYX_START)])
    assert fork.silence(0.02) == bytes(320)
    assert None not in {twilio.silence(0.02), telnyx.silence(0.02)}


@pytest.mark.parametrize(
    "query", [{"rate": ""}, {"rate": "fast"}, {"rate": "8001"}, {"channels": "3"}, {"channels": "-1"}]
)
def test_a_query_that_cannot_be_obeyed_is_refused_at_once(query: dict[str, str]) -> None:
    for path in ("/audio-stream", "/audio-fork", "/"):
        with pytest.raises(DialectError, match="take"):
            begin(path, [], query)
    with pytest.raises(DialectError, match="both_ways takes 0 or 1"):
        begin("/twilio", [], {"both_ways": "yes"})
