"""WebSocket connections to one leg, without sockets: what is heard, what is said back, how they end."""

import base64
import json
from typing import Any

import pytest

from daemon.media.codecs import Codec, slin
from daemon.media.dialects import choice
from daemon.media.heard import Heard
from daemon.media.websocketstream import Conversation, WebSocketStream
from daemon.media.wire import WireError
from tests.wavstream.clients import audio, close, frame, frames, text, upgrade
from wavstream.process.framing import Framing

VOICE = bytes(range(1, 161)) * 2
NOW = 1000.0
START_PLAIN = text("MEDIA_START channel:W/x channel_id:1.2 format:slin optimal_frame_size:320 ptime:20")


def conversation(path: str, **query: str) -> Conversation:
    framing = Framing(1 << 16)
    assert framing.receive_request(upgrade("/")) is not None
    assert framing.accept()
    framing.outgoing()
    return Conversation(framing, choice.begin(path, [], query))


def stream(path: str, **query: str) -> WebSocketStream:
    opened = WebSocketStream()
    opened.begin(conversation(path, **query))
    return opened


def said(**fields: Any) -> bytes:
    return text(json.dumps(fields))


def heard(wire: WebSocketStream, now: float = NOW) -> list[Heard]:
    wire.look(now, whole=True)
    return wire.heard()


def media(track: str, chunk: int, payload: bytes) -> bytes:
    inner = {
        "track": track,
        "chunk": str(chunk),
        "timestamp": str(20 * chunk),
        "payload": base64.b64encode(payload).decode(),
    }
    return said(event="media", media=inner)


def twilio(*tracks: str) -> bytes:
    return said(event="start", streamSid="MZ1", start={"callSid": "CA1", "tracks": tracks})


def test_two_voices_have_a_side_each_in_binary_and_in_json() -> None:
    wire = stream("/audio-stream", channels="2")
    wire.receive(audio(b"\1\0\2\0" * 160), NOW)
    left, right = heard(wire)
    assert (left.voice, left.payload, right.voice, right.payload) == (0, b"\1\0" * 160, 1, b"\2\0" * 160)
    assert left.place == right.place == 8_000_000 - 160
    wire = stream("/twilio")
    both = media("inbound", 1, bytes(range(160))) + media("outbound", 1, bytes(range(160))[::-1])
    wire.receive(twilio("inbound", "outbound") + both, NOW)
    assert [(each.voice, each.payload[0], each.place) for each in heard(wire)] == [
        (0, 0, 8_000_000 - 160),
        (1, 159, 8_000_000 - 160),
    ]


def test_what_the_listener_has_read_already_is_heard_first() -> None:
    wire = WebSocketStream()
    opened = conversation("/audio-stream")
    opened.framing.feed(text("hello") + audio(VOICE))
    wire.begin(opened._replace(messages=tuple(opened.framing.messages())))
    opened.framing.feed(audio(VOICE[::-1]))
    wire.receive(b"", NOW)
    (only,) = heard(wire)
    assert only.payload == VOICE + VOICE[::-1]
    assert wire.view()["call"]["fields"] == {"text": "hello"}
    assert wire.frames == 2


def test_two_connections_one_after_the_other_may_speak_differently() -> None:
    wire = stream("/audio-stream", rate="16000")
    wire.receive(audio(VOICE), NOW)
    wire.finish(NOW)
    wire.begin(conversation("/twilio"))
    wire.receive(twilio("inbound") + media("inbound", 1, bytes(160)), NOW + 5)
    wire.finish(NOW + 5)
    wire.begin(conversation("/chan-websocket"))
    wire.receive(START_PLAIN + audio(VOICE), NOW + 9)
    assert [(each.codec.name, each.codec.rate) for each in heard(wire, NOW + 9)] == [
        ("slin", 16_000),
        ("slin", 8000),
        ("PCMU", 8000),
    ]
    view = wire.view()
    assert (view["dialect"], view["call"]["call_id"]) == ("chan-websocket", "1.2")
    assert (view["frames"], view["anchors"]) == (3, 3)


def test_what_is_heard_of_each_connection_is_where_it_was_spoken() -> None:
    wire = stream("/audio-stream", rate="16000")
    wire.receive(audio(VOICE), NOW)
    wire.finish(NOW)
    wire.begin(conversation("/twilio"))
    wire.receive(twilio("inbound") + media("inbound", 1, bytes(160)), NOW + 5)
    wire.finish(NOW + 5)
    ends = {each.codec.rate: each.end for each in wire.heard()}
    assert ends == {16_000: round(NOW * 16_000), 8000: round((NOW + 5) * 8000)}


def test_behind_the_end_that_was_said_nothing_is_heard_and_the_close_is_answered() -> None:
    wire = stream("/twilio")
    late = media("inbound", 2, bytes(160))
    wire.receive(twilio("inbound") + media("inbound", 1, bytes(160)) + said(event="stop") + late, NOW)
    assert wire.hung_up
    assert frames(wire.outgoing()) == [(8, b"\x03\xe8")]
    assert sum(len(each.payload) for each in heard(wire)) == 160
    wire.receive(late + close(), NOW)
    assert heard(wire) == []
    wire.begin(conversation("/twilio"))
    assert not wire.hung_up


@pytest.mark.parametrize(
    ("sent", "words", "code"),
    [
        (audio(VOICE) + text("x" * 65_537), "a text of 65537 bytes: at most 65536", 1008),
        (audio(VOICE) + frame(1, b"\xff"), "text that is not UTF-8", 1007),
        (audio(VOICE) + b"\x82\x00", "incorrect masking", 1002),
        (audio(VOICE) + frame(2, bytes(70_000)), "frame with 70000 bytes", 1009),
    ],
)
def test_what_is_wrong_is_said_to_both_and_what_was_before_it_is_heard(
    sent: bytes, words: str, code: int
) -> None:
    opened = Framing(100_000 if code == 1008 else 1 << 16)
    opened.receive_request(upgrade("/"))
    opened.accept()
    opened.outgoing()
    wire = WebSocketStream()
    wire.begin(Conversation(opened, choice.begin("/audio-stream", [], {})))
    with pytest.raises(WireError, match=words):
        wire.receive(sent, NOW)
    assert [each.payload for each in heard(wire)] == [VOICE]
    opcode, payload = frames(wire.outgoing())[-1]
    assert (opcode, payload[:2]) == (8, code.to_bytes(2, "big"))


def test_silence_goes_back_only_where_the_dialect_carries_it_and_not_while_it_wants_none() -> None:
    for path, opening in (
        ("/audio-stream", audio(VOICE)),
        ("/audio-fork", said(sampleRate=8000) + audio(VOICE)),
        ("/twilio", twilio("inbound")),
        ("/telnyx", said(event="start", start={"media_format": {"encoding": "PCMU"}})),
    ):
        wire = stream(path)
        wire.receive(opening, NOW)
        assert wire.silence(0.02) == b""
    wire = stream("/chan-websocket")
    assert wire.silence(0.02) == b""  # before it has said how its audio is written
    wire.receive(START_PLAIN, NOW)
    assert frames(wire.silence(0.02)) == [(2, bytes(320))]
    wire.receive(text("MEDIA_XOFF channel_id:1.2"), NOW)
    assert wire.silence(0.02) == b""
    wire.receive(text("MEDIA_XON channel_id:1.2"), NOW)
    assert frames(wire.silence(0.02)) == [(2, bytes(320))]


def test_pings_are_answered_and_a_question_that_waits_is_too() -> None:
    wire = stream("/chan-websocket", answer="1")
    wire.receive(frame(9, b"?") + START_PLAIN, NOW)
    assert frames(wire.outgoing()) == [(10, b"?"), (1, b"ANSWER")]
    assert wire.outgoing() == b""
    assert frames(wire.goodbye()) == [(1, b"HANGUP"), (8, b"\x03\xe8")]
    assert wire.goodbye() == b""


def test_every_frame_is_counted_also_one_that_says_nothing() -> None:
    wire = stream("/audio-stream")
    wire.receive((audio(b"") + frame(9, b"")) * 50, NOW)
    assert (wire.seen, wire.frames) == (100, 0)
    wire.begin(conversation("/audio-stream"))
    wire.receive(audio(VOICE), NOW)
    assert (wire.seen, wire.frames) == (101, 1)


@pytest.mark.parametrize("size", [1, 7, 64])
def test_a_connection_cut_anywhere_says_the_same(size: int) -> None:
    sent = text("hello") + audio(VOICE) + frame(2, VOICE, fin=False) + frame(0, VOICE[::-1]) + close()
    wire = stream("/audio-stream")
    for at in range(0, len(sent), size):
        wire.receive(sent[at : at + size], NOW)
    assert wire.hung_up
    codec: Codec = slin(8000)
    (only,) = heard(wire)
    assert (only.codec, only.payload) == (codec, VOICE + VOICE + VOICE[::-1])


@pytest.mark.parametrize(
    ("path", "query", "said", "rate"),
    [
        ("/audio-stream", {"rate": "16000"}, b"", 16000),
        ("/audio-fork", {}, text('{"sampleRate": 48000}'), 48000),
        ("/chan-websocket", {}, START_PLAIN, 8000),
        ("/", {}, b"", None),
    ],
)
def test_what_is_told_of_the_audio_is_known_before_any_has_come(
    path: str, query: dict[str, str], said: bytes, rate: int | None
) -> None:
    wire = stream(path, **query)
    wire.receive(said, NOW)
    assert (None if wire.codec is None else wire.codec.rate) == rate
    assert wire.frames == 0


def test_a_connection_that_has_told_nothing_yet_is_taken_to_be_as_the_one_before() -> None:
    wire = stream("/audio-stream", rate="16000")
    wire.receive(audio(VOICE), NOW)
    wire.finish(NOW)
    wire.begin(conversation("/twilio"))
    assert wire.codec == slin(16000)
    wire.begin(conversation("/audio-stream", rate="48000"))
    assert wire.codec == slin(48000)
