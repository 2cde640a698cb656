"""One attempt to hand a webhook over."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import trio

from daemon.webhooks import connection
from daemon.webhooks.sending import ANSWER_BYTES, Delivery, HttpSender, Outcome
from daemon.webhooks.target import TargetRules
from tests.daemon.webhooks.receiver import receiving

LOCAL = TargetRules(allow_http=True, allow_localhost=True)


def delivery(url: str) -> Delivery:
    return Delivery(url=url, headers={"webhook-id": "msg_1"}, body=b'{"event":"call.new"}')


@asynccontextmanager
async def sender(rules: TargetRules = LOCAL, **given: Any) -> AsyncIterator[HttpSender]:
    async with connection.client(rules, tls=ssl.create_default_context()) as client:
        yield HttpSender(client, **given)


def answer(status: int, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status} Reason", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.mark.contract("webhook-body")
async def test_what_was_signed_is_sent_byte_for_byte() -> None:
    async with receiving() as receiver, sender() as send:
        assert await send(delivery(receiver.url)) == Outcome()
        (taken,) = receiver.taken
        assert taken.body == b'{"event":"call.new"}'
        assert taken.headers["webhook-id"] == "msg_1"
        assert taken.target == "/hook"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_taken(status: int) -> None:
    async with receiving(answer(status)) as receiver, sender() as send:
        assert await send(delivery(receiver.url)) == Outcome()


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 429, 500, 503])
async def test_any_other_status_is_an_error_in_words(status: int) -> None:
    async with receiving(answer(status, "location: /")) as receiver, sender() as send:
        assert await send(delivery(receiver.url)) == Outcome(error=f"the receiver answered {status}")


async def test_410_says_that_nothing_more_is_wanted() -> None:
    async with receiving(answer(410)) as receiver, sender() as send:
        assert await send(delivery(receiver.url)) == Outcome(error="the receiver answered 410", gone=True)


NOON = datetime(1994, 11, 6, 12, tzinfo=UTC).timestamp()
"""The day of RFC 9110's examples."""


@pytest.mark.parametrize("status", [429, 503, 500, 302])
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("Sun, 06 Nov 1994 12:02:00 GMT", 120),
        ("Sunday, 06-Nov-94 12:02:00 GMT", 120),  # RFC 850, obsolete
        ("Sun Nov  6 12:02:00 1994", 120),  # asctime, obsolete
        ("Sun, 06 Nov 1994 11:59:00 GMT", 0),  # past
        ("Sun, 06 Nov 1994 25:00:00 GMT", 0),
        ("soon", 0),
        ("-1", 0),
        ("1" * 10, 0),
        ("\u00b2", 0),
    ],
)
async def test_retry_after_is_heeded_as_seconds_and_as_a_date(
    status: int, header: str, seconds: float
) -> None:
    wait = answer(status, f"retry-after: {header}")
    async with receiving(wait) as receiver, sender(clock=lambda: NOON) as send:
        assert (await send(delivery(receiver.url))).retry_after == seconds


async def test_a_connection_is_used_again_after_a_short_answer() -> None:
    async with receiving(answer(200, body=b"thank you")) as receiver, sender() as send:
        for _ in range(3):
            await send(delivery(receiver.url))
        assert receiver.connections == 1


async def test_an_endless_answer_is_read_no_further_than_its_first_part() -> None:
    endless = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n" + b"x" * (ANSWER_BYTES + 1)
    async with receiving(endless) as receiver, sender() as send:
        with trio.fail_after(20):
            for _ in range(2):
                assert await send(delivery(receiver.url)) == Outcome()
        assert receiver.connections == 2


async def test_a_receiver_that_never_answers_is_given_up() -> None:
    async with receiving(silent=True) as receiver, sender(attempt_seconds=0.1) as send:
        assert await send(delivery(receiver.url)) == Outcome(error="no answer within 0.1 s")


async def test_a_receiver_that_hangs_up_is_an_error() -> None:
    async with receiving(b"nonsense\r\n\r\n") as receiver, sender() as send:
        assert (await send(delivery(receiver.url))).error


async def test_a_receiver_that_is_not_there_is_an_error() -> None:
    async with receiving() as receiver:
        url = receiver.url
    async with sender() as send:
        assert "attempts to connect" in (await send(delivery(url))).error


async def test_an_address_that_may_not_be_is_an_error() -> None:
    async with receiving() as receiver, sender(TargetRules(allow_http=True)) as send:
        assert "not a public address" in (await send(delivery(receiver.url))).error
        assert receiver.connections == 0


async def test_what_has_no_words_of_its_own_is_named_by_its_kind() -> None:
    def fail(_request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("")

    async with httpx.AsyncClient(transport=httpx.MockTransport(fail)) as client:
        assert await HttpSender(client)(delivery("http://hook.example/")) == Outcome(error="ReadError")


async def test_a_url_that_httpx_cannot_read_is_an_error() -> None:
    async with sender() as send:
        assert (await send(delivery("http://[::1"))).error
