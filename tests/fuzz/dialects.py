"""Messages into the WebSocket dialects of calls: only events that the rest can rely on, or DialectError.

The first byte of an input chooses the dialect and its way back, the second where audio is cut anew. What
follows are messages, one a line: audio where it begins with a byte 1, else text.
"""

import json
import random
import re
from collections.abc import Hashable, Sequence

from daemon.media.dialects.choice import NAMES, Query, Undecided, named
from daemon.media.dialects.dialect import (
    MOST_FIELDS_BYTES,
    Begun,
    Dialect,
    DialectError,
    Event,
    Message,
    Pressed,
    Reply,
    Sound,
)
from daemon.media.dialects.telling import MOST_ID_CHARACTERS
from daemon.media.keys import DIGITS
from tests.fuzz import _mutation

_NAMES = sorted(NAMES)
_QUERIES: tuple[Query, ...] = (
    {},
    {"both_ways": "1", "answer": "1", "channels": "2"},
    {"rate": "16000"},
    {"uuid": "a"},
)


def do(data: bytes) -> Hashable:
    """One input."""
    if len(data) < 2:
        return "nothing"
    messages = [_message(line) for line in data[2:].split(b"\n")]
    events, trace = _hear(_begin(data[0]), messages)
    if trace[0] == "":
        anew, _ = _hear(_begin(data[0]), _cut(messages, data[1]))
        assert [_audio(anew, voice) for voice in (0, 1)] == [_audio(events, voice) for voice in (0, 1)]
    return trace


def _message(line: bytes) -> Message:
    return line[1:] if line[:1] == b"\x01" else line.decode(errors="surrogateescape")


def _begin(kind: int) -> Dialect:
    query = _QUERIES[kind >> 4 & 3]
    number = kind & 7
    return named(_NAMES[number], query) if number < len(_NAMES) else Undecided(query)


def _cut(messages: Sequence[Message], seed: int) -> list[Message]:
    """The same with audio in two pieces; none of them empty, which is a message of its own."""
    chance, cut = random.Random(seed), list[Message]()
    for message in messages:
        if isinstance(message, str) or len(message) < 2:
            cut.append(message)
        else:
            place = chance.randrange(1, len(message))
            cut += [message[:place], message[place:]]
    return cut


def _hear(dialect: Dialect, messages: Sequence[Message]) -> tuple[list[Event], tuple[str, ...]]:
    """All events, and a trace: how it ended, the dialect, and the kinds of events."""
    events, wrong = list[Event](), ""
    for number, message in enumerate(messages):
        try:
            come = dialect.receive(message)
        except DialectError as error:
            wrong = re.split(r"[0-9'\[{]", str(error))[0][:24]  # its words, without what was sent
            break
        for event in come:
            _check(event)
        events += come
        assert dialect.unknown <= number + 1
        _check_answers(dialect)
    heard = sum(len(_audio(events, voice)) for voice in (0, 1))
    assert heard <= sum(map(len, messages)), "more audio than was sent"
    kinds = sorted({type(event).__name__ for event in events})
    return events, (wrong, dialect.name, str(min(dialect.unknown, 2)), *kinds)


def _check(event: Event) -> None:
    match event:
        case Sound():
            assert event.payload
            assert len(event.payload) % event.codec.bytes_per_sample == 0, "half a sample"
            assert event.voice in {0, 1}
            assert event.time is None or 0 <= event.time < 1e12
            assert event.number is None or event.number >= 0
            event.codec.decode(event.payload)
        case Begun():
            _check_begun(event)
        case Pressed():
            assert len(event.digit) == 1
            assert event.digit in DIGITS
        case Reply():
            assert len(event.message) <= 128


def _check_begun(begun: Begun) -> None:
    for each in (begun.call_id, begun.caller_id, begun.did):
        assert each is None or (0 < len(each) <= MOST_ID_CHARACTERS and each.isprintable())
    written = json.dumps(dict(begun.fields), allow_nan=False)
    assert len(written) <= MOST_FIELDS_BYTES
    assert "\\u0000" not in written
    json.dumps(dict(begun.fields), ensure_ascii=False).encode()


def _check_answers(dialect: Dialect) -> None:
    silence, goodbye = dialect.silence(0.1), dialect.goodbye()
    assert silence is None or 0 < len(silence) <= 65_500
    assert goodbye is None or 0 < len(goodbye) <= 128


def _audio(events: Sequence[Event], voice: int) -> bytes:
    return b"".join(each.payload for each in events if isinstance(each, Sound) and each.voice == voice)


if __name__ == "__main__":
    _mutation.main("dialects", do)
