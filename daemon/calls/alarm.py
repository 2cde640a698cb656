"""The alarm for a recording that hears nothing: while the call still runs, somebody may see to it."""

from collections.abc import Callable, Mapping
from math import inf
from weakref import WeakKeyDictionary

from sqlalchemy import Connection

from daemon.calls import changes
from daemon.calls.moment import Moment
from daemon.calls.session import Session
from daemon.calls.sessions import Sessions
from daemon.legs.leg import SideName
from daemon.recording.measure import Silence
from storage.catalog import Catalog, CatalogError
from wavstream.process import logs

log = logs.get(__name__)


def too_long(silences: Mapping[SideName, Silence], seconds: float) -> dict[SideName, Silence]:
    """The legs without a sound for so many seconds."""
    return {leg: silence for leg, silence in silences.items() if silence.seconds >= seconds}


class Alarm:
    """Tells of each silence once: of the same leg again only after there has been a sound on it.

    One event names all legs that are silent by then. `announce` is called when one was stored, and `raised`.
    """

    def __init__(
        self,
        catalog: Catalog,
        sessions: Sessions,
        *,
        seconds: float = inf,
        announce: Callable[[], None],
        raised: Callable[[], object] = lambda: None,
    ) -> None:
        """`seconds` without a sound are a silence; infinity: none is."""
        self._catalog = catalog
        self._sessions = sessions
        self._seconds = seconds
        self._announce = announce
        self._raised = raised
        self._told: WeakKeyDictionary[Session, dict[SideName, float]] = WeakKeyDictionary()

    async def look(self, session: Session) -> None:
        """Tell what is to be told of a call; what the catalogue does not take, at the next look."""
        if not self._untold(session):
            return
        try:
            async with self._sessions.lock(session.session_uuid):
                silent = self._untold(session)  # another look at what may have ended meanwhile
                if silent:
                    await self._tell(session, silent)
        except CatalogError as wrong:
            log.warning("silence not told", session=session.session_uuid, error=str(wrong))

    def _untold(self, session: Session) -> dict[SideName, Silence]:
        """All legs that are silent, if there is one among them of whose silence nobody knows."""
        silent = too_long(session.silences, self._seconds)
        told = self._told.get(session, {})
        return silent if any(told.get(leg) != silence.since for leg, silence in silent.items()) else {}

    async def _tell(self, session: Session, silent: Mapping[SideName, Silence]) -> None:
        session_uuid, legs = session.session_uuid, list(silent)
        seconds, now = min(silence.seconds for silence in silent.values()), Moment.now().epoch

        def change(tx: Connection) -> bool:
            running = changes.current(tx, session_uuid)
            return running is not None and changes.recording_unheard(
                tx, running, legs=legs, silent_seconds=seconds, now=now
            )

        if await self._catalog.run(change):
            log.warning("recording hears nothing", session=session_uuid, legs=legs, seconds=round(seconds, 1))
            self._raised()
            self._announce()
        self._told.setdefault(session, {}).update({leg: silence.since for leg, silence in silent.items()})
