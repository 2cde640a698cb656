"""The `/ws` dialect, by hand and by what real switches sent."""

import random
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
import trio

from tests.wavstream.clients import (
    DATA,
    audio,
    capture,
    close,
    close_code,
    exchange,
    frame,
    frames,
    read_all,
    text,
    upgrade,
)
from tests.wavstream.servers import BOUND_SECONDS, Server, running
from wavstream.chunks import HEADER_BYTES
from wavstream.ingest import freeswitch

ONE = b"\x01\x00" * 160  # 20 ms at 8 kHz
TWO = b"\x02\x00" * 160


async def call(server: Server, *parts: bytes, query: str = "") -> bytes:
    return await exchange(server.listening.ingest, [upgrade(f"/ws{query}") + b"".join(parts)])


def data(server: Server, row: dict[str, Any]) -> bytes:
    """The audio of a finished file, behind the header."""
    content = server.file(row).read_bytes()
    assert len(content) == row["size"]
    return content[HEADER_BYTES:]


@pytest.mark.contract("ws-upgrade")
async def test_the_101_waits_for_nothing_and_declines_compression(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FreeSWITCH gives up after a second, whatever the catalogue does meanwhile."""

    async def hang(*_: object) -> None:
        await trio.sleep_forever()

    with monkeypatch.context() as patched:
        patched.setattr("storage.catalog.Catalog.run", hang)
        with trio.fail_after(BOUND_SECONDS):  # the catalogue hangs for longer
            async with await trio.open_tcp_stream(*server.listening.ingest) as stream:
                await stream.send_all(upgrade("/ws", "Sec-WebSocket-Extensions: permessage-deflate"))
                answer = b""
                while b"\r\n\r\n" not in answer:
                    answer += await stream.receive_some()
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"permessage-deflate" not in answer


@pytest.mark.contract("ws-name", "ws-close")
async def test_a_named_call_is_a_file_of_that_name(server: Server) -> None:
    answer = await call(server, text(" call-1.wav\n"), audio(ONE), audio(TWO), close())
    assert close_code(answer) == 1000
    [row] = await server.ended(1)
    assert (row["name"], row["state"], row["reason"]) == ("call-1.wav", "completed", "stopped")
    assert row["duration"] == 0.04
    assert row["metadata"] == {"dialect": "/ws"}
    assert data(server, row) == ONE + TWO


@pytest.mark.contract("ws-early-audio")
async def test_audio_before_the_name_belongs_to_the_recording(server: Server) -> None:
    await call(server, audio(ONE), text("late"), audio(TWO), close())
    [row] = await server.ended(1)
    assert (row["name"], data(server, row)) == ("late", ONE + TWO)


@pytest.mark.contract("ws-early-audio")
async def test_a_recording_that_is_never_named_keeps_its_id_for_a_name(server: Server) -> None:
    await call(server, audio(ONE), close())
    [row] = await server.ended(1)
    assert row["name"] == row["recording_id"]


async def test_a_name_that_comes_while_it_is_recorded_is_listed_at_once(server: Server) -> None:
    with trio.fail_after(BOUND_SECONDS):
        async with await trio.open_tcp_stream(*server.listening.ingest) as stream:
            await stream.send_all(upgrade("/ws") + audio(ONE))
            [row] = await server.until(lambda found: len(found) == 1)
            assert row["name"] == row["recording_id"]
            await stream.send_all(text("late"))
            [row] = await server.until(lambda found: [each["name"] for each in found] == ["late"])
            assert row["state"] == "recording"


@pytest.mark.contract("ws-later-text")
async def test_a_later_text_ends_the_recording_and_names_the_next(server: Server) -> None:
    await call(server, text("a"), audio(ONE), text("b"), audio(TWO), audio(ONE), close())
    first, second = await server.ended(2)
    assert (first["name"], data(server, first)) == ("a", ONE)
    assert (second["name"], data(server, second)) == ("b", TWO + ONE)
    assert first["recording_id"] != second["recording_id"]


@pytest.mark.contract("ws-later-text")
async def test_a_last_text_is_a_note_of_the_recording_before_it(server: Server) -> None:
    await call(server, text("a"), audio(ONE), text("first"), text("second"), close())
    [row] = await server.ended(1)
    assert row["metadata"]["notes"] == ["first", "second"]


async def test_notes_are_bounded_and_what_is_lost_is_counted(server: Server) -> None:
    notes = b"".join(text(f"note-{number}") for number in range(103))
    await call(server, text("a"), audio(ONE), notes, close())
    [row] = await server.ended(1)
    assert row["metadata"]["notes"] == [f"note-{number}" for number in range(100)]
    assert row["metadata"]["lost_notes"] == 3


async def test_an_empty_message_decides_nothing(server: Server) -> None:
    await call(server, text("a"), audio(ONE), text("note"), audio(b""), close())
    [row] = await server.ended(1)
    assert row["metadata"]["notes"] == ["note"]


async def test_a_text_that_neither_audio_nor_a_close_follows_ends_the_recording_after_a_while(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freeswitch, "UNDECIDED_SECONDS", 0.1)
    with trio.fail_after(BOUND_SECONDS):
        async with await trio.open_tcp_stream(*server.listening.ingest) as stream:
            await stream.send_all(upgrade("/ws") + text("a") + audio(ONE) + text("b"))
            [row] = await server.ended(1)
            assert (row["name"], "notes" in row["metadata"]) == ("a", False)
            await stream.send_all(audio(TWO) + close())
    _, row = await server.ended(2)
    assert (row["name"], data(server, row)) == ("b", TWO)


async def test_a_name_without_audio_makes_no_file(server: Server) -> None:
    assert close_code(await call(server, text("a"), close())) == 1000
    assert await server.recordings() == []
    assert list(server.data_dir.glob("recordings/*/*/*")) == []


@pytest.mark.contract("ws-name")
@pytest.mark.parametrize("name", ["", "  ", "a/b", "../a", "..", ".", "a b", "é", "a" * 201, "{}", "a\0"])
async def test_a_name_that_is_no_path_component_ends_the_connection_and_leaves_no_file(
    server: Server, logged: list[Any], name: str
) -> None:
    assert close_code(await call(server, text(name), audio(ONE))) == 1008
    assert await server.recordings() == []
    assert [each["text"] for each in logged if each["event"] == "not a name"] == [name[:200]]


@pytest.mark.contract("ws-name")
async def test_a_name_may_have_200_bytes(server: Server) -> None:
    await call(server, text("a" * 200), audio(ONE), close())
    [row] = await server.ended(1)
    assert row["name"] == "a" * 200


async def test_a_later_text_that_is_no_name_is_a_note_and_cuts_nothing(server: Server) -> None:
    said = '{"event": "dtmf"}', "hung up by agent"
    assert (
        close_code(await call(server, text("a"), audio(ONE), *map(text, said), audio(TWO), close())) == 1000
    )
    [row] = await server.ended(1)
    assert (row["name"], row["reason"], data(server, row)) == ("a", "stopped", ONE + TWO)
    assert row["metadata"]["notes"] == list(said)


async def test_a_bad_name_behind_the_first_audio_ends_the_connection_but_not_what_was_recorded(
    server: Server,
) -> None:
    assert close_code(await call(server, audio(ONE), text("b/c"), audio(TWO))) == 1008
    [row] = await server.ended(1)
    assert (row["name"], row["reason"], data(server, row)) == (row["recording_id"], "interrupted", ONE)


@pytest.mark.contract("ws-audio")
async def test_half_a_sample_is_kept_until_its_other_half_comes(server: Server) -> None:
    everything = bytes(range(250)) * 4
    odd = [everything[:1], everything[1:4], everything[4:7], everything[7:]]
    await call(server, text("a"), *map(audio, odd), close())
    [row] = await server.ended(1)
    assert data(server, row) == everything


async def test_half_a_sample_goes_with_its_other_half_into_the_next_file(server: Server) -> None:
    await call(server, text("a"), audio(b"\1\2\3"), text("b"), audio(b"\4\5\6"), close())
    first, second = await server.ended(2)
    assert (data(server, first), data(server, second)) == (b"\1\2", b"\3\4\5\6")


async def test_half_a_sample_alone_makes_no_file(server: Server) -> None:
    await call(server, text("a"), audio(b"\1"), close())
    assert await server.recordings() == []


@pytest.mark.contract("ws-audio")
async def test_rate_and_channels_come_by_the_query(server: Server) -> None:
    await call(server, audio(bytes(64_000)), close(), query="?rate=16000&channels=2")
    [row] = await server.ended(1)
    assert (row["sample_rate"], row["channels"], row["duration"]) == (16000, 2, 1.0)


@pytest.mark.parametrize(
    "query",
    ["?rate=7999", "?rate=48001", "?rate=x", "?rate=999999", "?channels=0", "?channels=3", "?rate=٨٠٠٠"],
)
async def test_a_query_that_cannot_be_obeyed_is_a_400(server: Server, query: str) -> None:
    answer = await exchange(
        server.listening.ingest, [upgrade(f"/ws{query}".encode("ascii", "replace").decode())]
    )
    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.contract("ws-close")
async def test_an_end_without_a_close_finishes_as_interrupted(server: Server) -> None:
    assert (await call(server, text("a"), audio(ONE), text("note"), audio(TWO)[:9]))[:12] == b"HTTP/1.1 101"
    [row] = await server.ended(1)
    assert (row["reason"], row["metadata"]["notes"], data(server, row)) == ("interrupted", ["note"], ONE)


@pytest.mark.contract("ws-close")
async def test_a_broken_frame_finishes_what_came_before_it(server: Server) -> None:
    assert close_code(await call(server, text("a"), audio(ONE), frame(3, b""))) == 1002
    [row] = await server.ended(1)
    assert (row["reason"], data(server, row)) == ("interrupted", ONE)


async def test_a_ping_is_answered_while_audio_flows(server: Server) -> None:
    with trio.fail_after(BOUND_SECONDS):
        async with await trio.open_tcp_stream(*server.listening.ingest) as stream:
            await stream.send_all(upgrade("/ws") + text("a") + audio(ONE) + frame(9, b"?"))
            received = b""
            while b"\x8a\x01?" not in received:
                received += await stream.receive_some()
            await stream.send_all(audio(TWO) + close())
            await read_all(stream)
    [row] = await server.ended(1)
    assert data(server, row) == ONE + TWO


async def test_audio_that_has_arrived_when_the_server_stops_is_in_the_file(tmp_path: Path) -> None:
    async with running(tmp_path) as server, await trio.open_tcp_stream(*server.listening.ingest) as stream:
        await stream.send_all(upgrade("/ws") + text("a"))
        with trio.fail_after(BOUND_SECONDS):
            while b"\r\n\r\n" not in await stream.receive_some():
                pass
        await stream.send_all(audio(ONE) * 100)  # and not a pass of the loop between this and the stop
        server.stopping.set()
        with trio.fail_after(BOUND_SECONDS):
            answer = b"\r\n\r\n" + await read_all(stream)
        assert close_code(answer) == 1012
    async with running(tmp_path) as server:
        [row] = await server.ended(1)
        assert (row["name"], row["reason"], data(server, row)) == ("a", "interrupted", ONE * 100)


def pieces(chunks: list[bytes], seed: int | None) -> Iterable[bytes]:
    """The chunks as they came (None), or all of them cut anew at random."""
    if seed is None:
        return chunks
    whole, chance = b"".join(chunks), random.Random(seed)
    places = sorted({0, len(whole), *(chance.randrange(len(whole)) for _ in range(300))})
    return [whole[first:last] for first, last in pairwise(places)]


CAPTURES = [
    (
        "freeswitch-mixed-8k-stop",
        "",
        [("call-0001.wav", 124, []), ("call-0001-b.wav", 125, ["call-0001-end"])],
    ),
    ("freeswitch-late-101", "", [("call-0001.wav", 239, [])]),
    ("freeswitch-deflate-offered", "", [("call-0001.wav", 239, [])]),
    ("freeswitch-stereo-16k-hangup", "?rate=16000&channels=2", [("call-0001.wav", 110, [])]),
]


@pytest.mark.contract("ws-audio")
@pytest.mark.parametrize("seed", [None, 1, 2])
@pytest.mark.parametrize(("name", "query", "expected"), CAPTURES, ids=[each[0] for each in CAPTURES])
async def test_a_real_switch_is_recorded_to_the_sample(
    server: Server, name: str, query: str, expected: list[tuple[str, int, list[str]]], seed: int | None
) -> None:
    request, *rest = capture(name)
    answer = await exchange(
        server.listening.ingest,
        pieces([request.replace(b"GET /record ", f"GET /ws{query} ".encode()), *rest], seed),
    )
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert close_code(answer) == 1000
    rows = await server.ended(len(expected))
    # How many binary messages, which names and which last text: the README of the captures, and its frames.
    size = 1280 if query else 320
    assert [(row["name"], row["metadata"].get("notes", [])) for row in rows] == [
        (called, notes) for called, _, notes in expected
    ]
    assert [len(data(server, row)) // size for row in rows] == [count for _, count, _ in expected]
    recorded = b"".join(data(server, row) for row in rows)
    assert recorded == b"".join(payload for opcode, payload in frames(b"".join(rest)) if opcode == 2)
    if query:
        check_stereo(np.frombuffer(recorded, "<i2").reshape(-1, 2))
    else:
        check_mono(np.frombuffer(recorded, "<i2"))


def check_mono(samples: "np.ndarray[Any, np.dtype[np.int16]]") -> None:
    """Sample 0 of the speech lies at 2,400, and the switch lost the last 160 of 32,000."""
    speech, _ = soundfile.read(DATA / "speech-8k.wav", dtype="int16")
    assert np.array_equal(samples[2400 : 2400 + 31_840], speech[:31_840])


def check_stereo(samples: "np.ndarray[Any, np.dtype[np.int16]]") -> None:
    """Left is the speech from sample 5,152 on, resampled by the switch; right is silent."""
    speech, _ = soundfile.read(DATA / "speech-8k.wav", dtype="float64")
    resampled = soxr.resample(speech, 8000, 16000)[: 35_200 - 5_152]
    assert np.corrcoef(samples[5_152:, 0], resampled)[0, 1] > 0.999
    assert not samples[:, 1].any()
