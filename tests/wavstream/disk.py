"""A disk that can be made to fail, for one file or for all."""

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest


class Disk:
    """Stands before the calls that write; everything else goes to the real disk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full: Callable[[Path], bool] = lambda _path: False
        """Which files have no room."""
        self.room = 0
        """Bytes that such a file still takes, in one write."""
        self.refused = 0
        self._pwritev, self._pwrite, self._fdatasync = os.pwritev, os.pwrite, os.fdatasync
        monkeypatch.setattr(os, "pwritev", self.pwritev)
        monkeypatch.setattr(os, "pwrite", self.pwrite)
        monkeypatch.setattr(os, "fdatasync", self.fdatasync)

    def pwritev(self, file: int, chunks: Sequence[bytes], offset: int) -> int:
        if self.full(_path(file)):
            return self._no_room(file, b"".join(chunks), offset)
        return self._pwritev(file, chunks, offset)

    def pwrite(self, file: int, data: bytes, offset: int) -> int:
        if self.full(_path(file)):
            return self._no_room(file, data, offset)
        return self._pwrite(file, data, offset)

    def fdatasync(self, file: int) -> None:
        if self.full(_path(file)):
            self.refused += 1
            raise OSError(errno.EIO, "Input/output error")
        self._fdatasync(file)

    def _no_room(self, file: int, data: bytes, offset: int) -> int:
        """What the kernel does: it takes what fits, and only then refuses."""
        taken, self.room = data[: self.room], max(0, self.room - len(data))
        if taken:
            return self._pwrite(file, taken, offset)
        self.refused += 1
        raise OSError(errno.ENOSPC, "No space left on device")


def _path(file: int) -> Path:
    return Path(f"/proc/self/fd/{file}").readlink()
