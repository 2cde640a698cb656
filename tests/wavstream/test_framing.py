"""WebSocket framing without I/O."""

import random
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.wavstream.clients import audio, capture, close, frame, text, upgrade
from wavstream.process.framing import Ended, Framing, Message, RequestError

LIMIT = 1 << 20


def opened(target: str = "/ws", early: bytes = b"") -> Framing:
    framing = Framing(LIMIT)
    assert framing.receive_request(upgrade(target) + early) is not None
    assert framing.accept()
    assert framing.outgoing()[0].startswith(b"HTTP/1.1 101 ")
    return framing


def hear(framing: Framing, *chunks: bytes) -> list[Message]:
    messages: list[Message] = []
    for chunk in chunks:
        framing.feed(chunk)
        messages += framing.messages()
    return messages


def cut(data: bytes, at: list[int]) -> list[bytes]:
    """The data in pieces, none of them empty."""
    places = sorted({0, len(data), *(place % len(data) for place in at)})
    return [data[first:last] for first, last in pairwise(places)]


def joined(messages: list[Message]) -> list[Message]:
    """Audio that came in several reads as one, as its receiver sees it."""
    result: list[Message] = []
    for message in messages:
        if isinstance(message, bytes) and result and isinstance(result[-1], bytes):
            result[-1] += message
        else:
            result.append(message)
    return result


def test_a_request_without_blanks_after_its_colons_is_understood() -> None:
    framing = Framing(LIMIT)
    request = framing.receive_request(upgrade("/ws?rate=16000", "Authorization:Bearer x"))
    assert request is not None
    assert (request.path, request.headers["Authorization"]) == ("/ws?rate=16000", "Bearer x")


def test_what_comes_before_the_101_is_kept_until_after_it() -> None:
    framing = opened(early=text("name") + audio(b"ab"))
    assert framing.messages() == ["name", b"ab"]


def test_a_compression_that_is_offered_is_declined() -> None:
    framing = Framing(LIMIT)
    framing.receive_request(upgrade("/ws", "Sec-WebSocket-Extensions:permessage-deflate"))
    assert framing.accept()
    assert b"Extensions" not in framing.outgoing()[0]


def test_a_subprotocol_that_must_be_is_answered_with() -> None:
    framing = Framing(LIMIT)
    framing.receive_request(upgrade("/", "Sec-WebSocket-Protocol:a, wavstream.v1"))
    assert framing.accept("wavstream.v1")
    assert b"Sec-WebSocket-Protocol: wavstream.v1\r\n" in framing.outgoing()[0]


def test_a_client_without_the_subprotocol_is_refused() -> None:
    framing = Framing(LIMIT)
    framing.receive_request(upgrade("/"))
    assert not framing.accept("wavstream.v1")
    data, all_sent = framing.outgoing()
    assert data.startswith(b"HTTP/1.1 400 ")
    assert all_sent


@pytest.mark.parametrize(
    "data", [b"hello\r\n\r\n", b"GET / HTTP/3\r\n\r\n", b"\x16\x03\x01\r\n\r\n", b"x" * 16_385, b""]
)
def test_what_is_no_request_is_refused(data: bytes) -> None:
    with pytest.raises(RequestError, match=r"."):
        Framing(LIMIT).receive_request(data)


def test_audio_without_a_text_between_comes_as_one() -> None:
    messages = hear(opened(), audio(b"a") + audio(b"b") + text("t") + audio(b"c") + audio(b"") + audio(b"d"))
    assert messages == [b"ab", "t", b"cd"]


def test_fragments_come_as_one_message_with_a_ping_between_them() -> None:
    framing = opened()
    data = frame(1, b"na", fin=False) + frame(9, b"!") + frame(0, b"me") + frame(2, b"a", fin=False)
    assert hear(framing, data, frame(0, b"b", fin=False), frame(0, b"c")) == ["name", b"abc"]
    assert framing.outgoing() == (b"\x8a\x01!", False)  # the pong


def test_the_messages_before_a_close_come_before_the_end() -> None:
    framing = opened()
    assert hear(framing, audio(b"ab") + text("last") + close(1000)) == [b"ab", "last"]
    assert framing.ended == Ended(1000, "", by_peer=True)
    assert framing.ended.clean
    assert framing.outgoing() == (b"\x88\x02\x03\xe8", True)


def test_a_close_without_a_code_is_orderly_too() -> None:
    framing = opened()
    hear(framing, frame(8, b""))
    assert framing.ended is not None
    assert framing.ended.clean


def test_an_end_without_a_close_is_not_orderly() -> None:
    framing = opened()
    assert hear(framing, audio(b"ab")[:-1], b"") == []
    assert framing.ended == Ended(1006, "", by_peer=True)
    assert not framing.ended.clean


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x82\x02ab", 1002),  # not masked
        (frame(3, b""), 1002),  # an opcode that there is not
        (frame(0, b"x"), 1002),  # nothing to continue
        (frame(2, bytes(LIMIT + 1))[:20], 1009),
        (frame(1, b"\xff"), 1007),
    ],
)
def test_a_peer_that_breaks_the_protocol_is_told_and_cut_off(data: bytes, code: int) -> None:
    framing = opened()
    hear(framing, audio(b"ab"), data)
    assert framing.ended is not None
    assert (framing.ended.code, framing.ended.by_peer, framing.ended.clean) == (code, False, False)
    assert framing.outgoing()[0][2:4] == code.to_bytes(2, "big")


def test_what_comes_behind_a_text_that_is_not_utf_8_is_no_message_in_however_many_reads() -> None:
    sent = audio(b"ab") + frame(1, b"\xff") + audio(b"cd")
    assert hear(opened(), sent) == [b"ab"]


def test_an_empty_audio_message_at_the_end_stands_by_itself() -> None:
    assert hear(opened(), audio(b"ab") + audio(b"") + audio(b"cd") + audio(b"")) == [b"abcd", b""]
    assert hear(opened(), audio(b"ab") + audio(b"") + text("t")) == [b"ab", b"", "t"]


def test_nothing_is_sent_after_a_close() -> None:
    framing = opened()
    framing.close(1008, "é" * 100)  # two bytes each: the 61 that fit into 123 bytes
    framing.send_text("late")
    framing.close(1000)
    data, all_sent = framing.outgoing()
    assert data == b"\x88\x7c" + (1008).to_bytes(2, "big") + "é".encode() * 61
    assert not all_sent  # the peer has still to answer


@given(
    st.lists(st.one_of(st.binary(max_size=300), st.text(max_size=50)), max_size=10),
    st.lists(st.integers(0, 10_000), max_size=20),
)
def test_however_the_bytes_are_cut_the_messages_are_the_same(sent: list[bytes | str], at: list[int]) -> None:
    data = b"".join(text(each) if isinstance(each, str) else audio(each) for each in sent) + close()
    framing = opened()
    received = joined(hear(framing, *cut(data, at)))
    assert received == joined(list(sent))
    assert framing.ended == Ended(1000, "", by_peer=True)


@given(st.lists(st.binary(min_size=1, max_size=100), max_size=10))
@example([b"\x81\xfe\xff\xff"])
@example([b"\x82\xff" + b"\xff" * 12])
@example([b"\x88\x81\0\0\0\0x"])
def test_bytes_that_make_no_sense_end_the_connection_and_raise_nothing(chunks: list[bytes]) -> None:
    framing = opened()
    hear(framing, *chunks, b"")
    assert framing.ended is not None
    framing.outgoing()


@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=5))
@example([b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n"])
@example([upgrade("/").replace(b":13", b":12")])
def test_a_request_that_makes_no_sense_is_refused_and_raises_nothing_else(chunks: list[bytes]) -> None:
    framing = Framing(LIMIT)
    with suppress(RequestError):
        for chunk in [*chunks, b"\r\n\r\n"]:
            if framing.receive_request(chunk) is not None:
                assert not framing.accept("never offered")
                break


@pytest.mark.parametrize("seed", range(3))
def test_a_capture_cut_at_random_gives_the_same_messages(seed: int) -> None:
    chunks = capture("freeswitch-mixed-8k-stop")
    first, rest = chunks[0], b"".join(chunks[1:])
    at = [random.Random(seed).randrange(len(rest)) for _ in range(500)]
    framing = Framing(LIMIT)
    assert framing.receive_request(first) is not None
    assert framing.accept()
    messages = joined(hear(framing, *cut(rest, at)))
    # The README of the captures: 124 binary messages of 320 bytes, the second name, 125 more, the last text.
    assert [m if isinstance(m, str) else len(m) for m in messages] == [
        "call-0001.wav",
        124 * 320,
        "call-0001-b.wav",
        125 * 320,
        "call-0001-end",
    ]
