"""The journal: recordings whose files are on the disk before the catalogue knows of them.

A file is made a beat after its first audio, its row whenever the catalogue takes it. A kill in between would
leave a file that nobody ever finds. So where the row is not there yet, an entry is made here before the file:
it has the token for its name, and says what the side file will. It goes when the row is there; what the next
start finds here it puts into the catalogue, without a look at all the other files.

Most recordings have their row first and cost nothing here; the others cost four system calls.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from wavstream import sidefile
from wavstream.process import logs

FOLDER = "open"
"""Its folder, inside the data directory."""

_TOKEN = re.compile(r"[0-9a-f]{32}")

log = logs.get(__name__)


class Entry:
    """One recording's place in the journal. Blocks, but for `is_known`; one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = False
        self._made = False

    @property
    def is_over(self) -> bool:
        """Whether it is there and has no use any more."""
        return self._made and self._known

    def is_known(self) -> None:
        """The catalogue has the row. May be said while a thread makes the entry: then it is over at once."""
        self._known = True

    def make(self, content: bytes) -> None:
        """Be there before the recording's file is, unless the row is. Whole after a kill: it is one write.

        What cannot be made is logged: a recording without an entry is worth more than none.
        """
        if self._known or self._made:
            return
        try:
            _write(self._path, content)
        except OSError as wrong:
            log.warning("cannot write the journal", path=str(self._path), error=str(wrong))
        self._made = True

    def remove(self) -> None:
        """Be gone. One that stays all the same harms nothing: its row is there when the next start looks."""
        self._made = False
        with suppress(OSError):
            self._path.unlink()


class Journal:
    """The entries in `folder`, which is made where it is missing. Blocks. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)

    def entry(self, token: str) -> Entry:
        """The place of a recording that begins; nothing is there yet."""
        return Entry(self._folder / token)

    def tokens(self) -> Iterator[str]:
        """Of the entries that an earlier run left, in no order."""
        return (each.name for each in self._folder.iterdir() if _TOKEN.fullmatch(each.name))

    def read(self, token: str) -> bytes:
        """What an entry says; no more of it than a side file can have."""
        with (self._folder / token).open("rb") as file:
            return file.read(sidefile.MOST_BYTES)

    def remove(self, token: str) -> None:
        """Forget an entry."""
        (self._folder / token).unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, content)
    finally:
        os.close(file)
