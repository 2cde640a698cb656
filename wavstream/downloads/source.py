"""What a download sends: an open file, or a part of it between a head and a tail that are not in the file."""

import os
from collections.abc import Callable
from typing import Self


class SourceError(Exception):
    """The file is shorter than was said; what was sent so far cannot be taken back."""


class Source:
    """`head`, then `length` bytes of the file from byte `first` on, then `tail`. Its methods block.

    Owns the descriptor. A response whose client leaves before the first byte is never entered, and so never
    left: hence the closing on collection.
    """

    def __init__(
        self, file: int | None, *, first: int = 0, length: int = 0, head: bytes = b"", tail: bytes = b""
    ) -> None:
        self._file = file
        self._first = first
        self._length = length
        self._head = head
        self._tail = tail
        self.size = len(head) + length + len(tail)
        """Bytes in all."""

    @classmethod
    def whole(cls, opened: Callable[[], int]) -> Self:
        """All of a file. Raises OSError."""
        file = opened()
        return cls(file, length=os.fstat(file).st_size)

    def read(self, start: int, count: int) -> bytes:
        """Some bytes from `start` on, at least one and at most `count`. Raises SourceError, OSError."""
        if start < len(self._head):
            return self._head[start : start + count]
        start -= len(self._head)
        if start >= self._length:
            return self._tail[start - self._length :][:count]
        if self._file is None:
            raise SourceError("the file is closed")
        data = os.pread(self._file, min(count, self._length - start), self._first + start)
        if not data:
            raise SourceError("the file has become shorter")
        return data

    def close(self) -> None:
        """Let go of the file."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def __del__(self) -> None:
        """See the class."""
        self.close()
