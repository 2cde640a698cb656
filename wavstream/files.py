"""One recording's file, as the threads that write see it. All of it blocks; one thread at a time."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass

from storage.objects import ObjectStore
from wavstream import wav
from wavstream.wav import WavFormat

HEADER_SECONDS = 1.0
"""The header of a growing file is at most this far behind: a copy taken then lacks no more than that."""

_MOST_CHUNKS = 1024  # IOV_MAX on Linux
_HASH_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Finished:
    """A whole file: `size` (bytes) and `sha256` are of all of it, as downloaded; `duration` in seconds."""

    size: int
    sha256: str
    duration: float


class RecordingFile:
    """A WAV file that grows, made at its first audio. Its offsets are its own: nobody else moves the file's.

    Every method may raise OSError, and can then be called again: `data_bytes` says what the file holds.
    """

    def __init__(self, store: ObjectStore, key: str, audio: WavFormat, *, exists: bool = False) -> None:
        self._store = store
        self._key = key
        self._audio = audio
        self._exists = exists
        self._file: int | None = None
        self._stated = -1  # the length that its header says; -1: it has none
        self._stated_at = 0.0
        self.data_bytes = 0
        """Bytes of audio in the file."""

    @property
    def is_empty(self) -> bool:
        """Whether there is not one whole frame of audio in it."""
        return self._audio.whole(self.data_bytes) == 0

    def append(self, chunks: Sequence[bytes]) -> None:
        """Write audio behind what is there; `data_bytes` grows by what was written, be that all or not."""
        file = self._opened()
        for first in range(0, len(chunks), _MOST_CHUNKS):
            self._write(file, list(chunks[first : first + _MOST_CHUNKS]))

    def write_again(self, offset: int, chunks: Sequence[bytes]) -> None:
        """Write once more what is in the file from `offset` on: a sync has failed, and may have lost it."""
        file = self._opened()
        for chunk in chunks:
            at = self._audio.header_bytes + offset
            _write_all(file, chunk, at)
            offset += len(chunk)
        self._stated = -1  # the header may be lost likewise

    def header_is_due(self, now: float) -> bool:
        """Whether the header has been behind for its time; `now` on any monotonic clock."""
        behind = self._stated != wav.running(self._audio, self.data_bytes)
        return behind and self._file is not None and now >= self._stated_at + HEADER_SECONDS

    def refresh_header(self, now: float) -> None:
        """Let the header say what is in the file by now."""
        stated = wav.running(self._audio, self.data_bytes)
        self._write_header(stated)
        self._stated, self._stated_at = stated, now

    def recover(self) -> None:
        """Learn the length of a file that an earlier run left, and make its header true."""
        file = self._opened()
        size = os.fstat(file).st_size
        repair = wav.repair(self._audio, size, os.pread(file, self._audio.header_bytes, 0))
        self.data_bytes = repair.data_bytes
        self._store_all(file, repair.header)
        self.close()

    def sync(self) -> None:
        """All that was written, with a true header, safe from power loss."""
        file = self._opened()
        self._write_header(wav.running(self._audio, self.data_bytes))
        os.fdatasync(file)
        self._store.settle(self._key)

    def finish(self) -> Finished:
        """Make the file whole, and sync it. It ends with a whole frame, and a pad byte if RIFF wants one."""
        file = self._opened()
        self.data_bytes = self._audio.whole(self.data_bytes)
        os.ftruncate(file, self._audio.file_bytes(self.data_bytes))
        self._store_all(file, wav.header(self._audio, self.data_bytes))
        os.fdatasync(file)
        self._store.settle(self._key)
        size, digest = os.fstat(file).st_size, _sha256(file)
        self.close()
        return Finished(size, digest, self._audio.duration(self.data_bytes))

    def remove(self) -> None:
        """Take an empty file away again, if there is one."""
        self.close()
        self._store.delete(self._key)

    def close(self) -> None:
        """Let go of the descriptor; the next use opens the file again."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def _opened(self) -> int:
        if self._file is None:
            self._file = self._store.reopen(self._key) if self._exists else self._store.create(self._key)
            self._exists = True
        return self._file

    def _write(self, file: int, chunks: list[bytes]) -> None:
        while chunks:
            written = os.pwritev(file, chunks, self._audio.header_bytes + self.data_bytes)
            self.data_bytes += written
            chunks = remaining(chunks, written)

    def _write_header(self, stated: int) -> None:
        self._store_all(self._opened(), wav.header(self._audio, stated))

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


def _sha256(file: int) -> str:
    os.lseek(file, 0, os.SEEK_SET)
    with open(file, "rb", buffering=0, closefd=False) as whole:
        return hashlib.file_digest(whole, "sha256").hexdigest()
