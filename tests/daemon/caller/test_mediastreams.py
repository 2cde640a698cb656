"""Twilio's and Telnyx' messages, field by field; all audio is looked at byte by byte."""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from daemon.caller.dialects.dialect import Message, new_call
from daemon.caller.dialects.twilio import Twilio
from daemon.caller.faults import Faults, Turn
from daemon.caller.talk import Talk
from daemon.media.codecs import PCMU
from tests.daemon.caller.farend import TOKEN_PATH
from tests.daemon.caller.saying import prepared, read, said, sound


def media(
    message: Message, number: str, sequence: str, track: str = "inbound"
) -> tuple[Mapping[str, Any], bytes]:
    """The inside of a `media` message, and its payload."""
    told = read(message)
    assert (told["event"], told[number]) == ("media", sequence)
    assert told["media"]["track"] == track
    return told["media"], base64.b64decode(told["media"]["payload"], validate=True)


async def test_twilio_says_connected_start_media_and_stop_all_numbers_as_texts() -> None:
    talk = prepared("twilio", None, 8000)
    far_end = await said("twilio", talk)
    assert far_end.path == f"{TOKEN_PATH}/twilio?both_ways=1"
    assert far_end.offered == ()
    connected, start, *messages, stop = far_end.messages
    assert read(connected) == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    begun = read(start)
    inner = begun["start"]
    assert (begun["event"], begun["sequenceNumber"]) == ("start", "1")
    assert inner["tracks"] == ["inbound"]
    assert inner["mediaFormat"] == {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    assert begun["streamSid"] == inner["streamSid"]
    assert re.fullmatch("MZ[0-9a-f]{32}", begun["streamSid"])
    assert re.fullmatch("CA[0-9a-f]{32}", inner["callSid"])
    for number, message in enumerate(messages):
        told, payload = media(message, "sequenceNumber", str(number + 2))
        assert (told["chunk"], told["timestamp"]) == (str(number + 1), str(20 * number))
        assert payload == talk.payloads[number % 3]
    ended = read(stop)
    assert (ended["event"], ended["sequenceNumber"]) == ("stop", "8")
    assert ended["stop"] == {"accountSid": inner["accountSid"], "callSid": inner["callSid"]}


async def test_twilio_sends_both_tracks_each_in_messages_of_its_own() -> None:
    talk = prepared("twilio", None, 8000, callee=True)
    assert talk.callee is not None
    far_end = await said("twilio", talk)
    assert far_end.path == f"{TOKEN_PATH}/twilio"
    start, *messages = far_end.messages[1:-1]
    assert read(start)["start"]["tracks"] == ["inbound", "outbound"]
    for number in range(6):
        own, other = messages[2 * number : 2 * number + 2]
        told, payload = media(own, "sequenceNumber", str(2 * number + 2))
        assert (told["chunk"], told["timestamp"]) == (str(number + 1), str(20 * number))
        assert payload == talk.payloads[number % 3]
        told, payload = media(other, "sequenceNumber", str(2 * number + 3), "outbound")
        assert (told["chunk"], told["timestamp"]) == (str(number + 1), str(20 * number))
        assert payload == talk.callee.payloads[number % 3]


async def test_telnyx_says_the_same_in_snake_case_and_in_any_order() -> None:
    talk = prepared("telnyx", "PCMA", 8000)
    far_end = await said("telnyx", talk, faults=Faults(reorder=100))
    connected, start, *messages, stop = far_end.messages
    assert read(connected)["event"] == "connected"
    begun = read(start)
    assert (begun["event"], begun["sequence_number"]) == ("start", "1")
    assert begun["start"]["media_format"] == {"encoding": "PCMA", "sample_rate": 8000, "channels": 1}
    assert {"call_control_id", "from", "to"} <= set(begun["start"])
    numbers = [int(read(message)["sequence_number"]) for message in messages]
    assert numbers != sorted(numbers)
    for number, message in zip(numbers, messages, strict=True):
        told, payload = media(message, "sequence_number", str(number))
        assert (told["chunk"], told["timestamp"]) == (str(number - 1), str(20 * (number - 2)))
        assert payload == talk.payloads[(number - 2) % 3]
        assert read(message)["stream_id"] == begun["stream_id"]
    assert (read(stop)["event"], read(stop)["sequence_number"]) == ("stop", "8")


async def test_time_goes_on_in_a_gap_and_chunks_do_not() -> None:
    talk = Talk.of(sound(8000, packets=10), PCMU, 0)
    far_end = await said("twilio", talk, faults=Faults(gap=(0.04, 0.1)))
    told = [read(message)["media"] for message in far_end.messages[2:-1]]
    assert [one["timestamp"] for one in told[:6]] == ["0", "20", "140", "160", "180", "200"]
    assert [one["chunk"] for one in told] == [str(number) for number in range(1, 11)]


def test_a_mark_comes_back_and_numbers_go_on() -> None:
    talk = Talk.of(sound(8000), PCMU, 0)
    twilio = Twilio(new_call(), talk)
    twilio.begin()
    (first,) = twilio.packet(talk, Turn(0.02, 0, 0, True))
    (mark,) = twilio.receive(json.dumps({"event": "mark", "streamSid": "x", "mark": {"name": "a"}})).replies
    (second,) = twilio.packet(talk, Turn(0.04, 1, 1, False))
    assert [read(one)["sequenceNumber"] for one in (first, mark, second)] == ["2", "3", "4"]
    assert read(mark)["mark"] == {"name": "a"}
