"""The dialect of mod_audio_fork and jambonz: what they send, and what becomes of it."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import soundfile
import trio

from tests.wavstream.clients import audio, close, close_code, exchange, frame, read_all, text, upgrade
from tests.wavstream.servers import BOUND_SECONDS, Server, running
from wavstream.ingest import fork

SECOND = bytes(range(250)) * 64  # 16,000 bytes: one second of 16-bit mono at 8 kHz
CALL = {
    "callSid": "9fb35c28-9688-4531-943c-e280b04f3adf",
    "from": "+4930123456",
    "to": "2000",
    "sampleRate": 8000,
    "mixType": "mono",
}


async def call(server: Server, *parts: bytes, path: str = "/fork") -> bytes:
    return await exchange(server.listening.ingest, [upgrade(path) + b"".join(parts)])


def said(**more: object) -> bytes:
    """A description, with other values for some of its keys."""
    return text(json.dumps(CALL | more))


def sound(server: Server, row: dict[str, Any]) -> bytes:
    """The audio of a finished file, as others' tools read it."""
    samples, rate = soundfile.read(server.file(row), dtype="int16")
    assert rate == row["sample_rate"]
    return bytes(samples.tobytes())


@pytest.mark.parametrize("path", ["/fork", "/jambonz"])
@pytest.mark.parametrize(
    "subprotocol", ["audio.drachtio.org", "audio.jambonz.org", "audiostream.drachtio.org"]
)
async def test_the_subprotocol_that_is_offered_is_answered_with(
    server: Server, path: str, subprotocol: str
) -> None:
    request = upgrade(path, f"Sec-WebSocket-Protocol: {subprotocol}")
    answer = await exchange(server.listening.ingest, [request + close()])
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert f"Sec-WebSocket-Protocol: {subprotocol}\r\n".encode() in answer


@pytest.mark.parametrize("header", [(), ("Sec-WebSocket-Protocol: a b",)])
async def test_none_offered_is_none_answered_and_a_wrong_form_is_refused(
    server: Server, header: tuple[str, ...]
) -> None:
    answer = await exchange(server.listening.ingest, [upgrade("/fork", *header) + close()])
    assert answer.startswith(b"HTTP/1.1 400 " if header else b"HTTP/1.1 101 ")
    assert b"\r\nSec-WebSocket-Protocol" not in answer


@pytest.mark.parametrize(
    ("credentials", "status"), [("anybody:s3cret", 101), ("anybody:wrong", 401), ("s3cret", 401)]
)
async def test_the_token_may_be_the_password_of_http_basic(
    tmp_path: Path, credentials: str, status: int
) -> None:
    shown = base64.b64encode(credentials.encode()).decode()
    async with running(tmp_path, wavstream_token="s3cret") as server:
        request = upgrade("/jambonz", f"Authorization: Basic {shown}")
        answer = await exchange(server.listening.ingest, [request + close()])
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())


@pytest.mark.parametrize("path", ["/fork", "/jambonz"])
async def test_a_described_call_is_recorded_under_its_callsid_with_all_that_was_said(
    server: Server, path: str
) -> None:
    assert close_code(await call(server, said(), audio(SECOND), close(), path=path)) == 1000
    [row] = await server.ended(1)
    assert (row["name"], row["reason"], row["duration"]) == (CALL["callSid"], "stopped", 1.0)
    assert row["metadata"] == {"dialect": path, "call": CALL}
    assert sound(server, row) == SECOND


@pytest.mark.parametrize(
    ("description", "rate", "channels"),
    [
        ({}, 8000, 1),
        ({"sampleRate": 16000}, 16000, 1),
        ({"sampleRate": "48000"}, 48000, 1),
        ({"mixType": "mixed"}, 8000, 1),
        ({"mixType": "stereo", "sampleRate": 24000}, 24000, 2),
    ],
)
async def test_the_description_says_the_audios_format(
    server: Server, description: dict[str, object], rate: int, channels: int
) -> None:
    await call(server, said(**description), audio(SECOND), close())
    [row] = await server.ended(1)
    assert (row["sample_rate"], row["channels"]) == (rate, channels)
    assert row["duration"] == 16_000 / (2 * channels) / rate
    assert sound(server, row) == SECOND


async def test_what_the_description_does_not_say_the_query_says(server: Server) -> None:
    """mod_audio_fork's own: the dialplan's metadata says nothing of the audio."""
    path = "/fork?rate=16000&channels=2"
    await call(server, text('{"from": "1000", "uuid": "leg-a"}'), audio(SECOND), close(), path=path)
    [row] = await server.ended(1)
    assert (row["name"], row["sample_rate"], row["channels"]) == ("leg-a", 16000, 2)


@pytest.mark.parametrize("query", ["?rate=7999", "?channels=3"])
async def test_a_query_that_cannot_be_obeyed_is_a_400_before_the_upgrade(server: Server, query: str) -> None:
    answer = await exchange(server.listening.ingest, [upgrade(f"/fork{query}")])
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"takes" in answer


WRONG_RATES: list[object] = [64000, 7999, 0, -1, "16k", "٨٠٠٠", True, None, 8000.5, []]
WRONG_MIXES: list[object] = ["quadro", 1, [], {}]


@pytest.mark.parametrize(
    "wrong", [{"sampleRate": value} for value in WRONG_RATES] + [{"mixType": value} for value in WRONG_MIXES]
)
async def test_a_description_that_cannot_be_obeyed_ends_the_connection_and_leaves_no_file(
    server: Server, wrong: dict[str, object]
) -> None:
    answer = await call(server, said(**wrong), audio(SECOND))
    assert close_code(answer) == 1008
    assert b"takes" in answer
    assert await server.recordings() == []


@pytest.mark.parametrize("name", ["../etc", "", "a b", 5, None])
async def test_a_callsid_that_is_no_name_leaves_the_recording_its_id(server: Server, name: object) -> None:
    await call(server, said(callSid=name), audio(SECOND), close())
    [row] = await server.ended(1)
    assert row["name"] == row["recording_id"]
    assert row["metadata"]["call"]["callSid"] == name


async def test_audio_before_the_description_waits_for_it(server: Server) -> None:
    await call(server, audio(SECOND[:1001]), said(mixType="stereo"), audio(SECOND[1001:]), close())
    [row] = await server.ended(1)
    assert (row["channels"], sound(server, row)) == (2, SECOND)


async def test_audio_that_is_never_described_is_recorded_as_the_query_says(server: Server) -> None:
    await call(server, audio(SECOND[:1000]), close(), path="/fork?rate=16000")
    [row] = await server.ended(1)
    assert (row["sample_rate"], row["name"]) == (16000, row["recording_id"])
    assert row["metadata"] == {"dialect": "/fork"}
    assert sound(server, row) == SECOND[:1000]


async def test_after_a_second_of_audio_no_description_is_waited_for(server: Server) -> None:
    """And one that comes then names the recording, whose format it can no longer change."""
    with trio.fail_after(BOUND_SECONDS):
        async with await trio.open_tcp_stream(*server.listening.ingest) as stream:
            await stream.send_all(upgrade("/fork") + audio(SECOND))
            await server.until(lambda found: [each["state"] for each in found] == ["recording"])
            await stream.send_all(said(sampleRate=16000) + audio(SECOND) + close())
            await read_all(stream)
    [row] = await server.ended(1)
    assert (row["name"], row["sample_rate"], row["duration"]) == (CALL["callSid"], 8000, 2.0)
    assert row["metadata"]["call"] == CALL | {"sampleRate": 16000}


async def test_a_late_description_that_cannot_be_obeyed_ends_no_recording(server: Server) -> None:
    await call(server, audio(SECOND), said(sampleRate=64000), audio(SECOND), close())
    [row] = await server.ended(1)
    assert (row["reason"], sound(server, row)) == ("stopped", SECOND * 2)
    assert [json.loads(note)["sampleRate"] for note in row["metadata"]["notes"]] == [64000]


async def test_a_pressed_key_is_a_mark_at_its_place_in_the_audio(server: Server) -> None:
    five = text('{"event": "dtmf", "dtmf": "5", "duration": "1600"}')
    hash_key = text('{"event": "dtmf", "dtmf": "#"}')
    await call(server, five, said(), audio(SECOND), five, audio(SECOND[:8000]), hash_key, close())
    [row] = await server.ended(1)
    # Before the audio, behind 16,000 bytes of it, and behind 24,000: at 16,000 bytes a second.
    assert row["metadata"]["marks"] == [
        {"at": 0.0, "dtmf": "5", "duration": "1600"},
        {"at": 1.0, "dtmf": "5", "duration": "1600"},
        {"at": 1.5, "dtmf": "#"},
    ]


async def test_a_key_pressed_in_audio_that_still_waits_for_its_description_has_its_place(
    server: Server,
) -> None:
    star = text('{"event": "dtmf", "dtmf": "*"}')
    await call(server, audio(SECOND[:8000]), star, said(sampleRate=16000), audio(SECOND), close())
    [row] = await server.ended(1)
    assert row["metadata"]["marks"] == [{"at": 0.25, "dtmf": "*"}]  # 8,000 of 32,000 bytes a second


@pytest.mark.parametrize(
    "words",
    ["bye", '{"type": "playDone"}', '{"event": "dtmf"}', '{"event": "dtmf", "dtmf": {}}', "[1, 2]", "{", "5"],
)
async def test_any_other_text_is_a_note(server: Server, words: str) -> None:
    await call(server, said(), audio(SECOND), text(words), close())
    [row] = await server.ended(1)
    assert row["metadata"]["notes"] == [words]


@pytest.mark.parametrize(
    "words", ['{"sampleRate": NaN}', '{"a": 1e400}', "{}" * 2, "[" * 5000, '{"a":' * 5000]
)
async def test_a_text_that_is_no_json_object_describes_nothing(server: Server, words: str) -> None:
    await call(server, text(words), audio(SECOND), close())
    [row] = await server.ended(1)
    assert row["metadata"] == {"dialect": "/fork", "notes": [words[:2000]]}


async def test_notes_and_marks_are_bounded_and_what_is_lost_is_counted(server: Server) -> None:
    keys = text('{"event": "dtmf", "dtmf": "1"}') * 1001
    await call(server, said(), audio(SECOND), keys, text("n" * 3000) * 102, close())
    [row] = await server.ended(1)
    assert row["metadata"]["notes"] == ["n" * 2000] * 100
    assert len(row["metadata"]["marks"]) == 1000
    assert row["metadata"]["lost_notes"] == 1 + 2


async def test_a_description_too_long_to_be_kept_is_obeyed_all_the_same(server: Server) -> None:
    await call(server, said(sampleRate=16000, sip="x" * 65_536), audio(SECOND), close())
    [row] = await server.ended(1)
    assert (row["sample_rate"], row["name"]) == (16000, CALL["callSid"])
    assert row["metadata"]["call"] == {}


async def test_an_empty_message_that_nothing_follows_is_the_end(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mod_audio_fork sends it and waits: the server has to close."""
    monkeypatch.setattr(fork, "FINAL_SECONDS", 0.1)
    with trio.fail_after(BOUND_SECONDS):
        async with await trio.open_tcp_stream(*server.listening.ingest) as stream:
            await stream.send_all(upgrade("/fork") + said() + audio(SECOND) + audio(b""))
            answer = b""
            while b"\x88\x02\x03\xe8" not in answer:  # a close, 1000
                answer += await stream.receive_some()
            await stream.send_all(close())
    [row] = await server.ended(1)
    assert (row["reason"], sound(server, row)) == ("stopped", SECOND)


async def test_an_empty_message_in_mid_call_harms_nothing(server: Server) -> None:
    await call(server, said(), audio(b""), audio(SECOND), audio(b""), audio(SECOND), close())
    [row] = await server.ended(1)
    assert (row["reason"], sound(server, row)) == ("stopped", SECOND * 2)


async def test_odd_and_fragmented_messages_are_whole_samples(server: Server) -> None:
    parts = audio(SECOND[:3]) + frame(2, SECOND[3:8], fin=False) + frame(9, b"") + frame(0, SECOND[8:])
    await call(server, said(), parts, close())
    [row] = await server.ended(1)
    assert sound(server, row) == SECOND


async def test_an_end_without_a_close_is_interrupted_and_keeps_what_came(server: Server) -> None:
    await call(server, said(), audio(SECOND), text("note"), audio(SECOND)[:9])
    [row] = await server.ended(1)
    assert (row["reason"], row["metadata"]["notes"], sound(server, row)) == ("interrupted", ["note"], SECOND)


async def test_a_description_without_audio_makes_no_file(server: Server) -> None:
    assert close_code(await call(server, said(), close())) == 1000
    assert await server.recordings() == []
