"""The `wavstream.v1` dialect on a server that runs."""

import hashlib
import time
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
import trio
from trio_websocket import ConnectionClosed

from tests.wavstream.clients import Client, audio, client, close_code, exchange, text, upgrade
from tests.wavstream.servers import BOUND_SECONDS, Server, running
from wavstream import protocol
from wavstream.chunks import HEADER_BYTES
from wavstream.protocol import Ack, Completed, Error, Ready

ID = "recording-1"
SECOND = bytes(range(250)) * 64  # 16,000 bytes: one second of 16-bit mono at 8 kHz


async def closed(talk: Client) -> int:
    """The code with which the server closes, whatever it says before."""
    with trio.fail_after(BOUND_SECONDS), suppress(ConnectionClosed):
        while True:
            await talk.connection.get_message()
    assert talk.connection.closed is not None
    return int(talk.connection.closed.code)


def content(server: Server, row: dict[str, Any]) -> bytes:
    return server.file(row).read_bytes()[HEADER_BYTES:]


@pytest.mark.contract("url-retention", "v1-start", "v1-ready", "v1-stop", "v1-completed")
async def test_a_recording_is_acknowledged_completed_and_downloadable(server: Server) -> None:
    async with client(server) as talk:
        assert await talk.start(ID, metadata={"session": "s", "started_at": 1e9}) == Ready(offset=0)
        await talk.audio(SECOND)
        await talk.acknowledged(16_000)
        await talk.audio(SECOND)
        done = await talk.stop(32_000, "hangup")
        assert await closed(talk) == 1000
    assert isinstance(done, Completed)
    # The header and two seconds.
    assert (done.recording_id, done.duration, done.size) == (ID, 2.0, HEADER_BYTES + 32_000)
    answer = await server.http.get(done.url)
    assert answer.status_code == 200
    assert hashlib.sha256(answer.content).hexdigest() == done.sha256
    assert answer.content[HEADER_BYTES:] == SECOND * 2
    row = await server.json(f"/v1/recordings/{ID}")
    assert (row["reason"], row["metadata"]["session"], row["started_at"]) == ("hangup", "s", 1e9)
    assert done.expires_at == row["expires_at"] == row["stopped_at"] + 24 * 3600


@pytest.mark.contract("v1-ack")
async def test_what_is_acknowledged_is_in_the_file(server: Server) -> None:
    async with client(server) as talk:
        await talk.start(ID)
        await talk.audio(SECOND)
        await talk.acknowledged(16_000)
        row = await server.json(f"/v1/recordings/{ID}")
        assert content(server, row) == SECOND
        assert (row["state"], row["duration"], row["url"]) == ("recording", 1.0, None)


@pytest.mark.contract("v1-ack")
async def test_acks_come_at_least_once_a_second_and_not_much_more_often(server: Server) -> None:
    async with client(server) as talk:
        await talk.start(ID)
        said, acks = 0, [0]
        async with trio.open_nursery() as nursery:

            async def speak() -> None:
                nonlocal said
                while True:
                    await talk.audio(SECOND[:1600])
                    said += 1
                    await trio.sleep(0.05)

            nursery.start_soon(speak)
            while said < 44:
                assert isinstance(await talk.hear(), Ack)
                acks.append(said)
            nursery.cancel_scope.cancel()
    # In messages of 0.05 s, which are late where the acks are: 20 are a second.
    assert max(later - sooner for sooner, later in pairwise(acks)) <= 20
    # The first at once, then every 0.8 s.
    assert 3 <= len(acks) - 1 <= 6


@pytest.mark.parametrize("said", [10**400, -1, 1e300, True, "now"])
async def test_a_start_that_no_calendar_can_say_is_now(server: Server, said: object) -> None:
    before = time.time()
    async with client(server) as talk:
        assert isinstance(await talk.start(ID, metadata={"started_at": said}), Ready)
    assert before <= (await server.json(f"/v1/recordings/{ID}"))["started_at"] <= time.time()


@pytest.mark.contract("v1-completed")
async def test_a_start_for_a_completed_recording_is_answered_with_completed(server: Server) -> None:
    async with client(server) as talk:
        await talk.start(ID)
        await talk.audio(SECOND)
        done = await talk.stop(16_000)
    async with client(server) as talk:
        assert await talk.start(ID) == done


@pytest.mark.contract("v1-start", "v1-ready")
async def test_a_client_that_comes_back_goes_on_where_it_was(server: Server) -> None:
    async with client(server) as talk:
        await talk.start(ID)
        await talk.audio(SECOND)
    async with client(server) as talk:
        ready = await talk.start(ID)
        assert ready == Ready(offset=16_000)
        await talk.audio(SECOND[:1000])
        done = await talk.stop(17_000)
    assert isinstance(done, Completed)
    row = await server.json(f"/v1/recordings/{ID}")
    assert content(server, row) == SECOND + SECOND[:1000]


async def test_a_newer_connection_wins_and_the_older_is_told(server: Server, logged: list[Any]) -> None:
    async with client(server) as older, client(server) as newer:
        await older.start(ID)
        await older.audio(SECOND)
        await older.acknowledged(16_000)
        assert await newer.start(ID) == Ready(offset=16_000)
        told = await older.hear()
        assert isinstance(told, Error)
        assert told.code == "replaced"
        assert await closed(older) == 1008
        await newer.audio(SECOND)
        assert isinstance(await newer.stop(32_000), Completed)
    row = await server.json(f"/v1/recordings/{ID}")
    assert content(server, row) == SECOND * 2
    assert any(each.get("code") == "replaced" and each["recording"] == ID for each in logged)


async def test_connections_that_fight_for_a_recording_leave_it_whole(server: Server) -> None:
    """Each sends what is missing, however far it gets before the next one wins."""
    whole = SECOND * 3

    async def fight() -> None:
        async with client(server) as talk:
            ready = await talk.start(ID)
            if isinstance(ready, Ready):
                with trio.move_on_after(BOUND_SECONDS):
                    try:
                        for place in range(ready.offset, len(whole), 500):
                            await talk.audio(whole[place : place + 500])
                    except ConnectionClosed:
                        return

    with trio.fail_after(BOUND_SECONDS):
        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(fight)
    async with client(server) as talk:
        ready = await talk.start(ID)
        assert isinstance(ready, Ready)
        await talk.audio(whole[ready.offset :])
        assert isinstance(await talk.stop(len(whole)), Completed)
    row = await server.json(f"/v1/recordings/{ID}")
    assert content(server, row) == whole


@pytest.mark.contract("v1-orphan", "own-show")
async def test_an_orphan_is_finished_as_interrupted(tmp_path: Any) -> None:
    async with running(tmp_path, wavstream_orphan_seconds=0.2) as server:
        async with client(server) as talk:
            await talk.start(ID)
            await talk.audio(SECOND)
            await talk.acknowledged(16_000)
        row = await server.one(ID, "completed")
        assert (row["reason"], row["duration"], content(server, row)) == ("interrupted", 1.0, SECOND)


async def test_an_orphan_without_audio_has_failed(tmp_path: Any) -> None:
    async with running(tmp_path, wavstream_orphan_seconds=0.1) as server:
        async with client(server) as talk:
            await talk.start(ID)
        row = await server.one(ID, "failed")
        assert (row["reason"], row["url"], row["size"]) == ("interrupted", None, None)
        async with client(server) as talk:
            answer = await talk.start(ID)
            assert isinstance(answer, Error)
            assert answer.code == "failed"
        assert list(tmp_path.glob("recordings/*/*/*")) == []


@pytest.mark.contract("v1-error")
async def test_a_text_in_place_of_start_is_an_error_and_harms_no_other_recording(
    server: Server, logged: list[Any]
) -> None:
    async with client(server) as good:
        await good.start(ID)
        await good.audio(SECOND)
        async with client(server) as bad:
            await bad.connection.send_message("hello")
            answer = await bad.hear()
            assert isinstance(answer, Error)
            assert answer.code == "bad_start"
            assert await closed(bad) == 1008
        [entry] = [each for each in logged if each.get("code") == "bad_start"]
        assert (entry["log_level"], entry["peer"]) == ("warning", "127.0.0.1")
        await good.audio(SECOND)
        assert isinstance(await good.stop(32_000), Completed)
    assert content(server, await server.json(f"/v1/recordings/{ID}")) == SECOND * 2
    assert len(await server.recordings()) == 1


@pytest.mark.contract("v1-error")
@pytest.mark.parametrize(
    "first",
    [
        audio(b"ab"),
        text(protocol.encode(protocol.Stop(offset=0))),
        text('{"type": "start"}'),
        text(protocol.encode(protocol.Start(recording_id=ID, sample_rate=8000, channels=1, encoding="pcm16"))
             .replace("8000", "7999")),
        text('{"type": "start", "recording_id": "../../../etc", "sample_rate": 8000, "channels": 1, '
             '"encoding": "pcm16"}'),
    ],
)  # fmt: skip
async def test_what_is_no_start_is_refused(server: Server, first: bytes) -> None:
    request = upgrade(protocol.PATH, f"Sec-WebSocket-Protocol: {protocol.SUBPROTOCOL}")
    answer = await exchange(server.listening.ingest, [request + first])
    assert b"bad_start" in answer
    assert close_code(answer) == 1008
    assert await server.recordings() == []


async def test_a_client_that_says_nothing_is_let_go(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wavstream.ingest.resumable.START_SECONDS", 0.05)
    async with client(server) as talk:
        answer = await talk.hear()
        assert isinstance(answer, Error)
        assert answer.code == "bad_start"


@pytest.mark.contract("v1-stop")
async def test_a_stop_at_another_offset_is_an_error_after_which_the_client_can_come_back(
    server: Server,
) -> None:
    async with client(server) as talk:
        await talk.start(ID)
        await talk.audio(SECOND)
        answer = await talk.stop(16_001)
        assert isinstance(answer, Error)
        assert (answer.code, answer.message) == (
            "bad_offset",
            "stop at 16001, but the audio has reached 16000",
        )
    async with client(server) as talk:
        assert await talk.start(ID) == Ready(offset=16_000)
        assert isinstance(await talk.stop(16_000), Completed)


@pytest.mark.parametrize(
    "message", ["hello", protocol.encode(protocol.Ack(offset=1)), '{"type": "stop", "offset": -1}']
)
async def test_a_later_text_that_is_no_stop_is_an_error(server: Server, message: str) -> None:
    async with client(server) as talk:
        await talk.start(ID)
        await talk.connection.send_message(message)
        answer = await talk.hear()
        assert isinstance(answer, Error)
        assert answer.code == "bad_message"


async def test_a_start_in_another_format_is_refused(server: Server) -> None:
    async with client(server) as talk, client(server) as other:
        await talk.start(ID)
        answer = await other.start(ID, channels=2)
        assert isinstance(answer, Error)
        assert answer.code == "format_changed"
        await talk.audio(SECOND)  # and the first is not disturbed
        assert isinstance(await talk.stop(16_000), Completed)


async def test_a_stop_without_audio_is_a_failed_recording(server: Server) -> None:
    async with client(server) as talk:
        await talk.start(ID)
        answer = await talk.stop(0)
        assert isinstance(answer, Error)
        assert answer.code == "failed"
    assert (await server.json(f"/v1/recordings/{ID}"))["state"] == "failed"


async def test_half_a_sample_at_the_end_is_left_out(server: Server) -> None:
    async with client(server) as talk:
        await talk.start(ID)
        await talk.audio(SECOND + b"\1")
        done = await talk.stop(16_001)
    assert isinstance(done, Completed)
    assert (done.duration, done.size) == (1.0, HEADER_BYTES + 16_000)


async def test_ulaw_with_an_odd_number_of_bytes_gets_a_pad_byte(server: Server) -> None:
    async with client(server) as talk:
        await talk.start(ID, encoding="ulaw")
        await talk.audio(bytes(8001))
        done = await talk.stop(8001)
    assert isinstance(done, Completed)
    assert (done.duration, done.size) == (8001 / 8000, HEADER_BYTES + 8001 + 1)


async def test_a_message_of_a_mebibyte_passes(server: Server) -> None:
    data = bytes(1 << 20)
    async with client(server) as talk:
        await talk.start(ID)
        await talk.audio(data)
        await talk.audio(data)
        done = await talk.stop(2 << 20)
    assert isinstance(done, Completed)
    assert done.size == HEADER_BYTES + (2 << 20)


@pytest.mark.parametrize("said", [None, "yesterday", float("inf")])
async def test_a_start_that_does_not_say_when_begins_now(server: Server, said: object) -> None:
    before = time.time()
    async with client(server) as talk:
        await talk.start(ID, metadata={"started_at": said})
    assert before <= (await server.json(f"/v1/recordings/{ID}"))["started_at"] <= time.time()


async def test_two_that_begin_the_same_recording_at_once_feed_one(server: Server) -> None:
    async with client(server) as one, client(server) as other, trio.open_nursery() as nursery:
        answers = []

        async def begin(talk: Client) -> None:
            answers.append(await talk.start(ID))

        nursery.start_soon(begin, one)
        nursery.start_soon(begin, other)
    assert Ready(offset=0) in answers
    assert len(await server.recordings()) == 1


@pytest.mark.parametrize(
    "changed", [{"channels": 2}, {"sample_rate": 16000}, {"encoding": "ulaw"}], ids=["ch", "rate", "encoding"]
)
async def test_a_start_that_contradicts_the_first_is_an_error_running_or_completed(
    server: Server, changed: dict[str, object]
) -> None:
    async with client(server) as first, client(server) as other:
        await first.start(ID)
        answer = await other.start(ID, **changed)
        assert isinstance(answer, Error)
        assert answer.code == "format_changed"
        await first.audio(SECOND)  # the first is unharmed
        done = await first.stop(16_000)
        assert isinstance(done, Completed)
    async with client(server) as late:
        answer = await late.start(ID, **changed)
        assert isinstance(answer, Error)
        assert answer.code == "format_changed"
    async with client(server) as same:
        assert await same.start(ID) == done


async def test_a_stop_before_what_is_there_is_an_error_and_nothing_is_lost(server: Server) -> None:
    async with client(server) as talk:
        await talk.start(ID)
        await talk.audio(SECOND)
        answer = await talk.stop(15_999)
        assert isinstance(answer, Error)
        assert answer.code == "bad_offset"
    async with client(server) as talk:
        assert await talk.start(ID) == Ready(offset=16_000)


async def test_a_stop_whose_completed_was_lost_gets_it_again(server: Server) -> None:
    """The connection breaks between the stop and its answer; the client comes back and asks."""
    stream = await trio.open_tcp_stream(*server.listening.ingest)
    start = protocol.Start(recording_id=ID, sample_rate=8000, channels=1, encoding="pcm16")
    request = upgrade(protocol.PATH, f"Sec-WebSocket-Protocol: {protocol.SUBPROTOCOL}")
    await stream.send_all(request + text(protocol.encode(start)))
    received = b""
    with trio.fail_after(BOUND_SECONDS):
        while b'"ready"' not in received:
            received += await stream.receive_some()
    await stream.send_all(audio(SECOND) + text(protocol.encode(protocol.Stop(offset=16_000))))
    await stream.aclose()
    row = await server.one(ID, "completed")
    assert (row["reason"], row["duration"]) == ("stopped", 1.0)
    async with client(server) as talk:
        done = await talk.start(ID)
        assert isinstance(done, Completed)
        assert (done.sha256, done.url) == (row["sha256"], row["url"])
        assert await closed(talk) == 1000


async def test_what_follows_start_before_ready_is_refused_and_not_lost_in_silence(server: Server) -> None:
    start = protocol.Start(recording_id=ID, sample_rate=8000, channels=1, encoding="pcm16")
    request = upgrade(protocol.PATH, f"Sec-WebSocket-Protocol: {protocol.SUBPROTOCOL}")
    answer = await exchange(server.listening.ingest, [request + text(protocol.encode(start)) + audio(SECOND)])
    assert b"before ready" in answer
    assert close_code(answer) == 1008


async def test_empty_messages_do_not_gather_in_memory(server: Server) -> None:
    async with client(server) as talk:
        await talk.start(ID)
        for _ in range(50):
            await talk.audio(b"")
        await talk.audio(SECOND)
        done = await talk.stop(16_000)
    assert isinstance(done, Completed)
    assert done.duration == 1.0


START = (
    '{"type": "start", "recording_id": "recording-1", "sample_rate": 8000, "channels": 1, "encoding": "pcm16"'
)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (START + ', "rate": 8000}', "rate"),
        (START.replace("8000", '"8000"') + "}", "sample_rate"),
        (START.replace("8000", "8000.0") + "}", "sample_rate"),
        (START.replace('"pcm16"', '"opus"') + "}", "encoding"),
        (START + ', "metadata": []}', "metadata"),
        (START + ', "metadata": {"x": NaN}}', "metadata"),
        (START + ', "metadata": {"x": [1e999]}}', "metadata"),
        (START + ', "metadata": {"x": "' + "x" * 65_536 + '"}}', "longer than 65536"),
        (START + ', "metadata": ' + '{"x":' * 5000 + "1" + "}" * 5000 + "}", "recursion"),
        (START, "EOF"),
        ("[]", "message"),
        ('{"type": "begin"}', "begin"),
    ],
    ids=range(12),
)
async def test_a_start_of_other_types_or_sizes_is_refused_in_words(
    server: Server, message: str, words: str
) -> None:
    async with client(server) as talk:
        await talk.connection.send_message(message)
        answer = await talk.hear()
        assert isinstance(answer, Error)
        assert answer.code == "bad_start"
        assert words in answer.message
        assert len(answer.message) < 500
    assert await server.recordings() == []


@pytest.mark.parametrize(
    "message",
    [
        protocol.Ready(offset=0),
        protocol.Error(code="x", message="x"),
        protocol.Start(recording_id=ID, sample_rate=8000, channels=1, encoding="pcm16"),
        protocol.Completed(recording_id=ID, duration=1.0, size=1, sha256="x", url="x", expires_at=None),
    ],
    ids=lambda message: message.type,
)
async def test_a_message_that_is_not_the_clients_to_send_now_is_an_error(
    server: Server, message: protocol.Message
) -> None:
    async with client(server) as talk:
        await talk.start(ID)
        await talk.connection.send_message(protocol.encode(message))
        answer = await talk.hear()
        assert isinstance(answer, Error)
        assert (answer.code, message.type in answer.message) == ("bad_message", True)
    async with client(server) as talk:
        assert await talk.start(ID) == Ready(offset=0)
