"""What ends by itself: calls that nobody speaks in any more, recordings that are too long, pauses as well.

And what is told of by itself: recordings that hear nothing.
"""

from dataclasses import dataclass
from itertools import count
from math import inf
from typing import Literal

import trio

from daemon.calls.alarm import Alarm
from daemon.calls.session import Session
from daemon.calls.sessions import Sessions
from storage.catalog import CatalogError
from wavstream.process import logs

LOOK_SECONDS = 1.0
"""From one look at all calls to the next: nobody counts on any of it to the second."""

log = logs.get(__name__)

Action = Literal["end call", "end arrival", "end recording", "end pause"]
"""An arrival is a call that began with its connection: to end with that is how it ends, and no limit."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long things may last, in seconds; infinity is for ever."""

    unheard: float = inf
    """A call of which nothing is heard."""
    gone: float = inf
    """A call that began with its connection, after the end of that."""
    recording: float = inf
    pause: float = inf


def overdue(session: Session, limits: Limits, now: float) -> Action | None:
    """What is to be done about a call at `now` (seconds of `trio.current_time()`)."""
    if session.over:
        return None
    if now - session.last_heard > limits.unheard:
        return "end call"
    if session.gone_since is not None and now - session.gone_since > limits.gone:
        return "end arrival"
    if session.recording_since is not None and now - session.recording_since > limits.recording:
        return "end recording"
    if session.paused_since is not None and now - session.paused_since > limits.pause:
        return "end pause"
    return None


class Watch:
    """Looks at all calls now and then, ends what has lasted too long, and lets the `alarm` look as well."""

    def __init__(self, sessions: Sessions, limits: Limits, alarm: Alarm) -> None:
        self._sessions = sessions
        self._limits = limits
        self._alarm = alarm

    async def run(self) -> None:
        """Watch until cancelled. What fails is tried again at the next look."""
        start = trio.current_time()
        for number in count(1):
            for session in self._sessions.all():
                action = overdue(session, self._limits, trio.current_time())
                if action is not None:
                    await self._do(action, session.session_uuid)
                await self._alarm.look(session)
            await trio.sleep_until(start + number * LOOK_SECONDS)

    async def _do(self, action: Action, session_uuid: str) -> None:
        if action == "end arrival":
            log.info("connection gone", session=session_uuid)
        else:
            log.warning("limit reached", session=session_uuid, action=action)
        try:
            match action:
                case "end call" | "end arrival":
                    await self._sessions.end(session_uuid, "leg_lost")
                case "end recording":
                    await self._sessions.end_recording(session_uuid)
                case "end pause":
                    await self._sessions.resume_recording(session_uuid)
        except CatalogError as wrong:
            log.warning("limit not kept", session=session_uuid, action=action, error=str(wrong))
