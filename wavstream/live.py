"""A recording while it runs: what has come, what of it is in the file, and whose it is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import trio

from storage.recordings import Recording
from wavstream.files import RecordingFile, divided
from wavstream.label import wav_format
from wavstream.protocol import Reason
from wavstream.wav import Header

PENDING_SECONDS = 30.0
"""Audio that may wait in memory for the disk: enough for the longest stall of a disk that is alive.

Above it the socket is read no further, and the sender has to keep what it has.
"""
UNSYNCED_SECONDS = 120.0
"""Audio that may be kept in memory until a sync confirms it: twice the longest period that can be set.

Above it likewise. At half of it a sync is asked for, so that a client which sends an outage's audio all at
once does not wait for the period.
"""


@dataclass(frozen=True, slots=True)
class SyncMark:
    """Where a recording stood when a sync began: bytes in the file, and syncs that had failed."""

    offset: int
    failed_syncs: int


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
        self.written = self.received = self.synced = file.data_bytes
        """Bytes of audio that are in the file, that have come, and that a sync has confirmed."""
        self.heard_at: float | None = None
        """When the first audio came that no `ack` has said yet; on Trio's clock."""
        self.kept_at = 0.0
        """When the last audio was written."""
        self.state: Literal["running", "finishing", "ended"] = "running"
        self.reason: Reason = "interrupted"
        self.stopped_at = 0.0
        self.notes: list[str] = []
        self.gaps = 0
        """How often its client went away and was waited for."""
        self.failing = False
        """Whether the last attempt to write the file failed."""
        self.failed_syncs = 0
        self.doubtful = False
        """Whether a sync has failed, and `unsynced` is to be written again."""
        self.owner: trio.CancelScope | None = None
        """The connection that feeds it, by the scope it runs in."""
        self.owned = trio.Event()
        """Set when it gets an owner; another one takes its place when it loses it."""
        self.registered = trio.Event()
        """Set when the catalogue knows it."""
        self.ended = trio.Event()
        self._pending: list[bytes] = []
        self._unsynced: list[bytes] = []
        self._most_pending = math.ceil(PENDING_SECONDS * self.audio.byte_rate)
        self._most_unsynced = math.ceil(UNSYNCED_SECONDS * self.audio.byte_rate)
        self._progress = trio.lowlevel.ParkingLot()

    @property
    def recording_id(self) -> str:
        """Its id."""
        return self.row.recording_id

    @property
    def header(self) -> Header:
        """Its file's header: what is downloaded while it runs begins with the same, but for the lengths."""
        return self.file.header

    @property
    def pending(self) -> Sequence[bytes]:
        """Audio that waits to be written."""
        return self._pending

    @property
    def unsynced(self) -> Sequence[bytes]:
        """Audio in the file, from offset `synced` on, that no sync has confirmed."""
        return self._unsynced

    @property
    def wants_sync(self) -> bool:
        """Whether so much is unsynced that the next sync should not wait."""
        return self.written - self.synced > self._most_unsynced / 2

    def is_registered(self) -> None:
        """The catalogue knows it."""
        self.registered.set()
        self.file.is_known()

    def append(self, data: bytes) -> None:
        """Take in audio, while it runs."""
        if self.heard_at is None:
            self.heard_at = trio.current_time()
        self._pending.append(data)
        self.received += len(data)

    def kept(self) -> None:
        """Note what is in the file by now, and wake those who wait for it."""
        grown = self.file.data_bytes - self.written
        if grown <= 0:
            return
        taken, self._pending = divided(self._pending, grown)
        self._unsynced += taken
        self.written += grown
        self.kept_at = trio.current_time()
        self._progress.unpark_all()

    def mark(self) -> SyncMark | None:
        """What a sync that begins now will confirm; None: nothing, or it is first to be written again."""
        if self.doubtful or self.written == self.synced:
            return None
        return SyncMark(self.written, self.failed_syncs)

    def is_synced(self, mark: SyncMark) -> None:
        """A sync that began at `mark` has succeeded. Where another has failed meanwhile, it says nothing."""
        if mark.failed_syncs != self.failed_syncs or mark.offset <= self.synced:
            return
        _, self._unsynced = divided(self._unsynced, mark.offset - self.synced)
        self.synced = mark.offset
        self._progress.unpark_all()

    def sync_failed(self) -> None:
        """What of `unsynced` is on the disk nobody knows: it is to be written again."""
        self.doubtful = True
        self.failed_syncs += 1

    def written_again(self, failed_syncs: int) -> None:
        """All of `unsynced` has been, after so many syncs had failed."""
        self.doubtful = self.failed_syncs > failed_syncs

    def acknowledged(self, offset: int) -> float:
        """An `ack` said `offset`. Returns how many seconds ago the first audio came that it is about.

        What has come since the last write is taken to have come with it, which is a beat too early at most.
        """
        now = trio.current_time()
        lag = now - (now if self.heard_at is None else self.heard_at)
        self.heard_at = None if self.received == offset else self.kept_at
        return lag

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
        """Wait until there is room for more audio in memory, or the recording has ended."""
        while self._is_crowded() and self.state != "ended":
            await self._progress.park()

    def _is_crowded(self) -> bool:
        return (
            self.received - self.written > self._most_pending
            or self.written - self.synced > self._most_unsynced
        )

    async def settled(self) -> None:
        """Wait until all that has come is in the file, or the recording has ended."""
        while self.written < self.received and self.state != "ended":
            await self._progress.park()

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
