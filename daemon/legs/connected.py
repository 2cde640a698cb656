"""A leg that is connected to: one TCP connection at a time, read once a beat, whatever is spoken on it."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import trio

from daemon.legs.budget import Budget
from daemon.legs.keylog import KeyLog
from daemon.legs.leg import SIDE_NAMES, Side, quality
from daemon.legs.tcpline import TcpLine
from daemon.legs.tracks import Tracks
from daemon.media.quality import Received
from daemon.media.timeline import Timeline
from daemon.media.wire import Wire, WireError
from wavstream.process.cadence import Cadence
from wavstream.process.logs import Log

DRAIN_BYTES = 256 * 1024
"""So much a look at most, 2.7 s at 48 kHz: the rest waits in the kernel, and in the end at its sender."""
DRAIN_FRAMES = 1000
"""So many a look at most, but for those of one read: a flood of empty ones is held up in the kernel."""
IDLE_SECONDS = 5.0
"""A leg not heard for so long sleeps on its connection again, and another one may take its place."""
SILENCE_SECONDS = 0.02
KEY_SLACK_SECONDS = 0.1
"""A key may have been on its way so long: one that seems so close to a pause may have been pressed in it."""
KEEP_SECONDS = 1.0
"""Between two frames of silence while nobody records: Asterisk ends a call when neither side has sent audio
for 2 s."""


O = TypeVar("O")  # noqa: E741 - what a connection was opened with


class TakenError(Exception):
    """The leg is connected already, or its call is over. Its text says which."""


class ConnectedLeg(Generic[O]):
    """One party's connection: whoever connects and knows its name has it, until that connection ends.

    Then another may take its place: a recording goes on, with silence in between. `connected` is set by the
    first connection, `heard` by its first audio. Times are those of `trio.current_time()`.
    """

    def __init__(
        self,
        *,
        side: Side,
        name: str,
        wire: Wire[O],
        cadence: Cadence,
        log: Log,
        closed: Callable[[], object],
        silence: bool = True,
    ) -> None:
        """`wire` is what is spoken; without `silence` nothing is said to whoever connects.

        `closed` is called once, when no connection is taken any more.
        """
        self.side = side
        self.name = name
        self.connected = trio.Event()
        self.heard = trio.Event()
        self._cadence = cadence
        self._log = log.bind(leg=SIDE_NAMES[side])
        self._closed = closed
        self._open = True
        self._line: TcpLine | None = None
        self._put_through = trio.Event()
        self._connections = 0
        self._gone_since = trio.current_time()
        self._wire = wire
        self._tracks = Tracks(side)
        self._keys = KeyLog(self._tracks)
        self._drained = self._last_heard = self._said = self._connected_at = trio.current_time()
        self._looked = self._drained
        self._silence = silence
        self._silence_frames = 0
        self._budget = Budget(self._drained)

    @property
    def rate(self) -> int:
        """Samples a second of what is heard, or told; 8,000 before either."""
        codec = self._wire.codec
        return 8000 if codec is None else codec.rate

    @property
    def is_told(self) -> bool:
        """Whether it is known what is heard on it, or will be."""
        return self._wire.codec is not None

    @property
    def is_taken(self) -> bool:
        """Whether somebody is connected, and was heard of late: a peer that vanished may come again."""
        self.poll()  # it may be over, and nobody has looked yet
        of_late = trio.current_time() - max(self._last_heard, self._connected_at) <= IDLE_SECONDS
        return self._line is not None and of_late

    @property
    def gone_since(self) -> float | None:
        """Since when nobody is connected; None while somebody is."""
        return self._gone_since if self._line is None else None

    @property
    def last_heard(self) -> float:
        """When it was heard last; before that, since when it listens."""
        return self._last_heard

    @property
    def received(self) -> Received:
        """What has come since it listens, on all its connections, up to the last `poll`: audio messages."""
        return self._wire.received

    def connect(self, line: TcpLine, opened: O) -> None:
        """Take a line that has named this leg, and what its listener knows of it. Raises TakenError.

        The line is over when the leg has no more use for it.
        """
        if self.is_taken and self._line is not None:
            raise TakenError(f"its leg is connected already, to {self._line.peer}")
        if not self._open:
            raise TakenError("its call is over")
        self._lose(trio.current_time(), "another has come in its place")
        self._line = line
        self._wire.begin(opened)
        self._connections += 1
        self._said = self._connected_at = trio.current_time()
        self._tracks.expect(self._said)
        self._log.info("leg connected", connection=line.peer, number=self._connections)
        self._put_through.set()
        self._receive(b"", trio.current_time())  # which may have been the last of it
        self.connected.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen until cancelled; then take in what has arrived, leave the recording, and close."""
        try:
            task_status.started()
            while True:
                await self._something()
                self.poll()
                self._keep_alive(trio.current_time())
        finally:
            self.close()

    async def _something(self) -> None:
        """Wait until it is this task's turn to look: a leg that is recorded is polled by its recording."""
        if self._tracks:
            await self._tracks.released()
        elif self._line is None:
            await self._put_through.wait()
        elif self._wire.waiting or trio.current_time() - self._last_heard <= IDLE_SECONDS:
            await self._cadence.beat()
        else:
            with trio.move_on_after(KEEP_SECONDS):
                await self._line.readable()
            self.poll()  # at once: what was said first is the anchor for all that follows
            self._keep_alive(trio.current_time())
            await self._cadence.beat()

    def attach(self, timeline: Timeline) -> None:
        """Place all audio there from now on, also that of the last moments; the recording polls each beat."""
        self._tracks.attach(timeline, rate=self.rate, drained=self._drained)
        if self._line is not None and not self.heard.is_set():
            self._tracks.expect(trio.current_time())

    def detach(self, timeline: Timeline) -> None:
        """Place nothing there any more. Does nothing where it is not attached."""
        self._tracks.detach(timeline)

    def close(self) -> None:
        """Take in what has arrived, leave all recordings, take no connection. Twice does no harm."""
        self.poll()
        self._lose(trio.current_time(), "its call is over")
        self.poll()
        self._tracks.detach_all()
        if self._open:
            self._open = False
            self._closed()

    def poll(self) -> None:
        """Take in all that has arrived up to now. A leg without a connection has nothing more."""
        now = trio.current_time()
        whole = self._drain(now)
        self._wire.look(now, whole=whole)
        heard = self._wire.heard()
        if heard:
            self._last_heard = now
        if heard and not self.heard.is_set():
            self._log.info("leg heard", rate=self.rate)
            self.heard.set()
        if whole and not self._wire.waiting:
            self._drained = now
        self._keys.note(self._wire.pressed(), slack=now - self._looked + KEY_SLACK_SECONDS)
        self._looked = now
        self._tracks.take(heard, now=now, drained=self._drained)

    def _drain(self, now: float) -> bool:
        """Read the connection until it is empty. False: there was more than one look may take."""
        line, seen, taken = self._line, self._wire.seen, 0
        while line is not None and line is self._line:
            if taken >= DRAIN_BYTES or self._wire.seen - seen >= DRAIN_FRAMES:
                return False
            data = line.read()
            if data is None:
                if not taken and line.vanished:
                    self._lose(now, "the far end does not answer any more")
                return True
            taken += len(data)
            if data:
                self._receive(data, now)
            else:
                self._lose(now, "the far end closed the connection")
        return True

    def _receive(self, data: bytes, now: float) -> None:
        unknown, seen = self._wire.unknown, self._wire.seen
        try:
            self._wire.receive(data, now)
        except WireError as wrong:
            self._warn("malformed message", error=str(wrong))
            self._lose(now, "nothing more can be understood")
            return
        if self._wire.unknown and not unknown:
            self._warn("messages of an unknown kind")
        if self._wire.hung_up:
            self._lose(now, "the far end hung up")
        elif not self._budget.spend(self._wire.seen - seen, now):
            self._warn("too many frames")
            self._lose(now, "more frames than anybody speaks in")
        elif self._line is not None:
            self._line.send(self._wire.outgoing())

    def _lose(self, now: float, why: str) -> None:
        """The connection is over, if there is one: the next may come."""
        if self._line is None:
            return
        self._log.info("leg lost", connection=self._line.peer, reason=why)
        if self._wire.held:
            self._warn(
                "audio lost", bytes=self._wire.held, error="neither a sampleRate nor a rate in the URL"
            )
        self._wire.finish(now)
        self._line.send(self._wire.outgoing() if self._wire.hung_up else self._wire.goodbye())
        self._line.finish()
        self._gone_since = now
        self._line, self._put_through = None, trio.Event()

    def _warn(self, event: str, **fields: object) -> None:
        self._log.warning(event, peer=None if self._line is None else self._line.peer, **fields)

    def _keep_alive(self, now: float) -> None:
        if now - self._said >= KEEP_SECONDS:
            self.send_silence(now)

    def send_silence(self, now: float) -> None:
        """One frame of 20 ms of silence at the far end's own rate, where it is connected and reads."""
        if self._line is None or not self._silence:
            return
        self._said = now
        if self._line.send(self._wire.silence(SILENCE_SECONDS)):
            self._silence_frames += 1

    def view(self) -> dict[str, Any]:
        """How the leg stands, for whoever asks for its session."""
        codec = self._wire.codec
        return {
            "leg": SIDE_NAMES[self.side],
            "kind": self._wire.kind,
            "state": "active" if self.heard.is_set() else "waiting",
            "connected": self._line is not None,
            "connections": self._connections,
            "codec": None if codec is None else codec.name,
            "rate": self.rate,
            **self._wire.view(),
            "dtmf": self._keys.view(),
            "silence_frames": self._silence_frames,
            "quality": quality(self, trio.current_time()),
        }
