"""One attempt to hand a webhook to its receiver."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

import httpx
import trio

from daemon.streams import abandon

ATTEMPT_SECONDS = 15.0
"""For the whole attempt, name and connection included (Standard Webhooks asks for 15 to 30)."""
GONE = 410
ANSWER_BYTES = 16 * 1024
"""Of an answer's body, read only so that the connection can be used again."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What is sent, and where to."""

    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of an attempt. `error` is empty where the receiver took it (2xx)."""

    error: str = ""
    gone: bool = False
    """The receiver wants no more of them (410)."""
    retry_after: float = 0.0
    """Seconds that the receiver asked for."""


def _seconds(header: str, now: float) -> float:
    """Retry-After in seconds from `now`: given as such, or as a date (RFC 9110 section 10.2.3).

    Anything else counts as not given, and so does a date that is past.
    """
    if header.isascii() and header.isdecimal():
        return float(header) if len(header) < 10 else 0.0
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    # Of the three forms of a date (section 5.6.7), asctime's names no zone. All of them mean GMT.
    return max(date.replace(tzinfo=UTC).timestamp() - now, 0.0)


def _judged(answer: httpx.Response, now: float) -> Outcome:
    if answer.is_success:
        return Outcome()
    return Outcome(
        error=f"the receiver answered {answer.status_code}",
        gone=answer.status_code == GONE,
        retry_after=_seconds(answer.headers.get("retry-after", ""), now),
    )


class HttpSender:
    """Sends over a client of `connection.client`. `clock` gives seconds since the epoch."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        attempt_seconds: float = ATTEMPT_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._attempt_seconds = attempt_seconds
        self._clock = clock

    async def __call__(self, delivery: Delivery) -> Outcome:
        """Try once; whatever goes wrong outside is an Outcome."""
        try:
            with trio.fail_after(self._attempt_seconds):
                return await self._post(delivery)
        except trio.TooSlowError:
            return Outcome(error=f"no answer within {self._attempt_seconds:g} s")
        except (httpx.HTTPError, httpx.InvalidURL) as wrong:
            return Outcome(error=str(wrong) or type(wrong).__name__)

    async def _post(self, delivery: Delivery) -> Outcome:
        sending = self._client.stream(
            "POST", delivery.url, content=delivery.body, headers=delivery.headers, timeout=None
        )  # the one deadline of the attempt is the caller's
        async with sending as answer:
            read = 0
            blocks = answer.aiter_raw()
            async for block in blocks:
                read += len(block)
                if read > ANSWER_BYTES:
                    await abandon(blocks)
            return _judged(answer, self._clock())
