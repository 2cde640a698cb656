"""One recording's file, as the threads that write see it. All of it blocks; one thread at a time."""

import errno
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from storage.objects import ObjectStore
from wavstream import wav
from wavstream.journal import Entry
from wavstream.label import Label
from wavstream.wav import Header, WavFormat

HEADER_SECONDS = 1.0
"""The header of a growing file is at most this far behind: a copy taken then lacks no more than that."""

_MOST_CHUNKS = 1024  # IOV_MAX on Linux
_HASH_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Finished:
    """A whole file: `size` (bytes) and `sha256` are of all of it, as downloaded; `duration` in seconds.

    `audio_sha256` is of the audio alone, the body of its data chunk.
    """

    size: int
    sha256: str
    audio_sha256: str
    duration: float


class RecordingFile:
    """A WAV file that grows, made at its first audio. Its offsets are its own: nobody else moves the file's.

    `label` is what it and the file beside it say; without one there is no file beside it. `entry` is
    its place in the journal; None: the catalogue knows it. Every method may raise OSError, and can then be
    called again: `data_bytes` says what the file holds.
    """

    def __init__(
        self,
        store: ObjectStore,
        key: str,
        audio: WavFormat,
        *,
        label: Label | None = None,
        entry: Entry | None = None,
        exists: bool = False,
    ) -> None:
        self._store = store
        self._key = key
        self._audio = audio
        self._exists = exists
        self._label = label or Label(Header(audio))
        self._entry = entry
        self._shown: Label | None = None  # what the file beside it says by now
        # Of the audio so far. It cannot go on from what another run wrote: then the end makes it, as it makes
        # that of the whole file, which begins with a header that is not known sooner.
        self._running = None if exists else hashlib.sha256()
        self._file: int | None = None
        self._stated: tuple[Header, int] | None = None  # the header that it has, and the length there
        self._stated_at = 0.0
        self.data_bytes = 0
        """Bytes of audio in the file."""

    @property
    def header(self) -> Header:
        """Its header: the audio begins behind it."""
        return self._label.header

    @property
    def is_empty(self) -> bool:
        """Whether there is not one whole frame of audio in it."""
        return self._audio.whole(self.data_bytes) == 0

    def tell(self, label: Label) -> None:
        """Say this from the next header on. May be called while a thread has the file."""
        self._label = replace(label, header=label.header.ending_at(self.header.size))

    def is_known(self) -> None:
        """The catalogue has its row. May be called while a thread has the file."""
        if self._entry is not None:
            self._entry.is_known()

    def leave_journal(self) -> None:
        """Let its entry go, where there is one that has no use any more."""
        if self._entry is not None and self._entry.is_over:
            self._entry.remove()

    def append(self, chunks: Sequence[bytes]) -> None:
        """Write audio behind what is there; `data_bytes` grows by what was written, be that all or not."""
        file = self._opened()
        for first in range(0, len(chunks), _MOST_CHUNKS):
            self._write(file, list(chunks[first : first + _MOST_CHUNKS]))

    def write_again(self, offset: int, chunks: Sequence[bytes]) -> None:
        """Write once more what is in the file from `offset` on: a sync has failed, and may have lost it."""
        file = self._opened()
        for chunk in chunks:
            _write_all(file, chunk, self.header.size + offset)
            offset += len(chunk)
        self._stated = self._shown = None  # header and label may be lost likewise

    def header_is_due(self, now: float) -> bool:
        """Whether header, label or journal have been behind for their time; `now` on any monotonic clock."""
        over = self._entry is not None and self._entry.is_over
        behind = over or self._stated != self._present() or self._shown is not self._label
        return behind and self._file is not None and now >= self._stated_at + HEADER_SECONDS

    def refresh_header(self, now: float) -> None:
        """Let the header say what is in the file by now, and the file beside it what is known."""
        self._stated_at = now
        self._write_header()
        self._write_beside()

    def recover(self) -> float:
        """Learn the length of a file that an earlier run left, and make its header true.

        Returns when it was last written, in seconds since the epoch. Its time stays what that was: the next
        start may ask again.
        """
        file = self._opened()
        size, written_at = (found := os.fstat(file)).st_size, found.st_mtime
        repair = wav.repair(self.header, size, os.pread(file, wav.MOST_HEADER_BYTES, 0))
        self._label = replace(self._label, header=repair.header)
        self.data_bytes = repair.data_bytes
        self._write_header_in_silence()
        self.close()
        return written_at

    def sync(self) -> None:
        """All that was written, with a true header, safe from power loss."""
        file = self._opened()
        self._write_header_in_silence()
        os.fdatasync(file)
        self._store.settle(self._key)
        self._write_beside()

    def finish(self) -> Finished:
        """Make the file whole, and sync it. It ends with a whole frame, and a pad byte if RIFF wants one."""
        file = self._opened()
        self._cut(file, self._audio.whole(self.data_bytes))
        self._store_all(file, self.header.over(self.data_bytes))
        os.fdatasync(file)
        self._store.settle(self._key)
        finished = self._digested(file)
        self.close()
        return finished

    def conclude(self, label: Label) -> None:
        """Say for the last time what is known, in the file beside it, safe from power loss."""
        if label.beside is not None:
            self._store.replace(label.beside, label.content, durable=True)

    def remove(self) -> None:
        """Take an empty file away again, if there is one, and what is beside it."""
        self.close()
        if self._label.beside is not None:
            self._store.delete(self._label.beside)
        self._store.delete(self._key)

    def close(self) -> None:
        """Let go of the descriptor; the next use opens the file again."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def _opened(self) -> int:
        if self._file is None:
            self._file = self._store.reopen(self._key) if self._exists else self._create()
            self._exists = True
        return self._file

    def _create(self) -> int:
        if self._entry is not None:
            self._entry.make(self._label.content)
        return self._store.create(self._key)

    def _write(self, file: int, chunks: list[bytes]) -> None:
        while chunks:
            written = os.pwritev(file, chunks, self.header.size + self.data_bytes)
            self.data_bytes += written
            left = remaining(chunks, written)
            self._take_into_hash(chunks, left)
            chunks = left

    def _present(self) -> tuple[Header, int]:
        return self.header, wav.running(self._audio, self.data_bytes)

    def _write_header(self) -> None:
        header, data_bytes = present = self._present()
        self._store_all(self._opened(), header.over(data_bytes))
        self._stated = present

    def _write_header_in_silence(self) -> None:
        """Without a trace in the file's time, which says when the last audio came."""
        found = os.fstat(file := self._opened())
        self._write_header()
        os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))

    def _write_beside(self) -> None:
        label = self._label
        if label is not self._shown and label.beside is not None:
            self._store.replace(label.beside, label.content, durable=False)
        self._shown = label
        self.leave_journal()

    def _take_into_hash(self, chunks: list[bytes], left: list[bytes]) -> None:
        """All of `chunks` that is not in `left`. A third of a microsecond for 20 ms of a call."""
        if self._running is None:
            return
        for chunk in chunks[: len(chunks) - len(left)]:
            self._running.update(chunk)
        if left and len(left[0]) < len(chunk := chunks[-len(left)]):
            self._running.update(chunk[: len(chunk) - len(left[0])])

    def _cut(self, file: int, data_bytes: int) -> None:
        """Let the file end with so much audio, and its pad byte. What is cut off was in the running hash."""
        if data_bytes != self.data_bytes:
            self._running = None
        self.data_bytes = data_bytes
        os.ftruncate(file, self.header.file_bytes(data_bytes))

    def _digested(self, file: int) -> Finished:
        """One reading of the file, most of it from the page cache, for both hashes if need be."""
        whole, audio = hashlib.sha256(os.pread(file, self.header.size, 0)), self._running or hashlib.sha256()
        for piece in _pieces(file, self.header.size, self.data_bytes):
            whole.update(piece)
            if self._running is None:
                audio.update(piece)
        whole.update(bytes(self.data_bytes % 2))
        return Finished(
            size=self.header.file_bytes(self.data_bytes),
            sha256=whole.hexdigest(),
            audio_sha256=audio.hexdigest(),
            duration=self._audio.duration(self.data_bytes),
        )

    @staticmethod
    def _store_all(file: int, header: bytes) -> None:
        _write_all(file, header, 0)


def _write_all(file: int, data: bytes, offset: int) -> None:
    written = os.pwrite(file, data, offset)
    if written != len(data):  # a full disk took a part of it: the next attempt says so itself
        os.pwrite(file, data[written:], offset + written)


def divided(chunks: Sequence[bytes], taken: int) -> tuple[list[bytes], list[bytes]]:
    """The first `taken` bytes of `chunks`, and what is left of them."""
    rest = remaining(chunks, taken)
    whole = len(chunks) - len(rest)
    if rest and len(rest[0]) < len(chunks[whole]):
        return [*chunks[:whole], chunks[whole][: -len(rest[0])]], rest
    return list(chunks[:whole]), rest


def remaining(chunks: Sequence[bytes], taken: int) -> list[bytes]:
    """What is left of `chunks` behind the first `taken` bytes."""
    for number, chunk in enumerate(chunks):
        if taken < len(chunk):
            return [chunk[taken:], *chunks[number + 1 :]]
        taken -= len(chunk)
    return []


def _pieces(file: int, first: int, count: int) -> Iterator[bytes]:
    """`count` bytes of a file from `first` on. Raises OSError where it has not got them."""
    while count:
        piece = os.pread(file, min(_HASH_BYTES, count), first)
        if not piece:
            raise OSError(errno.EIO, "the file has become shorter")
        yield piece
        first, count = first + len(piece), count - len(piece)
