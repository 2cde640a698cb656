"""Calls that nobody registered: they begin when their audio connects."""

from uuid import UUID

from daemon.applications import Applications
from daemon.calls.sessions import CallRequest, Sessions, ShuttingDownError
from daemon.legs.audiosocket import AudioSocketLeg
from daemon.legs.audiosocketlistener import RefusedError
from daemon.legs.ports import PortsExhaustedError
from storage.catalog import CatalogError


class Arrivals:
    """Makes such calls, all for one application."""

    def __init__(self, app_id: str, applications: Applications, sessions: Sessions) -> None:
        self._app_id = app_id
        self._applications = applications
        self._sessions = sessions

    async def audiosocket(self, uuid: UUID) -> AudioSocketLeg:
        """The caller's leg of a new call, known by that UUID. Raises RefusedError."""
        try:
            if await self._applications.get(self._app_id) is None:
                raise RefusedError(f"AUDIOSOCKET_APP={self._app_id}: there is no such application")
            call = CallRequest(app_id=self._app_id, audiosocket=uuid)
            _, session = await self._sessions.create(call)
        except ShuttingDownError:
            raise RefusedError("the daemon is about to end") from None
        except (PortsExhaustedError, CatalogError, OSError, ValueError) as wrong:
            raise RefusedError(f"no call for it: {wrong}") from None
        return session.legs[0].audiosocket
