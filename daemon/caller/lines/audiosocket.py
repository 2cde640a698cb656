"""A line that is an AudioSocket connection, as Asterisk makes one."""

from typing import Self
from uuid import UUID

from daemon.caller.faults import Turn
from daemon.caller.kind import Kind, linear
from daemon.caller.line import Line, LineError
from daemon.caller.lines.wire import Wire
from daemon.caller.talk import Talk
from daemon.client import Session
from daemon.media import audiosocket, codecs
from daemon.media.audiosocket import AudioSocketError, Parser
from wavstream.process.settings import Address


class AudioSocketLine:
    """One connection: its UUID first, then a frame each 20 ms, and at the end a plain close."""

    def __init__(self, wire: Wire, uuid: UUID) -> None:
        self.sent = 0
        self.unsent = 0
        self.heard = 0
        """Frames of silence that came back."""
        self._wire = wire
        self._parser = Parser()
        wire.send(audiosocket.build(audiosocket.IDENTITY, uuid.bytes))

    @classmethod
    async def dial(cls, address: Address, uuid: UUID) -> Self:
        """A line to the leg of that UUID. Raises LineError."""
        return cls(await Wire.connect(address), uuid)

    def send(self, talk: Talk, turn: Turn) -> None:
        """Send the packet as one frame, of the kind that its rate has."""
        kind = audiosocket.KINDS[talk.codec.rate]
        if self._wire.send(audiosocket.build(kind, talk.payloads[turn.number])):
            self.sent += 1
        else:
            self.unsent += 1

    def finish(self, talk: Talk, sent: int) -> None:
        """Nothing to do: its frames are not counted."""

    def listen(self) -> None:
        """Count the frames that have come back; a far end that speaks another tongue is left."""
        self._parser.feed(self._wire.receive())
        try:
            self.heard += sum(frame.kind in audiosocket.RATES for frame in self._parser.frames())
        except AudioSocketError:
            self._wire.close()

    async def hang_up(self) -> None:
        """Close, as Asterisk does, once the far end has all."""
        self.listen()
        await self._wire.part()


async def dial(session: Session, leg: str, _: Talk) -> Line:
    """A line into a leg of a session. Raises LineError."""
    if leg not in session.audiosocket:
        raise LineError(f"session {session.session_uuid} takes no AudioSocket")
    return await AudioSocketLine.dial(*session.audiosocket[leg])


KIND = Kind(name="audiosocket", dial=dial, encodings={"L16": codecs.RATES}, codec_of=linear)
