"""The client of the API: what it makes of answers, refusals and silence."""

import json
import uuid
from collections.abc import Callable

import httpx
import pytest
import trio
import trio.testing

from daemon.client import ApiError, Client, RecordingView, Registered, Taken
from wavstream.process.settings import Address

Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer) -> Client:
    """A client whose server is a function."""
    transport = httpx.MockTransport(answer)
    return Client(httpx.AsyncClient(transport=transport, base_url="http://daemon.test"))


async def test_a_session_tells_where_its_audio_goes() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == ("POST", "/api/v1/sessions")
        assert json.loads(request.content) == {"caller_id": "1", "legs": 2}
        rtp = [
            {"leg": "caller", "host": "127.0.0.1", "port": 20000},
            {"leg": "callee", "host": "127.0.0.1", "port": 20002},
        ]
        return httpx.Response(
            201, json={"session_uuid": "node1-x", "state": "waiting", "media": {"rtp": rtp}}
        )

    session = await client(answer).create_session(caller_id="1", legs=2)
    assert session.session_uuid == "node1-x"
    assert session.rtp == {"caller": Address("127.0.0.1", 20000), "callee": Address("127.0.0.1", 20002)}


async def test_an_application_is_registered() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/admin/apps/demo"
        return httpx.Response(200, json={"success": True, "app_id": "demo", "webhook_secret": "whsec_x"})

    assert await client(answer).register("demo", api_key="k") == Registered("demo", "whsec_x")


async def test_a_command_is_posted_with_the_uid_that_makes_it_safe_to_repeat() -> None:
    uids: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/api/v1/sessions/u/commands/record/start"
        body = json.loads(request.content)
        uids.append(body["command_uid"])
        return httpx.Response(202, json={"operation_id": "o", **body})

    asked = client(answer)
    assert await asked.command("u", "record/start", "mine") == Taken("o", "mine")
    made = await asked.command("u", "record/start")
    assert uuid.UUID(made.command_uid).version == 4
    assert uids == ["mine", made.command_uid]


async def test_sessions_come_page_by_page() -> None:
    pages = {None: ([1, 2], "two"), "two": ([3], None)}

    def answer(request: httpx.Request) -> httpx.Response:
        sessions, following = pages[request.url.params.get("cursor")]
        return httpx.Response(200, json={"sessions": [{"n": n} for n in sessions], "next": following})

    assert [session["n"] async for session in client(answer).sessions()] == [1, 2, 3]


async def test_recordings_are_listed_read_and_erased() -> None:
    asked: list[tuple[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.method, str(request.url.raw_path, "ascii")))
        if request.method == "DELETE":
            return httpx.Response(204)
        if request.url.path.endswith("file.wav"):
            return httpx.Response(200, content=b"RIFF")
        return httpx.Response(200, json={"recordings": [{"recording_id": "r", "state": "failed"}]})

    asking = client(answer)
    assert await asking.recordings("u") == [RecordingView("r", "failed", None, None)]
    assert await asking.snapshot("u") == b"RIFF"
    await asking.erase("u", "r")
    assert asked == [
        ("GET", "/api/v1/sessions/u/recordings"),
        ("GET", "/api/v1/sessions/u/recording/file.wav?follow=false"),
        ("DELETE", "/api/v1/sessions/u/recordings/r"),
    ]


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (None, None),
        ({"recording_id": "r", "state": "recording"}, RecordingView("r", "recording", None, None)),
        (
            {"recording_id": "r", "state": "completed", "recording_url": "http://x/", "duration": 1.5},
            RecordingView("r", "completed", "http://x/", 1.5),
        ),
    ],
)
async def test_a_recording_is_shown_with_its_session(
    shown: dict[str, object] | None, expected: RecordingView | None
) -> None:
    asked = client(lambda _: httpx.Response(200, json={"recording": shown}))
    view = await asked.recording("u")
    assert view == expected
    assert view is None or view.over == (view.state == "completed")


async def test_a_refusal_carries_the_daemons_own_words() -> None:
    refusing = client(lambda _: httpx.Response(404, json={"success": False, "error": "no such session"}))
    with pytest.raises(ApiError, match=r"^GET /api/v1/sessions/u: 404 no such session$") as caught:
        await refusing.show("u")
    assert caught.value.status == 404


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"error": 5}'])
async def test_a_refusal_without_words_still_has_its_status(body: bytes) -> None:
    refusing = client(lambda _: httpx.Response(502, content=body))
    with pytest.raises(ApiError, match=r"502 (Bad Gateway|5)"):
        await refusing.show("u")


@pytest.mark.parametrize("body", [b"", b"[]", b"hello"])
async def test_an_answer_that_is_no_object_is_not_the_daemons(body: bytes) -> None:
    with pytest.raises(ApiError, match="does not answer as the daemon does"):
        await client(lambda _: httpx.Response(200, content=body)).show("u")


async def test_a_refusal_for_going_too_fast_is_waited_out(autojump_clock: trio.testing.MockClock) -> None:
    taken = {"operation_id": "o", "command_uid": "c"}
    answers = [httpx.Response(429, headers={"Retry-After": "2"}), httpx.Response(202, json=taken)]
    began = trio.current_time()
    assert await client(lambda _: answers.pop(0)).command("u", "record/stop") == Taken("o", "c")
    assert trio.current_time() - began == pytest.approx(2)


async def test_waiting_has_an_end(autojump_clock: trio.testing.MockClock) -> None:
    # 90 s of patience: 40 s are waited twice, a third time would be too long.
    began = trio.current_time()
    with pytest.raises(ApiError, match="429"):
        await client(lambda _: httpx.Response(429, headers={"Retry-After": "40"})).command("u", "hangup")
    assert trio.current_time() - began == pytest.approx(80)


@pytest.mark.parametrize("after", ["", "soon", "0"])
async def test_without_a_time_to_wait_the_refusal_is_final(after: str) -> None:
    with pytest.raises(ApiError, match="429"):
        await client(lambda _: httpx.Response(429, headers={"Retry-After": after})).show("u")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (httpx.ConnectError("refused"), "cannot be reached: refused"),
        (httpx.ReadTimeout(""), "did not answer within"),
    ],
)
async def test_no_answer_is_said_plainly(error: Exception, words: str) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(ApiError, match=words) as caught:
        await client(answer).show("u")
    assert caught.value.status is None


async def test_a_recording_is_followed_piece_by_piece() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/api/v1/sessions/u/recording/file.wav"
        assert request.url.params["follow"] == "true"
        return httpx.Response(200, content=b"RIFF....")

    async with client(answer).follow("u") as pieces:
        assert b"".join([piece async for piece in pieces]) == b"RIFF...."


async def test_following_what_is_not_there_is_refused() -> None:
    refusing = client(lambda _: httpx.Response(404, json={"error": "nothing is recorded"}))
    with pytest.raises(ApiError, match="404 nothing is recorded"):
        async with refusing.follow("u"):
            pass


async def test_an_address_that_is_none_is_said_plainly() -> None:
    async with Client.connect("http://127.0.0.1:99999999", {}) as broken:
        with pytest.raises(ApiError, match="cannot be reached"):
            await broken.show("u")
