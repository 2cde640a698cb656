"""What the daemon understands of wavstream's answers; whole conversations are in api/test_files.py."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from pydantic import SecretStr

from daemon.wavstream_http import Held, KeptError, WavstreamError, WavstreamHttp

Answer = Callable[[httpx.Request], httpx.Response]
ROW = {
    "recording_id": "recording",
    "state": "completed",
    "duration": 1.0,
    "size": 3,
    "sha256": "s",
    "more": 1,
}


@asynccontextmanager
async def asking(answer: Answer, token: str | None = "token") -> AsyncIterator[WavstreamHttp]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        yield WavstreamHttp(http, base_url="http://w", token=None if token is None else SecretStr(token))


def unreachable(_request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("")


async def test_how_a_recording_stands_is_asked_with_the_token() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={**ROW, "url": "http://w/x.wav", "expires_at": None})

    async with asking(answer) as wavstream:
        held = await wavstream.held("recording")
    assert held is not None
    assert held.completed().url == "http://w/x.wav"
    assert str(asked[0].url) == "http://w/v1/recordings/recording"
    assert asked[0].headers["authorization"] == "Bearer token"


async def test_without_a_token_none_is_sent() -> None:
    async with asking(lambda request: httpx.Response(404, headers=request.headers), None) as wavstream:
        assert wavstream._auth == {}
        assert await wavstream.held("recording") is None


def test_an_answer_without_a_url_is_not_complete() -> None:
    with pytest.raises(WavstreamError, match="not complete: 1 fields"):
        Held.model_validate(ROW).completed()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda _: httpx.Response(401), "answered 401"),
        (lambda _: httpx.Response(200, text="<html>"), "not a recording"),
        (lambda _: httpx.Response(200, json={"state": "lost"}), "not a recording: 2 errors"),
        (unreachable, "cannot be reached: ConnectError"),
    ],
)
async def test_anything_else_is_an_error_in_words(answer: Answer, words: str) -> None:
    async with asking(answer) as wavstream:
        with pytest.raises(WavstreamError, match=words):
            await wavstream.held("recording")


@pytest.mark.parametrize(
    ("answer", "reachable"),
    [(lambda _: httpx.Response(200), True), (lambda _: httpx.Response(503), False), (unreachable, False)],
)
async def test_it_is_reachable_when_its_health_is_good(answer: Answer, reachable: bool) -> None:
    async with asking(answer) as wavstream:
        assert await wavstream.reachable() is reachable


@pytest.mark.contract("webhook-url-answers")
@pytest.mark.parametrize(
    ("status", "length", "serves"),
    [(200, "3", True), (200, "4", False), (206, "3", False), (404, "3", False), (302, "3", False)],
)
async def test_a_url_serves_a_file_when_it_answers_200_with_its_length(
    status: int, length: str, serves: bool
) -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers={"content-length": length, "location": "/"}, content=b"wav")

    async with asking(answer) as wavstream:
        assert await wavstream.serves("http://w/x.wav", 3) is serves


@pytest.mark.parametrize(
    ("url", "method"),
    [("http://w/x.wav", "HEAD"), ("http://w.example/x.wav", "GET"), ("https://s3/x", "GET")],
)
async def test_our_own_wavstream_is_spared_the_body_and_other_stores_are_asked_as_everybody_asks(
    url: str, method: str
) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        return httpx.Response(200, headers={"content-length": "3"}, content=b"wav")

    async with asking(answer) as wavstream:
        assert await wavstream.serves(url, 3)
    assert asked == [method]


async def test_a_url_that_does_not_answer_is_an_error() -> None:
    async with asking(unreachable) as wavstream:
        with pytest.raises(WavstreamError):
            await wavstream.serves("http://w/x.wav", 3)


@pytest.mark.parametrize("status", [204, 404])
async def test_what_is_erased_or_was_never_there_is_gone(status: int) -> None:
    async with asking(lambda _: httpx.Response(status)) as wavstream:
        await wavstream.erase("recording")


@pytest.mark.parametrize(
    ("answer", "words"),
    [(lambda _: httpx.Response(409), "answered 409"), (unreachable, "cannot be reached")],
)
async def test_what_was_not_erased_is_an_error(answer: Answer, words: str) -> None:
    async with asking(answer) as wavstream:
        with pytest.raises(WavstreamError, match=words):
            await wavstream.erase("recording")


async def test_a_recording_that_wavstream_keeps_is_said_in_its_words() -> None:
    async with asking(
        lambda _: httpx.Response(409, json={"success": False, "error": "on hold"})
    ) as wavstream:
        with pytest.raises(KeptError, match="on hold"):
            await wavstream.erase("recording")
    async with asking(lambda _: httpx.Response(409, text="?")) as wavstream:
        with pytest.raises(WavstreamError, match="answered 409"):
            await wavstream.erase("recording")
