"""Calls that nobody registered: they begin when their audio connects."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from daemon.applications import Applications
from daemon.calls.session import Session
from daemon.calls.sessions import CallRequest, Sessions, ShuttingDownError
from daemon.legs.connected import ConnectedLeg
from daemon.legs.doorway import RefusedError
from daemon.legs.lines import Wishes
from daemon.legs.medialistener import Visitor
from daemon.legs.ports import PortsExhaustedError
from daemon.media.audiosocket import Parser
from daemon.media.dialects.dialect import Begun
from daemon.media.websocketstream import Conversation
from storage.catalog import CatalogError
from wavstream.process.access import Access


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Who may bring calls by WebSocket: whoever shows the token, and Twilio by its signature.

    `url` gives the base of the address that Twilio was told, which is part of what it signs.
    """

    access: Access
    twilio: bytes | None = None
    url: Callable[[], str] = str

    def permits(self, visitor: Visitor) -> bool:
        """Whether whoever asks may."""
        if self.twilio is not None and visitor.signature is not None:
            return hmac.compare_digest(
                visitor.signature.encode(errors="surrogateescape"), self._signature(visitor.target)
            )
        return self.access.permits(
            peer=visitor.peer.host, authorization=visitor.authorization, token=visitor.query.get("token")
        )

    def _signature(self, target: str) -> bytes:
        """Of an upgrade to a target: HMAC-SHA1 of the whole URL, as Twilio signs all its requests."""
        signed = f"{self.url()}{target}".encode(errors="surrogateescape")
        return base64.b64encode(hmac.digest(self.twilio or b"", signed, hashlib.sha1))


class Arrivals:
    """Makes such calls, all for one application."""

    def __init__(
        self,
        app_id: str,
        applications: Applications,
        sessions: Sessions,
        credentials: Credentials,
        setting: str,
    ) -> None:
        """`setting` names the application in the environment."""
        self._app_id = app_id
        self._applications = applications
        self._sessions = sessions
        self._credentials = credentials
        self._setting = setting

    def permits(self, visitor: Visitor) -> bool:
        """Whether whoever asks may bring calls by WebSocket."""
        return self._credentials.permits(visitor)

    async def audiosocket(self, uuid: UUID) -> ConnectedLeg[Parser]:
        """The caller's leg of a new call, known by that UUID. Raises RefusedError."""
        call = CallRequest(app_id=self._app_id, wishes=Wishes(audiosocket=uuid), arrived=True)
        return (await self._create(call)).legs[0].audiosocket

    async def websocket(self, begun: Begun) -> ConnectedLeg[Conversation]:
        """The leg of a new call of which its switch says so much. Raises RefusedError."""
        call = CallRequest(app_id=self._app_id, caller_id=begun.caller_id, did=begun.did, arrived=True)
        return (await self._create(call)).legs[0].websocket

    async def _create(self, call: CallRequest) -> Session:
        try:
            if await self._applications.get(self._app_id) is None:
                raise RefusedError(f"{self._setting}={self._app_id}: there is no such application")
            _, session = await self._sessions.create(call)
        except ShuttingDownError:
            raise RefusedError("the daemon is about to end") from None
        except (PortsExhaustedError, CatalogError, OSError, ValueError) as wrong:
            raise RefusedError(f"no call for it: {wrong}") from None
        return session
