"""A recording while it runs: what has come, what of it is in the file, and whose it is."""

import math
from collections.abc import Sequence
from typing import Literal

import trio

from storage.recordings import Recording
from wavstream.files import RecordingFile, remaining
from wavstream.protocol import Reason
from wavstream.wav import WavFormat

PENDING_SECONDS = 30.0
"""Audio that may wait in memory for the disk: enough for the longest stall of a disk that is alive.

Above it the socket is read no further, and the sender has to keep what it has.
"""


class LiveRecording:
    """Its audio passes through here: `append` by the connection, `kept` by whoever wrote the file.

    Belongs to the event loop; a thread touches nothing of it but `file`, and that one at a time.
    """

    def __init__(self, row: Recording, file: RecordingFile, *, resumable: bool) -> None:
        self.row = row
        self.file = file
        self.resumable = resumable
        """Whether its client may go and come back."""
        self.audio = wav_format(row)
        self.written = self.received = file.data_bytes
        """Bytes of audio that are in the file, and that have come."""
        self.state: Literal["running", "finishing", "ended"] = "running"
        self.reason: Reason = "interrupted"
        self.stopped_at = 0.0
        self.notes: list[str] = []
        self.gaps = 0
        """How often its client went away and was waited for."""
        self.failing = False
        """Whether the last attempt to write the file failed."""
        self.owner: trio.CancelScope | None = None
        """The connection that feeds it, by the scope it runs in."""
        self.owned = trio.Event()
        """Set when it gets an owner; another one takes its place when it loses it."""
        self.registered = trio.Event()
        """Set when the catalogue knows it."""
        self.ended = trio.Event()
        self._pending: list[bytes] = []
        self._most_pending = math.ceil(PENDING_SECONDS * self.audio.byte_rate)
        self._progress = trio.lowlevel.ParkingLot()

    @property
    def recording_id(self) -> str:
        """Its id."""
        return self.row.recording_id

    @property
    def pending(self) -> Sequence[bytes]:
        """Audio that waits to be written."""
        return self._pending

    def append(self, data: bytes) -> None:
        """Take in audio, while it runs."""
        self._pending.append(data)
        self.received += len(data)

    def kept(self) -> None:
        """Note what is in the file by now, and wake those who wait for it."""
        grown = self.file.data_bytes - self.written
        if grown <= 0:
            return
        self._pending = remaining(self._pending, grown)
        self.written += grown
        self._progress.unpark_all()

    def ends(self) -> None:
        """It has ended, well or not: nobody waits any longer."""
        self.state = "ended"
        self.ended.set()
        self._progress.unpark_all()

    async def beyond(self, offset: int) -> None:
        """Wait until more than `offset` bytes are in the file, or there will be no more."""
        while self.written <= offset and self.state != "ended":
            await self._progress.park()

    async def room(self) -> None:
        """Wait until there is room for more audio in memory."""
        while self.received - self.written > self._most_pending:
            await self.beyond(self.written)

    async def settled(self) -> None:
        """Wait until all that has come is in the file."""
        while self.written < self.received:
            await self.beyond(self.written)

    def take(self, owner: trio.CancelScope) -> None:
        """Another connection feeds it from now on; the one that did so far is cancelled."""
        previous, self.owner = self.owner, owner
        if previous is not None:
            previous.cancel()
        self.owned.set()

    def leave(self, owner: trio.CancelScope) -> bool:
        """A connection is gone. False where the recording was not, or not any more, its own."""
        if self.owner is not owner:
            return False
        self.owner = None
        self.owned = trio.Event()
        return True


def wav_format(row: Recording) -> WavFormat:
    """The audio's format of a row."""
    return WavFormat(row.encoding, row.sample_rate, row.channels)  # type: ignore[arg-type]
