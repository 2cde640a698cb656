"""The objects: the recordings' files under server-made keys `ab/cd/name`, two folder levels deep."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

_KEY = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
_FOLDER = re.compile(r"[0-9a-f]{2}")

_FOLDER_MODE = 0o750
_FILE_MODE = 0o640
_PRIVATE_MODE = 0o600
_CREATE_TRIES = 10
"""A `delete` may take an empty folder away before its file is made; once is rare, ten times a fault."""


class ObjectStore(Protocol):
    """What holds the recordings' bytes.

    A key is `[0-9a-f]{2}/[0-9a-f]{2}/NAME`, NAME 1 to 200 of `[A-Za-z0-9._-]`, the first not a dot. Every
    method raises ValueError for any other key, FileNotFoundError for an object that is not there, OSError for
    what the disk says. Descriptors are the caller's to close; child processes do not get them. All of it
    blocks: call it in a thread.
    """

    def create(self, key: str) -> int:
        """A new, empty object, open for reading and writing. Raises FileExistsError."""
        ...

    def reopen(self, key: str) -> int:
        """An object open for reading and writing."""
        ...

    def open(self, key: str) -> int:
        """An object open for reading."""
        ...

    def replace(self, key: str, content: bytes, *, durable: bool) -> None:
        """Make this the whole content of an object, new or not, in one step: nobody finds a part of it.

        Nobody but this program's user may read it. `durable`: power loss cannot undo it. One thread a key.
        """
        ...

    def size(self, key: str) -> int:
        """Its present length in bytes."""
        ...

    def delete(self, key: str) -> bool:
        """Remove it, power loss or not. False where there was none. Open descriptors stay usable."""
        ...

    def settle(self, key: str) -> None:
        """Make its name survive power loss. Its bytes are the writer's to sync."""
        ...

    def keys(self) -> Iterator[str]:
        """The keys of all objects, in no order; those made or deleted meanwhile may be among them or not."""
        ...

    def path(self, key: str) -> Path:
        """Where the file of that key lies, or would lie."""
        ...


class DirectoryStore:
    """An ObjectStore in a directory of its own, which is made where it is missing."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        for folder in (*reversed(self._root.parents), self._root):
            if not folder.is_dir():
                folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)
                _sync(folder.parent)

    def create(self, key: str) -> int:
        """See ObjectStore."""
        return self._create_in_spite_of_deletes(self.path(key), os.O_EXCL, _FILE_MODE)

    def reopen(self, key: str) -> int:
        """See ObjectStore."""
        return os.open(self.path(key), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)

    def open(self, key: str) -> int:
        """See ObjectStore."""
        return os.open(self.path(key), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)

    def replace(self, key: str, content: bytes, *, durable: bool) -> None:
        """See ObjectStore. Its first name begins with a dot, as no key does."""
        path = self.path(key)
        part = _part(path)
        descriptor = self._create_in_spite_of_deletes(part, os.O_TRUNC, _PRIVATE_MODE)
        try:
            _write_all(descriptor, content)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        part.rename(path)
        if durable:
            self.settle(key)

    def size(self, key: str) -> int:
        """See ObjectStore."""
        return self.path(key).lstat().st_size

    def delete(self, key: str) -> bool:
        """See ObjectStore; folders that it leaves empty go too, but never the root."""
        path = self.path(key)
        _part(path).unlink(missing_ok=True)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        self._remove_empty(path.parent)
        return True

    def settle(self, key: str) -> None:
        """See ObjectStore; the folders may be as new as the file, so each of them is synced."""
        path = self.path(key)
        path.lstat()
        for folder in (path.parent, path.parent.parent, self._root):
            _sync(folder)

    def keys(self) -> Iterator[str]:
        """See ObjectStore; files that are not the store's are passed over."""
        for first in _folders(self._root):
            for second in _folders(first):
                for name in _names(second):
                    key = f"{first.name}/{second.name}/{name}"
                    if _KEY.fullmatch(key):
                        yield key

    def path(self, key: str) -> Path:
        """See ObjectStore."""
        if not _KEY.fullmatch(key):
            raise ValueError(f"not an object's key: {key!r}")
        return self._root / key

    def _create_in_spite_of_deletes(self, path: Path, flags: int, mode: int) -> int:
        for _ in range(_CREATE_TRIES - 1):
            with suppress(FileNotFoundError):
                return self._create(path, flags, mode)
        return self._create(path, flags, mode)

    def _create(self, path: Path, flags: int, mode: int) -> int:
        for folder in (path.parent.parent, path.parent):
            with suppress(FileExistsError):  # not `exist_ok`, which looks again and trips over a `delete`
                folder.mkdir(mode=_FOLDER_MODE)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | flags, mode)

    def _remove_empty(self, folder: Path) -> None:
        """Remove a folder and those above it as far as they are empty; sync the lowest that stays."""
        while True:
            with suppress(FileNotFoundError):  # another delete was faster; those above may still be empty
                if folder == self._root or not _remove_if_empty(folder):
                    _sync(folder)
                    return
            folder = folder.parent


def _folders(parent: Path) -> Iterator[Path]:
    for name in _names(parent):
        if _FOLDER.fullmatch(name):
            yield parent / name


def _names(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):  # removed meanwhile, or a stray file
        return []


def _remove_if_empty(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError as wrong:
        if wrong.errno in {errno.ENOTEMPTY, errno.EEXIST}:  # POSIX allows either
            return False
        raise
    return True


def _part(path: Path) -> Path:
    """Where a content that replaces another is written first."""
    return path.with_name(f".{path.name}.part")


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
