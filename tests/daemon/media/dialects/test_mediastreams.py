"""What Twilio and Telnyx share: each message as their documentation has it."""

import json
from typing import Any

import numpy as np
import pytest

from daemon.media.codecs import PCMU
from daemon.media.dialects.dialect import Begun, DialectError, Event, Message, Over, Pressed, Sound
from daemon.media.dialects.mediastream import MOST_EARLY_CHARACTERS, MediaStream
from daemon.media.dialects.telnyx import Telnyx
from daemon.media.dialects.twilio import Twilio
from tests.daemon.media import captures
from tests.daemon.media.dialects.conversations import hear
from tests.daemon.media.dialects.starts import TELNYX_START, TWILIO_START, media

BOTH = pytest.mark.parametrize(("made", "start"), [(Twilio, TWILIO_START), (Telnyx, TELNYX_START)])


@BOTH
@pytest.mark.parametrize("as_text", [str, int])
def test_audio_has_its_voice_its_time_and_its_number(
    made: type[MediaStream], start: dict[str, Any], as_text: type
) -> None:
    inbound = media(b"\x01\x02", timestamp=as_text(20), chunk=as_text(2))
    outbound = media(b"\x03", timestamp=as_text(40), chunk=as_text(1), track="outbound")
    [_, first, second] = hear(made(), [json.dumps(start), inbound, outbound])
    assert first == Sound(0, PCMU, b"\x01\x02", 0.02, 2)
    assert second == Sound(1, PCMU, b"\x03", 0.04, 1)


@BOTH
def test_audio_without_a_time_is_audio_in_order(made: type[MediaStream], start: dict[str, Any]) -> None:
    [_, sound] = hear(made(), [json.dumps(start), media(b"\x01"), media(b"")])
    assert sound == Sound(0, PCMU, b"\x01", None, None)


@BOTH
def test_keys_and_the_end_are_heard_and_marks_are_known(
    made: type[MediaStream], start: dict[str, Any]
) -> None:
    dialect = made()
    said: list[Message] = [
        json.dumps(start),
        '{"event": "dtmf", "dtmf": {"track": "inbound_track", "digit": "5"}, "sequenceNumber": "5"}',
        '{"event": "mark", "mark": {"name": "a"}}',
        '{"event": "stop", "stop": {"callSid": "CA1"}}',
    ]
    assert hear(dialect, said)[1:] == [Pressed("5"), Over()]
    assert dialect.unknown == 0


@BOTH
def test_what_nobody_knows_is_counted(made: type[MediaStream], start: dict[str, Any]) -> None:
    dialect = made()
    said: list[Message] = [json.dumps(start), json.dumps(start), b"\0", '{"event": "new"}', "{}"]
    said += ['{"event": []}', '{"event": "dtmf", "dtmf": {"digit": "x"}}']
    assert len(hear(dialect, said)) == 1
    assert dialect.unknown == 6


@BOTH
@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("hello", "no JSON object"),
        ("[]", "no JSON object"),
        ('{"event": "media"}', "a media message without media"),
        ('{"event": "dtmf", "dtmf": "5"}', "a dtmf message without dtmf"),
        ('{"event": "media", "media": {}}', "without a payload"),
        ('{"event": "media", "media": {"payload": "a"}}', "no base64"),
        ('{"event": "media", "media": {"payload": "_-__"}}', "no base64"),
        ('{"event": "media", "media": {"payload": "é"}}', "no base64"),
        (media(b"\0", track="third"), "track takes"),
        (media(b"\0", track=["inbound"]), "track takes"),
        (media(b"\0", timestamp="soon"), "timestamp takes"),
        (media(b"\0", timestamp=-1), "timestamp takes"),
        (media(b"\0", chunk=1.5), "chunk takes"),
        (media(b"\0", chunk=10**15), "chunk takes"),
        ("x" * 65_537, "at most 65536"),
    ],
)
def test_what_cannot_be_read_is_an_error(
    made: type[MediaStream], start: dict[str, Any], message: str, words: str
) -> None:
    dialect = made()
    dialect.receive(json.dumps(start))
    with pytest.raises(DialectError, match=words):
        dialect.receive(message)


@BOTH
def test_audio_before_the_start_waits_for_it(made: type[MediaStream], start: dict[str, Any]) -> None:
    events: list[Event] = hear(made(), [media(b"\x01", chunk=1), media(b"\x02", chunk=2), json.dumps(start)])
    assert isinstance(events[0], Begun)
    assert [event.payload for event in events if isinstance(event, Sound)] == [b"\x01", b"\x02"]


@BOTH
def test_audio_without_any_start_is_an_error(made: type[MediaStream], start: dict[str, Any]) -> None:
    dialect, message = made(), media(bytes(160))
    with pytest.raises(DialectError, match="audio, and no start"):
        hear(dialect, [message] * MOST_EARLY_CHARACTERS)


@pytest.mark.parametrize("start", [{"event": "start"}, {"event": "start", "start": 1}])
def test_a_start_that_starts_nothing_is_an_error(start: dict[str, Any]) -> None:
    for dialect in (Twilio(), Telnyx()):
        with pytest.raises(DialectError, match="a start message without start"):
            dialect.receive(json.dumps(start))


@BOTH
def test_speech_in_any_order_is_whole_by_its_times(made: type[MediaStream], start: dict[str, Any]) -> None:
    speech = PCMU.encode(captures.speech())
    said = [
        media(speech[at : at + 160], timestamp=str(at // 8), chunk=str(at // 160 + 1), track=track)
        for at in range(0, len(speech), 160)
        for track in ("inbound", "outbound")
    ]
    shuffled = [said[index] for index in np.random.default_rng(1).permutation(len(said))]
    events = hear(made(), [json.dumps(start), *shuffled])
    for voice in (0, 1):
        sounds = [each for each in events if isinstance(each, Sound) and each.voice == voice]
        heard = np.zeros(32_000, np.int16)
        for sound in sounds:
            assert sound.time is not None
            assert sound.number == round(sound.time * 50) + 1
            place = round(sound.time * 8000)
            heard[place : place + 160] = sound.codec.decode(sound.payload)
        assert np.array_equal(heard, PCMU.decode(speech))
