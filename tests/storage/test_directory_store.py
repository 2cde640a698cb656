"""What is particular to a store in a directory: folders, modes, and what survives a power loss."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import objects
from storage.objects import DirectoryStore

KEY = "ab/cd/abcd.wav"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data" / "objects"


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were synced, in order."""
    seen: list[Path] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        seen.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return seen


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def make(store: DirectoryStore, key: str) -> None:
    os.close(store.create(key))


@pytest.mark.usefixtures("no_umask")
def test_files_and_folders_are_not_for_everybody(root: Path) -> None:
    store = DirectoryStore(root)
    make(store, KEY)
    assert (root / KEY).stat().st_mode & 0o777 == 0o640
    for folder in (root.parent, root, root / "ab", root / "ab/cd"):
        assert folder.stat().st_mode & 0o777 == 0o750


def test_empty_folders_go_with_the_last_object_but_never_the_root(root: Path) -> None:
    store = DirectoryStore(root)
    for key in (KEY, "ab/cd/other", "ab/00/x"):
        make(store, key)
    store.delete(KEY)
    assert (root / "ab/cd").is_dir()
    store.delete("ab/cd/other")
    assert not (root / "ab/cd").exists()
    assert (root / "ab").is_dir()
    store.delete("ab/00/x")
    assert list(root.iterdir()) == []


def test_a_new_root_survives_power_loss(tmp_path: Path, root: Path, synced: list[Path]) -> None:
    DirectoryStore(root)
    assert synced == [tmp_path, tmp_path / "data"]
    synced.clear()
    DirectoryStore(root)
    assert synced == []


def test_a_settled_name_survives_power_loss_with_its_folders(root: Path, synced: list[Path]) -> None:
    store = DirectoryStore(root)
    make(store, KEY)
    synced.clear()
    store.settle(KEY)
    assert synced == [root / "ab/cd", root / "ab", root]


def test_a_deletion_survives_power_loss(root: Path, synced: list[Path]) -> None:
    store = DirectoryStore(root)
    for key in (KEY, "ab/cd/other", "ab/00/x"):
        make(store, key)
    synced.clear()
    store.delete(KEY)
    store.delete("ab/cd/other")
    store.delete("ab/00/x")
    # Synced is where a name went that nothing above it took along: the file's, then `cd`, then `ab`.
    assert synced == [root / "ab/cd", root / "ab", root]


def test_a_folder_that_another_deletion_has_taken_is_no_error(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DirectoryStore(root)
    make(store, KEY)
    real = Path.rmdir

    def rmdir_twice(folder: Path) -> None:
        real(folder)
        real(folder)

    monkeypatch.setattr(Path, "rmdir", rmdir_twice)
    assert store.delete(KEY)
    assert list(root.iterdir()) == []


def test_a_folder_that_cannot_be_removed_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DirectoryStore(root)
    make(store, KEY)

    def refuse(_folder: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "rmdir", refuse)
    with pytest.raises(OSError, match="Read-only"):
        store.delete(KEY)


def losing_the_folder(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Let the folder vanish between its making and the file's, so many times."""
    real = os.open
    left = times

    def open_file(path: Path, flags: int, mode: int = 0o777) -> int:
        nonlocal left
        if flags & os.O_CREAT and left:
            left -= 1
            path.parent.rmdir()
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", open_file)


def test_a_folder_that_vanishes_under_a_new_object_is_made_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DirectoryStore(root)
    losing_the_folder(monkeypatch, times=3)
    make(store, KEY)
    assert list(store.keys()) == [KEY]


def test_a_folder_that_always_vanishes_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DirectoryStore(root)
    losing_the_folder(monkeypatch, times=1_000_000)
    with pytest.raises(FileNotFoundError):
        store.create(KEY)


def test_what_is_not_the_store_s_is_passed_over(root: Path) -> None:
    store = DirectoryStore(root)
    make(store, KEY)
    (root / "lost+found").mkdir()
    (root / "00").touch()
    (root / "ab" / "readme").touch()
    (root / "ab" / "cd" / ".abcd.wav.part").touch()
    assert list(store.keys()) == [KEY]


def test_a_link_is_not_followed(root: Path, tmp_path: Path) -> None:
    store = DirectoryStore(root)
    make(store, KEY)
    (tmp_path / "outside").write_text("secret")
    (root / "ab/cd/link").symlink_to(tmp_path / "outside")
    for use in (store.open, store.reopen):
        with pytest.raises(OSError, match="symbolic links"):
            use("ab/cd/link")
    assert store.delete("ab/cd/link")
    assert (tmp_path / "outside").read_text() == "secret"


def test_a_root_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        DirectoryStore(tmp_path / "file")


def test_a_relative_root_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = objects.DirectoryStore(Path("objects"))
    monkeypatch.chdir("/")
    make(store, KEY)
    assert (tmp_path / "objects" / KEY).is_file()
