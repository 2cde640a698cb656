"""One program of a kind in one data directory: two would write the same files, or end each other's calls."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class DataDirError(OSError):
    """Another program of the same kind works in the data directory."""


@contextmanager
def alone(data_dir: Path, program: str) -> Iterator[None]:
    """Be the only `program` in `data_dir` while the block runs; the lock dies with the process.

    Raises DataDirError, and OSError where the folder cannot be written.
    """
    file = os.open(data_dir / f"{program}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataDirError(f"{data_dir}: another wavstream {program} works there") from None
        yield
    finally:
        os.close(file)
