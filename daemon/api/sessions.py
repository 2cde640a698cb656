"""The application API: calls, their commands, their recordings."""

from collections.abc import Awaitable, Callable
from functools import partial

from quart import Response, g, request
from sqlalchemy import Connection

from daemon.api import bodies, pages, shapes, views
from daemon.api.answers import Refusal, said
from daemon.api.document import operations
from daemon.api.files import Files
from daemon.api.guard import Guard
from daemon.api.routes import Route
from daemon.calls.commands import (
    Commands,
    CooldownError,
    ForeignSessionError,
    NoWavstreamError,
    UnknownCommandError,
    UnknownSessionError,
)
from daemon.calls.erasure import Erasure, UnfinishedError
from daemon.calls.moment import Moment
from daemon.calls.plans import Request
from daemon.calls.sessions import CallRequest, Sessions, ShuttingDownError
from daemon.legs.lines import Wishes
from daemon.legs.ports import PortsExhaustedError
from daemon.media import codecs
from daemon.node import is_session_uuid
from daemon.wavstream_http import KeptError, WavstreamError
from storage import call_recordings
from storage import sessions as rows
from storage.applications import Application
from storage.call_recordings import CallRecording
from storage.catalog import Catalog
from storage.sessions import Session
from wavstream.process import logs

UNKNOWN_SESSION = "no such session"

log = logs.get(__name__)

Kept = tuple[Session, CallRecording | None]


def peer() -> str:
    """Where the request comes from: the connection's own address, not a header that anybody can set."""
    client = request.scope.get("client") or ("", 0)
    return str(client[0])


async def body() -> bytes:
    """The request's body, whose size is bounded by the application's settings."""
    data = await request.get_data()
    g.body_read = True
    return data if isinstance(data, bytes) else data.encode()


class Api:
    """What an application may ask for."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        guard: Guard,
        sessions: Sessions,
        commands: Commands,
        erasure: Erasure,
        files: Files,
    ) -> None:
        self._catalog = catalog
        self._guard = guard
        self._sessions = sessions
        self._commands = commands
        self._erasure = erasure
        self._files = files

    def known(self, view: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
        """A view that is given the application that asks, or refuses whoever is none."""

        async def guarded(**path: str) -> Response:
            application, g.limits = await self._guard.application(request.headers, peer=peer())
            if "session_uuid" in path and not is_session_uuid(path["session_uuid"]):
                raise Refusal(404, UNKNOWN_SESSION)
            return await view(application, **path)

        return guarded

    async def create(self, application: Application) -> Response:
        """Register a call."""
        asked = _parsed(bodies.SessionBody, await body())
        told = asked.rtp
        types = {} if told is None else {told.payload_type: codecs.named(told.encoding, told.rate)}
        call = CallRequest(
            app_id=application.app_id,
            caller_id=asked.caller_id,
            did=asked.did,
            legs=asked.legs,
            wishes=Wishes(
                payload_types=types,
                telephone_event=asked.telephone_event,
                repin=asked.repin,
                silence=asked.silence,
            ),
        )
        try:
            row, live = await self._sessions.create(call)
        except ShuttingDownError:
            raise _shutting_down() from None
        except (PortsExhaustedError, OSError) as wrong:
            log.error("no port for a call", app=application.app_id, error=str(wrong))  # noqa: TRY400 - its words say it all
            raise Refusal(503, f"no port is free for the call: {wrong}") from None
        return said(views.created(row, live.legs, self._sessions.lines), 201)

    async def listing(self, application: Application) -> Response:
        """The application's calls, newest first, a page at a time."""
        limit = pages.limit(request.args.get("limit"))
        before = pages.before(request.args.get("cursor"), is_name=is_session_uuid)
        page = partial(rows.page, app_id=application.app_id, limit=limit + 1, before=before)
        found = await self._catalog.run(page)
        shown = found[:limit]
        last = (shown[-1].created_at, shown[-1].session_uuid) if len(found) > limit else None
        following = None if last is None else pages.cursor(last)
        return said(shapes.SessionPage(sessions=[views.summary(row) for row in shown], next=following))

    async def show(self, application: Application, session_uuid: str) -> Response:
        """One call: its legs, and its present or last recording."""
        row, recording = await self._own(application, session_uuid)
        live = self._sessions.live(session_uuid)
        running = None if live is None else live.recording_view()
        legs = () if live is None else live.legs
        return said(views.session(row, legs, self._sessions.lines, recording, running))

    async def command(self, application: Application, session_uuid: str, command: str) -> Response:
        """Take a command; the moment it has arrived is the moment it is about."""
        asked = _parsed(bodies.CommandBody, await body())
        moment = Moment.now()  # not before: a body may be slow to come
        given = Request(
            app_id=application.app_id,
            session_uuid=session_uuid,
            command=command,
            command_uid=asked.command_uid,
            moment=moment,
        )
        try:
            return said(views.command(await self._commands.execute(given)), 202)
        except UnknownCommandError:
            raise Refusal(400, f"there is no command {command!r}") from None
        except UnknownSessionError:
            raise Refusal(404, UNKNOWN_SESSION) from None
        except ForeignSessionError:
            raise _foreign(application, session_uuid) from None
        except NoWavstreamError:
            raise Refusal(503, "recording is not configured on this server (WAVSTREAM_URL)") from None
        except CooldownError as early:
            words = f"one recording command every 2 s a session: try again in {early.seconds:.1f} s"
            again = {"Retry-After": str(_whole(early.seconds))}
            raise Refusal(429, words, again, limit="cooldown") from None
        except ShuttingDownError:
            raise _shutting_down() from None

    async def file(self, application: Application, session_uuid: str) -> Response:
        """The call's recording: live while it runs, then the finished file until it expires."""
        _, recording = await self._own(application, session_uuid)
        if recording is None or recording.state == "failed":
            raise Refusal(404, "the session has no recording")
        if recording.state == "erased":
            raise Refusal(404, "the recording has been erased")
        return await self._files.response(recording, request.method, request.args, request.headers)

    async def recordings(self, application: Application, session_uuid: str) -> Response:
        """All recordings of a call, newest first."""
        await self._own(application, session_uuid)
        found = await self._catalog.run(lambda tx: call_recordings.of_session(tx, session_uuid))
        return said(shapes.Recordings(recordings=[views.recording(row) for row in found]))

    async def recording(self, application: Application, session_uuid: str, recording_id: str) -> Response:
        """One recording of a call."""
        return said(views.recording(await self._recording(application, session_uuid, recording_id)))

    async def erase(self, application: Application, session_uuid: str, recording_id: str) -> Response:
        """Take a recording away for good; a receipt stays. Once it answers, the file is gone."""
        row = await self._recording(application, session_uuid, recording_id)
        try:
            await self._erasure.erase(row)
        except UnfinishedError:
            raise Refusal(400, "the recording is not over: stop it first") from None
        except KeptError as wrong:
            raise Refusal(409, str(wrong)) from None
        except WavstreamError as wrong:
            log.warning("not erased", session=session_uuid, recording=recording_id, error=str(wrong))
            raise Refusal(503, "wavstream does not answer", {"Retry-After": "5"}) from None
        return Response(b"", 204)

    async def _recording(
        self, application: Application, session_uuid: str, recording_id: str
    ) -> CallRecording:
        """A recording of the application's session. Raises Refusal: 403, 404."""
        await self._own(application, session_uuid)
        row = await self._catalog.run(lambda tx: call_recordings.get(tx, recording_id))
        if row is None or row.session_uuid != session_uuid:
            raise Refusal(404, "no such recording")
        return row

    async def _own(self, application: Application, session_uuid: str) -> Kept:
        """The application's session and its newest recording. Raises Refusal: 403, 404."""

        def look(tx: Connection) -> Kept | None:
            row = rows.get(tx, session_uuid)
            found = [] if row is None else call_recordings.of_session(tx, session_uuid)
            return None if row is None else (row, found[0] if found else None)

        kept = await self._catalog.run(look)
        if kept is None:
            raise Refusal(404, UNKNOWN_SESSION)
        if kept[0].app_id != application.app_id:
            raise _foreign(application, session_uuid)
        return kept


def _parsed(kind: type[bodies.B], data: bytes) -> bodies.B:
    try:
        return bodies.parse(kind, data)
    except bodies.BodyError as wrong:
        log.warning("bad body", path=request.path, peer=peer(), error=str(wrong))
        raise Refusal(400, str(wrong)) from None


def _foreign(application: Application, session_uuid: str) -> Refusal:
    log.warning("foreign session", session=session_uuid, app=application.app_id, peer=peer())
    return Refusal(403, "the session belongs to a different application")


def _shutting_down() -> Refusal:
    return Refusal(503, "the daemon is shutting down", {"Retry-After": "5"})


def _whole(seconds: float) -> int:
    """Retry-After counts whole seconds (RFC 9110 section 10.2.3)."""
    return max(1, -int(-seconds // 1))


def routes(api: Api) -> list[Route]:
    """Each call."""
    one = "/api/v1/sessions/<session_uuid>"
    recording = f"{one}/recordings/<recording_id>"
    return [
        Route("/api/v1/sessions", "POST", api.known(api.create), operations.CREATE_SESSION),
        Route("/api/v1/sessions", "GET", api.known(api.listing), operations.LIST_SESSIONS),
        Route(one, "GET", api.known(api.show), operations.SHOW_SESSION),
        Route(f"{one}/commands/<path:command>", "POST", api.known(api.command), operations.COMMANDS),
        Route(f"{one}/recording/file.wav", "GET", api.known(api.file), operations.RECORDING_FILE),
        Route(f"{one}/recordings", "GET", api.known(api.recordings), operations.LIST_RECORDINGS),
        Route(recording, "GET", api.known(api.recording), operations.SHOW_RECORDING),
        Route(recording, "DELETE", api.known(api.erase), operations.ERASE_RECORDING),
    ]
