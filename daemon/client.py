"""A client of the daemon's HTTP for programs on Trio: the application API, and the operator's registration.

async with Client.connect("http://127.0.0.1:8000", {"X-App-ID": "demo", "X-API-Key": key}) as client:
    session = await client.create_session(caller_id="+4930123456")
    await client.command(session.session_uuid, "record/start")
"""

import ssl
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
import trio

from daemon.groups import words
from wavstream.process.settings import Address

ANSWER_SECONDS = 15.0
"""How long one answer may take, connecting and each read included; also the longest pause of a followed
recording."""
PATIENCE_SECONDS = 90.0
"""How long a refusal for going too fast (429) is waited out: the limit of an application starts anew each
minute."""
MAX_CONNECTIONS = 8
"""At once to one daemon: enough to keep it busy with short requests, and no burst that its backlog has to
hold."""


class ApiError(Exception):
    """The daemon refused, or did not answer. Its text is one plain line."""

    def __init__(self, words: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(words)
        self.status = status
        """The HTTP status; None where there was no answer."""
        self.retry_after = retry_after
        """Seconds to wait before asking again, where the daemon named them."""


@dataclass(frozen=True)
class Registered:
    """An application as the operator's call answers it."""

    app_id: str
    webhook_secret: str | None
    """Only when it is new."""


@dataclass(frozen=True)
class Session:
    """A session that has just been created: where its audio may be sent."""

    session_uuid: str
    rtp: Mapping[str, Address]
    """The RTP address of each leg: `caller`, `callee`."""
    audiosocket: Mapping[str, tuple[Address, uuid.UUID]] = field(default_factory=dict)
    """The AudioSocket address of each leg, and the UUID that it is to be shown."""
    websocket: Mapping[str, str] = field(default_factory=dict)
    """The WebSocket URL of each leg, where the daemon has any."""


@dataclass(frozen=True)
class Taken:
    """A command that was taken; its outcome is the `command.result` webhook with the same two ids."""

    operation_id: str
    command_uid: str


@dataclass(frozen=True)
class RecordingView:
    """A recording of a session as the daemon shows it; `duration` in seconds, once it is known."""

    recording_id: str
    state: str
    url: str | None
    duration: float | None
    audio: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """What became of the samples of each leg: `placed`, `late`, `filled` and so on."""

    @classmethod
    def of(cls, view: Mapping[str, Any]) -> Self:
        """From the daemon's JSON."""
        return cls(
            view["recording_id"],
            view["state"],
            view.get("recording_url"),
            view.get("duration"),
            view.get("audio") or {},
        )

    @property
    def over(self) -> bool:
        """No more changes of state will come."""
        return self.state in {"completed", "failed"}


class Client:
    """Requests of one application (or of the operator) to one daemon."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    @property
    def headers(self) -> dict[str, str]:
        """What every request says besides its own: who asks."""
        return dict(self._http.headers)

    @classmethod
    @asynccontextmanager
    async def connect(cls, base_url: str, headers: Mapping[str, str]) -> AsyncIterator[Self]:
        """A client for the daemon at `base_url`; its connections are closed at the end of the block."""
        limits = httpx.Limits(max_connections=MAX_CONNECTIONS)
        # trust_env: a proxy or a netrc of the user's shell is for other addresses than this one.
        async with httpx.AsyncClient(
            base_url=base_url,
            headers=headers,
            timeout=ANSWER_SECONDS,
            limits=limits,
            trust_env=False,
            verify=_tls(base_url),
        ) as http:
            yield cls(http)

    async def register(self, app_id: str, **fields: Any) -> Registered:
        """Create or replace an application: `webhook_url`, `api_key`, `rate_limit`, `events`."""
        answer = await self._ask("POST", f"/admin/apps/{app_id}", fields)
        return Registered(answer["app_id"], answer.get("webhook_secret"))

    async def create_session(self, **fields: Any) -> Session:
        """Register a call: `caller_id`, `did`, `legs`, `rtp`, all optional."""
        answer = await self._ask("POST", "/api/v1/sessions", fields)
        media = answer["media"]
        rtp = {each["leg"]: _address(each) for each in media["rtp"]}
        audiosocket = {
            each["leg"]: (_address(each), uuid.UUID(each["uuid"])) for each in media.get("audiosocket", ())
        }
        websocket = {each["leg"]: each["url"] for each in media.get("websocket", ())}
        return Session(answer["session_uuid"], rtp, audiosocket, websocket)

    async def show(self, session_uuid: str) -> Mapping[str, Any]:
        """The session as it stands."""
        return await self._ask("GET", f"/api/v1/sessions/{session_uuid}")

    async def recording(self, session_uuid: str) -> RecordingView | None:
        """The session's current or latest recording."""
        view = (await self.show(session_uuid)).get("recording")
        return RecordingView.of(view) if view else None

    async def recordings(self, session_uuid: str) -> list[RecordingView]:
        """All recordings of the session, newest first."""
        answer = await self._ask("GET", f"/api/v1/sessions/{session_uuid}/recordings")
        return [RecordingView.of(view) for view in answer["recordings"]]

    async def sessions(self) -> AsyncIterator[Mapping[str, Any]]:
        """All sessions of the application, newest first, page by page."""
        following: dict[str, str] = {}
        while True:
            page = await self._ask("GET", "/api/v1/sessions", params=following)
            for session in page["sessions"]:
                yield session
            if page["next"] is None:
                return
            following = {"cursor": page["next"]}

    async def command(self, session_uuid: str, command: str, command_uid: str | None = None) -> Taken:
        """Give a command, for example `record/start`; its outcome is a webhook.

        Where it is not known whether the command arrived, it may be given again with the same `command_uid`:
        it is carried out once. Without one, one is made.
        """
        body = {"command_uid": command_uid or str(uuid.uuid4())}
        answer = await self._ask("POST", f"/api/v1/sessions/{session_uuid}/commands/{command}", body)
        return Taken(answer["operation_id"], answer["command_uid"])

    async def erase(self, session_uuid: str, recording_id: str) -> None:
        """Take a recording away for good."""
        await self._answer("DELETE", f"/api/v1/sessions/{session_uuid}/recordings/{recording_id}")

    async def snapshot(self, session_uuid: str) -> bytes:
        """The session's recording as it stands now, a whole WAV file; after its end, the finished file."""
        path = f"/api/v1/sessions/{session_uuid}/recording/file.wav"
        return (await self._answer("GET", path, params={"follow": "false"})).content

    @asynccontextmanager
    async def follow(self, session_uuid: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """The running recording from its first sample on, live, as a WAV stream without a known length."""
        path = f"/api/v1/sessions/{session_uuid}/recording/file.wav"
        with _plain_errors():
            async with self._http.stream("GET", path, params={"follow": "true"}) as answer:
                if answer.is_error:
                    await answer.aread()
                    raise _refusal(answer)
                yield answer.aiter_bytes()

    async def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        return _json(await self._answer(method, path, body, params))

    async def _answer(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """The answer to one request, if it is a success; 429 is waited out. Raises ApiError."""
        give_up = trio.current_time() + PATIENCE_SECONDS
        while True:
            with _plain_errors():
                answer = await self._http.request(method, path, json=body, params=params)
            if answer.is_success:
                return answer
            refusal = _refusal(answer)
            wait = refusal.retry_after
            if refusal.status != httpx.codes.TOO_MANY_REQUESTS or not wait:
                raise refusal
            if trio.current_time() + wait > give_up:
                raise refusal
            await trio.sleep(wait)


def _address(told: Mapping[str, Any]) -> Address:
    return Address(told["host"], told["port"])


def _tls(base_url: str) -> ssl.SSLContext:
    """Whom to trust: nobody where there is no TLS, because to load the certificates takes a while."""
    if base_url.startswith("http://"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return ssl.create_default_context()


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Turn httpx's errors into ApiError: the one place where they come in."""
    try:
        yield
    except httpx.TimeoutException:
        raise ApiError(f"the daemon did not answer within {ANSWER_SECONDS:.0f} s") from None
    except (httpx.TransportError, httpx.InvalidURL) as wrong:
        raise ApiError(f"the daemon cannot be reached: {words(wrong)}") from None


def _json(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ApiError(f"{answer.url} does not answer as the daemon does", status=answer.status_code)
    return body


def _refusal(answer: httpx.Response) -> ApiError:
    """The error of an answer that is not a success, in the daemon's own words where it has any."""
    try:
        said = str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        said = answer.reason_phrase
    after = answer.headers.get("Retry-After", "")
    return ApiError(
        f"{answer.request.method} {answer.url.path}: {answer.status_code} {said}",
        status=answer.status_code,
        retry_after=float(after) if after.isdecimal() else None,
    )
