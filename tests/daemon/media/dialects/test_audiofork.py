import json
import struct

import pytest

from daemon.media.dialects.audiofork import MOST_HELD_BYTES, AudioFork
from daemon.media.dialects.dialect import Begun, DialectError, Over, Pressed, Sound
from tests.daemon.media.dialects.conversations import hear, rest, samples

# As jambonz' documentation has it, shortened.
DESCRIPTION = {
    "callSid": "0b5b4d5c-8b3f-4f0e-9d5e-6d4bfc3b1a2c",
    "from": "+15083084809",
    "to": "+15083728299",
    "callId": "f0e3a0b1@10.0.0.1",
    "sampleRate": 16000,
    "mixType": "stereo",
    "customer": {"tier": "gold"},
}
AUDIO = struct.pack("<4h", 1, -1, 2, -2)


def test_a_described_call_is_heard_as_described() -> None:
    dialect = AudioFork()
    events = hear(dialect, [json.dumps(DESCRIPTION), AUDIO[:3], AUDIO[3:], b""])
    begun, over = rest(events)
    assert isinstance(begun, Begun)
    assert (begun.call_id, begun.caller_id, begun.did) == (
        DESCRIPTION["callSid"],
        "+15083084809",
        "+15083728299",
    )
    kept = {key: DESCRIPTION[key] for key in ("callId", "sampleRate", "mixType", "customer")}
    assert begun.fields == kept
    assert over == Over()
    assert (samples(events, 0).tolist(), samples(events, 1).tolist()) == ([1, 2], [-1, -2])
    assert {event.codec.rate for event in events if isinstance(event, Sound)} == {16_000}
    assert dialect.unknown == 0


@pytest.mark.parametrize("mix", ["mono", "mixed", None])
def test_any_other_mix_is_one_voice(mix: str | None) -> None:
    events = hear(AudioFork(), [json.dumps(DESCRIPTION | {"mixType": mix, "sampleRate": "8000"}), AUDIO])
    assert samples(events, 0).tolist() == [1, -1, 2, -2]


def test_keys_are_pressed_before_and_after_the_description() -> None:
    key = '{"event":"dtmf","dtmf":"5","duration":"1600"}'
    dialect = AudioFork()
    events = hear(
        dialect, [key, json.dumps(DESCRIPTION), key, '{"event":"dtmf","dtmf":"55"}', '{"event":"x"}']
    )
    assert [event for event in events if not isinstance(event, Begun)] == [Pressed("5"), Pressed("5")]
    assert dialect.unknown == 2


def test_audio_before_the_description_is_held_for_it() -> None:
    dialect = AudioFork()
    assert dialect.receive(AUDIO[:5]) == []
    assert dialect.held == 5
    events = hear(dialect, [json.dumps(DESCRIPTION), AUDIO[5:]])
    assert isinstance(events[0], Begun)
    assert (samples(events, 0).tolist(), samples(events, 1).tolist()) == ([1, 2], [-1, -2])
    assert dialect.held == 0


def test_audio_that_nobody_describes_is_an_error_and_not_kept() -> None:
    dialect = AudioFork()
    assert hear(dialect, [bytes(MOST_HELD_BYTES)]) == []
    with pytest.raises(DialectError, match="192002 bytes of audio, and neither a sampleRate nor a rate"):
        dialect.receive(b"\0\0")
    assert dialect.held == 0


def test_an_end_before_any_description_says_that_audio_is_lost() -> None:
    dialect = AudioFork()
    dialect.receive(AUDIO)
    with pytest.raises(DialectError, match="8 bytes of audio"):
        dialect.receive(b"")
    assert AudioFork().receive(b"") == [Over()]


def test_a_rate_in_the_url_stands_for_a_description() -> None:
    dialect = AudioFork(16_000, 2)
    events = hear(dialect, [AUDIO, "whatever the dialplan says", AUDIO])
    assert rest(events) == [Begun(fields={"text": "whatever the dialplan says"})]
    assert samples(events, 0).tolist() == [1, 2, 1, 2]


def test_a_description_overrules_the_url() -> None:
    events = hear(AudioFork(8000, 1), [json.dumps(DESCRIPTION), AUDIO])
    assert samples(events, 1).tolist() == [-1, -2]


def test_one_that_agrees_with_the_url_leaves_the_audio_whole() -> None:
    events = hear(AudioFork(16_000, 2), [AUDIO[:3], json.dumps(DESCRIPTION), AUDIO[3:]])
    assert (samples(events, 0).tolist(), samples(events, 1).tolist()) == ([1, 2], [-1, -2])


def test_metadata_without_a_rate_may_be_followed_by_one() -> None:
    dialect = AudioFork()
    events = hear(dialect, ['{"uuid": "a"}', AUDIO, "note", '{"sampleRate": 8000}', '{"sampleRate": 16000}'])
    assert rest(events) == [Begun(call_id="a")]
    assert samples(events).tolist() == [1, -1, 2, -2]
    assert dialect.unknown == 2


@pytest.mark.parametrize(
    "wrong",
    [{"sampleRate": 64_000}, {"sampleRate": "fast"}, {"sampleRate": []}, {"mixType": "both"}, {"mixType": 2}],
)
def test_a_description_that_cannot_be_obeyed_is_an_error(wrong: dict[str, object]) -> None:
    with pytest.raises(DialectError, match="take"):
        AudioFork().receive(json.dumps(DESCRIPTION | wrong))


def test_silence_goes_back_only_where_it_is_played() -> None:
    one_way, both_ways = AudioFork(), AudioFork(both_ways=True)
    assert both_ways.silence(0.1) is None
    hear(one_way, [json.dumps(DESCRIPTION)])
    hear(both_ways, [json.dumps(DESCRIPTION)])
    assert one_way.silence(0.1) is None
    assert both_ways.silence(0.1) == bytes(2 * 1600)
    assert both_ways.silence(0.0) is None
    assert both_ways.goodbye() is None
