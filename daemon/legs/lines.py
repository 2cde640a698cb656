"""On which lines a party's audio may come: a port of its own, and a name on each listener."""

import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from daemon.legs.leg import Side
from daemon.legs.medialistener import PATH
from daemon.legs.party import Party
from daemon.legs.ports import RtpPorts
from daemon.legs.rtp import RtpLeg
from daemon.legs.switchboard import Switchboard
from daemon.media.audiosocket import Parser
from daemon.media.audiosocketstream import AudioSocketStream
from daemon.media.codecs import Codec
from daemon.media.keys import PAYLOAD_TYPE
from daemon.media.websocketstream import Conversation, WebSocketStream
from wavstream.process.cadence import Cadence
from wavstream.process.logs import Log
from wavstream.process.settings import Address

TOKEN_BYTES = 16
"""128 random bits: whoever shows a token may speak."""


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What is special about a call's lines.

    `payload_types` are RTP's besides the static ones, `telephone_event` is that of pressed keys; with `repin`
    a sender may go on from another address, and without `silence` nothing is said to it.
    `audiosocket` is the caller's UUID there, where the switch has chosen it.
    """

    payload_types: Mapping[int, Codec] = field(default_factory=dict)
    telephone_event: int = PAYLOAD_TYPE
    repin: bool = False
    silence: bool = True
    audiosocket: UUID | None = None


class Lines:
    """Opens the lines of parties.

    `media_url` is the base at which others reach the WebSocket listener, where that is not its address.
    """

    def __init__(
        self,
        cadence: Cadence,
        ports: RtpPorts,
        *,
        audiosocket: Address,
        media: Address,
        media_url: str | None = None,
    ) -> None:
        self._cadence = cadence
        self._ports = ports
        self._media_url = media_url
        self.audiosocket = Switchboard[Parser](
            cadence, audiosocket, wire=AudioSocketStream, draw=lambda: str(uuid4())
        )
        self.websocket = Switchboard[Conversation](
            cadence, media, wire=WebSocketStream, draw=lambda: secrets.token_urlsafe(TOKEN_BYTES)
        )

    def open(self, side: Side, log: Log, wishes: Wishes, undo: ExitStack) -> Party:
        """A party's lines; `undo` closes them.

        Raises PortsExhaustedError, OSError; ValueError where another call has the UUID wished for.
        """
        rtp = RtpLeg(
            side=side,
            bound=self._ports.bind(),
            cadence=self._cadence,
            log=log,
            payload_types=wishes.payload_types,
            telephone_event=wishes.telephone_event,
            repin=wishes.repin,
        )
        undo.callback(rtp.close)
        uuid = None if wishes.audiosocket is None or side else str(wishes.audiosocket)
        audiosocket = self.audiosocket.open(side=side, log=log, name=uuid, silence=wishes.silence)
        undo.callback(audiosocket.close)
        websocket = self.websocket.open(side=side, log=log, silence=wishes.silence)
        undo.callback(websocket.close)
        return Party(rtp, audiosocket, websocket, silence=wishes.silence)

    @property
    def media_base(self) -> str:
        """The WebSocket listener's URL, as others reach it."""
        return self._media_url or f"ws://{self.websocket.address}"

    def url(self, token: str) -> str:
        """Where the party of that token is to be connected by WebSocket."""
        return f"{self.media_base}{PATH}{token}"
