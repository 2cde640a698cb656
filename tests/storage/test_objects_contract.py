"""What every store promises: objects under their keys, nothing outside them, and plain errors."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from storage.objects import ObjectStore

KEY = "ab/cd/abcd0123.wav"

WRONG_KEYS = [
    "",
    "/",
    "name.wav",
    "ab/name.wav",
    "ab/cd/",
    "ab/cd/.",
    "ab/cd/..",
    "ab/cd/.hidden",
    "ab/cd/../ef",
    "ab/cd/ef/name.wav",
    "../cd/name.wav",
    "/ab/cd/name.wav",
    "/etc/passwd",
    "ab/cd/name\n",
    "ab/cd/na\x00me",
    "ab/cd/n\u00e4me",
    "AB/cd/name",
    "ab/c/name",
    "a\u0661/cd/name",
    "ab\\cd\\name",
    "ab/cd/" + "n" * 201,
]

USES: dict[str, Callable[[ObjectStore, str], object]] = {
    "create": lambda store, key: store.create(key),
    "reopen": lambda store, key: store.reopen(key),
    "open": lambda store, key: store.open(key),
    "replace": lambda store, key: store.replace(key, b"x", durable=False),
    "size": lambda store, key: store.size(key),
    "delete": lambda store, key: store.delete(key),
    "settle": lambda store, key: store.settle(key),
    "path": lambda store, key: store.path(key),
}


def write(store: ObjectStore, key: str, content: bytes = b"") -> None:
    descriptor = store.create(key)
    os.write(descriptor, content)
    os.close(descriptor)


def read(descriptor: int) -> bytes:
    try:
        return os.pread(descriptor, 1000, 0)
    finally:
        os.close(descriptor)


def test_what_was_written_is_read_again(store: ObjectStore) -> None:
    write(store, KEY, b"RIFF")
    assert read(store.open(KEY)) == b"RIFF"
    assert store.size(KEY) == 4
    assert store.path(KEY).read_bytes() == b"RIFF"


def test_a_new_object_can_be_read_while_it_is_written(store: ObjectStore) -> None:
    writer = store.create(KEY)
    reader = store.open(KEY)
    os.write(writer, b"RIFF")
    assert os.pread(writer, 4, 0) == b"RIFF"
    assert read(reader) == b"RIFF"
    os.close(writer)


def test_a_reopened_object_is_changed_in_place(store: ObjectStore) -> None:
    write(store, KEY, b"RIFF....WAVE")
    descriptor = store.reopen(KEY)
    os.pwrite(descriptor, b"1234", 4)
    os.close(descriptor)
    assert read(store.open(KEY)) == b"RIFF1234WAVE"


@pytest.mark.parametrize("durable", [False, True])
def test_what_replaces_an_object_is_whole_or_not_there(store: ObjectStore, durable: bool) -> None:
    store.replace(KEY, b"first", durable=durable)
    reader = store.open(KEY)
    store.replace(KEY, b"the second", durable=durable)
    assert (read(reader), read(store.open(KEY))) == (b"first", b"the second")
    assert list(store.keys()) == [KEY]


def test_what_replaces_an_object_is_for_its_owner_alone(store: ObjectStore) -> None:
    store.replace(KEY, b"{}", durable=False)
    assert store.path(KEY).stat().st_mode & 0o777 == 0o600


def test_a_replacement_that_was_cut_short_leaves_no_trace_behind(store: ObjectStore) -> None:
    store.replace(KEY, b"first", durable=False)
    part = store.path(KEY).with_name(f".{store.path(KEY).name}.part")
    part.write_bytes(b"the sec")  # and then the program was killed
    assert list(store.keys()) == [KEY]
    store.replace(KEY, b"third", durable=False)
    part.write_bytes(b"the four")
    assert store.delete(KEY)
    assert not store.path(KEY).parent.exists()


def test_a_reader_cannot_write(store: ObjectStore) -> None:
    write(store, KEY)
    reader = store.open(KEY)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.write(reader, b"x")
    os.close(reader)


def test_a_key_is_taken_once(store: ObjectStore) -> None:
    write(store, KEY, b"first")
    with pytest.raises(FileExistsError):
        store.create(KEY)
    assert read(store.open(KEY)) == b"first"


@pytest.mark.parametrize("use", ["reopen", "open", "size", "settle"])
def test_an_object_that_is_not_there_is_not_found(store: ObjectStore, use: str) -> None:
    with pytest.raises(FileNotFoundError):
        USES[use](store, KEY)
    assert list(store.keys()) == []


def test_a_deleted_object_is_gone_and_its_key_is_free(store: ObjectStore) -> None:
    write(store, KEY, b"first")
    assert store.delete(KEY)
    assert not store.delete(KEY)
    with pytest.raises(FileNotFoundError):
        store.open(KEY)
    write(store, KEY, b"second")
    assert read(store.open(KEY)) == b"second"


@pytest.mark.contract("url-under-way")
def test_a_download_under_way_outlives_the_deletion(store: ObjectStore) -> None:
    write(store, KEY, b"RIFF")
    reader = store.open(KEY)
    store.delete(KEY)
    assert read(reader) == b"RIFF"


def test_the_keys_are_those_of_the_objects_there_are(store: ObjectStore) -> None:
    assert list(store.keys()) == []
    for key in (KEY, "ab/cd/other.wav", "ab/00/x", "00/00/_x-1.json"):
        write(store, key)
    store.delete("ab/cd/other.wav")
    assert sorted(store.keys()) == ["00/00/_x-1.json", "ab/00/x", KEY]


def test_a_settled_object_is_as_it_was(store: ObjectStore) -> None:
    write(store, KEY, b"RIFF")
    store.settle(KEY)
    store.settle(KEY)
    assert read(store.open(KEY)) == b"RIFF"


@pytest.mark.parametrize("use", ["create", "reopen", "open"])
def test_a_child_process_does_not_get_the_descriptors(store: ObjectStore, use: str) -> None:
    if use != "create":
        write(store, KEY)
    descriptor = USES[use](store, KEY)
    assert isinstance(descriptor, int)
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)


@pytest.mark.parametrize("key", WRONG_KEYS)
@pytest.mark.parametrize("use", USES)
def test_a_wrong_key_is_refused_everywhere(store: ObjectStore, use: str, key: str) -> None:
    with pytest.raises(ValueError, match="not an object's key"):
        USES[use](store, key)
    assert list(store.keys()) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=st.text(st.sampled_from("abf0./\\-_~ %\x00\n\u0661")) | st.text())
def test_no_text_at_all_leads_outside_the_store(store: ObjectStore, key: str) -> None:
    with suppress(ValueError):
        path = store.path(key)
        assume(path)
        root = store.path("00/00/x").parents[2]
        assert path.resolve() == path
        assert path.relative_to(root).as_posix() == key


def test_making_and_deleting_in_one_folder_do_not_disturb_each_other(store: ObjectStore) -> None:
    # Each thread makes and deletes its own object 100 times; the folders come and go under all of them.
    errors: list[OSError] = []

    def work(key: str) -> None:
        try:
            for _ in range(100):
                write(store, key)
                store.settle(key)
                assert store.delete(key)
        except OSError as wrong:
            errors.append(wrong)

    threads = [threading.Thread(target=work, args=[f"ab/cd/{number}"]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert list(store.keys()) == []
