"""The commands to a call: what each comes to, decided and stored in one transaction, then done."""

import uuid
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from functools import partial

import trio
from sqlalchemy import Connection

from daemon.calls import changes
from daemon.calls.cooldown import Cooldown
from daemon.calls.plans import PLANS, Context, Request
from daemon.calls.session import Session
from daemon.calls.sessions import Sessions, ShuttingDownError
from storage import commands, sessions
from storage.catalog import Catalog
from storage.commands import Command
from wavstream.process import logs

HEAVY = frozenset({"record/start", "record/stop", "play_and_get_digits"})
"""The commands that share one cooldown."""

log = logs.get(__name__)


class UnknownCommandError(Exception):
    """There is no such command."""


class UnknownSessionError(Exception):
    """There is no such session."""


class ForeignSessionError(Exception):
    """The session belongs to another application."""


class NoWavstreamError(Exception):
    """There is nowhere to record to: WAVSTREAM_URL is not set."""


class CooldownError(Exception):
    """The session's last heavy command is too recent."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:.3f} s too early")
        self.seconds = seconds
        """How long to wait."""


@dataclass(frozen=True)
class _Taken:
    command: Command
    act: Callable[[Session], None] | None
    """None for a repeat."""


class Commands:
    """Takes commands.

    `announce` is called when an event was stored, `taken` with each command that is no repeat.
    """

    def __init__(
        self,
        catalog: Catalog,
        live: Sessions,
        *,
        announce: Callable[[], None],
        taken: Callable[[Command], None] = lambda _command: None,
    ) -> None:
        self._catalog = catalog
        self._sessions = live
        self._announce = announce
        self._taken = taken
        self._cooldown = Cooldown()

    async def execute(self, request: Request) -> Command:
        """Take a command, or give the first answer again to one that was taken before.

        The outcome is in the answer, and on its way as `command.result`. Raises UnknownCommandError,
        UnknownSessionError, ForeignSessionError, NoWavstreamError, CooldownError, ShuttingDownError,
        CatalogError; none of them has changed anything.
        """
        if request.command not in PLANS:
            raise UnknownCommandError
        live = self._sessions.live(request.session_uuid)
        with nullcontext() if live is None else live.holding(request.moment.monotonic):
            return await self._execute(request)

    async def _execute(self, request: Request) -> Command:
        async with self._sessions.lock(request.session_uuid):
            if self._sessions.closing:
                raise ShuttingDownError
            live = self._sessions.live(request.session_uuid)
            context = self._context(request, live)
            with ExitStack() as undo:
                _hear_again(request, live, undo)
                taken = await self._catalog.run(partial(_take, request=request, context=context))
                # From here to the end there is no checkpoint: what was stored is done, whoever is cancelled.
                if taken.act is not None:
                    undo.pop_all()
                    self._do(request, taken.command, taken.act, live)
        return taken.command

    def _context(self, request: Request, live: Session | None) -> Context:
        recorder = self._sessions.recorder
        heavy = request.command in HEAVY
        since = None if live is None else live.recording_since
        return Context(
            can_record=recorder.can_record,
            format=recorder.format(live.legs) if recorder.can_record and live and not live.over else None,
            wait=self._cooldown.remaining(request.session_uuid, trio.current_time()) if heavy else 0.0,
            elapsed=0.0 if since is None else max(request.moment.monotonic - since, 0.0),
            heard=live.heard() if live and request.command == "hangup" else None,
        )

    def _do(
        self, request: Request, command: Command, act: Callable[[Session], None], live: Session | None
    ) -> None:
        if request.command in HEAVY:
            self._cooldown.charge(request.session_uuid, trio.current_time())
        if live is not None:
            act(live)
        self._announce()
        self._taken(command)
        log.info(
            "command taken",
            session=request.session_uuid,
            command=request.command,
            success=command.success,
            error=command.error,
        )


def _hear_again(request: Request, live: Session | None, undo: ExitStack) -> None:
    """Let a pause end as its resumption is asked for: what is masked meanwhile could not be had back.

    Nothing of it leaves before that is stored (see `Session.holding`), and `undo` masks it again.
    """
    if request.command == "record/resume" and live is not None and live.paused_since is not None:
        live.resume_recording(request.moment.monotonic)
        undo.callback(live.pause_recording, request.moment.monotonic)


def _take(tx: Connection, request: Request, context: Context) -> _Taken:
    """Decide a command and store what it comes to."""
    session = sessions.get(tx, request.session_uuid)
    if session is None:
        raise UnknownSessionError
    if session.app_id != request.app_id:
        raise ForeignSessionError
    known = commands.find(tx, request.session_uuid, request.command, request.command_uid)
    if known is not None:
        return _Taken(known, None)
    if request.command == "record/start" and not context.can_record:
        raise NoWavstreamError
    if context.wait > 0:
        raise CooldownError(context.wait)
    command_uid = request.command_uid or str(uuid.uuid4())
    plan = PLANS[request.command](tx, session, replace(request, command_uid=command_uid), context)
    command = Command(
        session_uuid=request.session_uuid,
        command=request.command,
        command_uid=command_uid,
        operation_id=str(uuid.uuid4()),
        success=plan.error is None,
        error=plan.error,
        created_at=request.moment.epoch,
    )
    changes.command_answered(tx, command, request.app_id)
    plan.write(tx)
    return _Taken(command, plan.act)
