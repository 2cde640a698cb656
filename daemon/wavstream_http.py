"""wavstream's HTTP, as the daemon uses it: how a recording stands, and its file while it grows."""

import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Literal

import httpx
from pydantic import BaseModel, Field, SecretStr, TypeAdapter, ValidationError

from daemon.legs.leg import SideName
from daemon.media.quality import Quality
from wavstream.protocol import Completed

REQUEST_SECONDS = 10.0
"""For each step of a request: connecting, sending."""
SILENT_SECONDS = 30.0
"""A followed file brings new audio every second; one that brings nothing for so long is dead."""
CONNECTIONS = 200
"""Open at once: above all, one for each reader of a recording's file."""
NOT_FOUND = 404
_QUALITY = TypeAdapter(dict[SideName, Quality])


class WavstreamError(Exception):
    """wavstream could not be asked, or did not answer as it should. Its text is for the log."""


class KeptError(Exception):
    """wavstream keeps a recording, because of a legal hold above all. Its text is for the client."""


class Held(BaseModel):
    """What wavstream says about one recording (its `GET /v1/recordings/{id}`), as far as the daemon asks."""

    recording_id: str
    state: Literal["recording", "completed", "failed"]
    duration: float | None = None
    size: int | None = None
    sha256: str | None = None
    url: str | None = None
    expires_at: float | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)

    def quality(self) -> dict[str, Any] | None:
        """How good each side is, if its sender has said so at its end (see `daemon.media.quality`)."""
        try:
            sides = _QUALITY.validate_python(self.metadata.get("quality"))
        except ValidationError:
            return None
        return {side: quality.view() for side, quality in sides.items()}

    def completed(self) -> Completed:
        """The same as wavstream's own message. Raises WavstreamError where something is missing."""
        try:
            return Completed.model_validate(self.model_dump(include=set(Completed.model_fields) - {"type"}))
        except ValidationError as wrong:
            raise WavstreamError(
                f"wavstream's answer is not complete: {wrong.error_count()} fields"
            ) from wrong


class _Problem(BaseModel):
    error: str


def client(*, tls: ssl.SSLContext) -> httpx.AsyncClient:
    """A client for wavstream and for recordings' URLs; nothing from the environment (proxies, .netrc)."""
    return httpx.AsyncClient(
        verify=tls,
        trust_env=False,
        timeout=httpx.Timeout(REQUEST_SECONDS, read=SILENT_SECONDS),
        limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=20),
    )


class WavstreamHttp:
    """Questions to one wavstream at `base_url`."""

    def __init__(self, http: httpx.AsyncClient, *, base_url: str, token: SecretStr | None) -> None:
        self._http = http
        self._base = base_url
        self._auth = {"authorization": f"Bearer {token.get_secret_value()}"} if token else {}

    async def held(self, recording_id: str) -> Held | None:
        """How a recording stands; None where wavstream has never heard of it. Raises WavstreamError."""
        answer = await self._get(f"{self._base}/v1/recordings/{recording_id}", self._auth)
        if answer.status_code == NOT_FOUND:
            return None
        if answer.status_code != httpx.codes.OK:
            raise WavstreamError(f"wavstream answered {answer.status_code}")
        try:
            return Held.model_validate_json(answer.content)
        except ValidationError as wrong:
            raise WavstreamError(
                f"wavstream's answer is not a recording: {wrong.error_count()} errors"
            ) from wrong

    async def erase(self, recording_id: str) -> None:
        """Remove a recording's file and its row, if they are there. Raises KeptError, WavstreamError."""
        url = f"{self._base}/v1/recordings/{recording_id}"
        with _plain_errors():
            answer = await self._http.delete(url, headers=self._auth)
        if answer.status_code == httpx.codes.CONFLICT:
            raise KeptError(_words(answer))
        if answer.status_code not in {httpx.codes.NO_CONTENT, NOT_FOUND}:
            raise WavstreamError(f"wavstream answered {answer.status_code}")

    async def reachable(self) -> bool:
        """Whether wavstream's HTTP answers at all."""
        try:
            return (await self._get(f"{self._base}/health", {})).is_success
        except WavstreamError:
            return False

    async def serves(self, url: str, size: int) -> bool:
        """Whether a recording's URL answers 200 with a file of `size` bytes. Raises WavstreamError.

        What stands in the answer's head is the server's promise for the body, which is not read. Our own
        wavstream opens the file for a HEAD just as for a GET (RFC 9110 section 9.3.2), and the connection can
        be used again; other stores are asked as everybody will ask them.
        """
        method = "HEAD" if url.startswith(f"{self._base}/") else "GET"
        with _plain_errors():
            async with self._http.stream(method, url, headers={"accept-encoding": "identity"}) as answer:
                length = answer.headers.get("content-length")
                return answer.status_code == httpx.codes.OK and length == str(size)

    @asynccontextmanager
    async def file(
        self, method: str, recording_id: str, *, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> AsyncIterator[httpx.Response]:
        """The answer to a GET or HEAD of a recording's file, its body yet to be read. Raises WavstreamError.

        Errors of the body come as httpx's own.
        """
        with _plain_errors():
            request = self._http.build_request(
                method,
                f"{self._base}/v1/recordings/{recording_id}/file.wav",
                params=query,
                headers={"accept-encoding": "identity", **headers, **self._auth},
            )
            answer = await self._http.send(request, stream=True)
        try:
            yield answer
        finally:
            await answer.aclose()

    async def _get(self, url: str, headers: Mapping[str, str]) -> httpx.Response:
        with _plain_errors():
            return await self._http.get(url, headers=headers)


def _words(answer: httpx.Response) -> str:
    """What wavstream says is wrong. Raises WavstreamError."""
    try:
        return _Problem.model_validate_json(answer.content).error
    except ValidationError:
        raise WavstreamError(f"wavstream answered {answer.status_code}") from None


@contextmanager
def _plain_errors() -> Iterator[None]:
    """The one place where httpx's errors become ours."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL) as wrong:
        raise WavstreamError(f"wavstream cannot be reached: {str(wrong) or type(wrong).__name__}") from wrong
