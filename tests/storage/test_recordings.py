"""wavstream's recordings: one terminal state, expiry, pages."""

from typing import Any

import pytest

from storage import recordings
from storage.catalog import Catalog, ConflictError
from tests.storage.records import a_recording

OUTCOME: dict[str, Any] = {
    "reason": "stopped",
    "stopped_at": 102.0,
    "expires_at": 86_502.0,
    "duration": 2.0,
    "size": 32_080,
    "sha256": "5" * 64,
    "metadata": {"notes": ["ende", "ü"], "gaps": 0},
}


def test_an_object_s_key_is_two_folders_of_its_token_and_its_name() -> None:
    token = "0123456789abcdef0123456789abcdef"
    assert a_recording(token=token).path == f"01/23/{token}.wav"


def test_a_recording_is_found_by_id_and_by_token_alone(catalog: Catalog) -> None:
    recording = a_recording(name="call-0001.wav", metadata={"caller": None, "n": [1, 2.5]})
    with catalog.transaction() as tx:
        recordings.insert(tx, recording)
        assert recordings.get(tx, "recording") == recording
        assert recordings.by_token(tx, recording.token) == recording
        assert recordings.by_token(tx, recording.token.upper()) is None
        assert recordings.get(tx, recording.token) is None


def test_a_token_belongs_to_one_recording(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        recordings.insert(tx, a_recording("one", token="abcd"))
    with pytest.raises(ConflictError), catalog.transaction() as tx:
        recordings.insert(tx, a_recording("two", token="abcd"))


def test_a_completed_recording_stays_as_it_is(catalog: Catalog) -> None:
    completed = a_recording(state="completed", **OUTCOME)
    with catalog.transaction() as tx:
        recordings.insert(tx, a_recording())
        assert recordings.complete(tx, "recording", **OUTCOME)
        assert not recordings.complete(tx, "recording", **OUTCOME | {"reason": "interrupted"})
        assert not recordings.fail(tx, "recording", reason="interrupted", stopped_at=103.0)
        assert recordings.get(tx, "recording") == completed


def test_a_failed_recording_stays_as_it_is(catalog: Catalog) -> None:
    failed = a_recording(state="failed", reason="interrupted", stopped_at=103.0)
    with catalog.transaction() as tx:
        recordings.insert(tx, a_recording())
        assert recordings.fail(tx, "recording", reason="interrupted", stopped_at=103.0)
        assert not recordings.complete(tx, "recording", **OUTCOME)
        assert recordings.get(tx, "recording") == failed


def test_what_has_not_ended_is_found_oldest_first(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        for name, time in (("new", 3.0), ("old", 1.0), ("done", 2.0)):
            recordings.insert(tx, a_recording(name, started_at=time))
        recordings.complete(tx, "done", **OUTCOME)
        assert [recording.recording_id for recording in recordings.unfinished(tx)] == ["old", "new"]


def test_a_recording_expires_in_the_second_it_says_and_a_live_one_never(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        for name in ("first", "second", "for-ever", "failed", "live"):
            recordings.insert(tx, a_recording(name, expires_at=1.0 if name == "live" else None))
        recordings.complete(tx, "second", **OUTCOME | {"expires_at": 202.0})
        recordings.complete(tx, "first", **OUTCOME | {"expires_at": 201.0})
        recordings.complete(tx, "for-ever", **OUTCOME | {"expires_at": None})
        recordings.fail(tx, "failed", reason="interrupted", stopped_at=103.0, expires_at=203.0)

        def expired(now: float, limit: int = 10) -> list[str]:
            return [recording.recording_id for recording in recordings.expired(tx, now=now, limit=limit)]

        assert expired(200.999) == []
        assert expired(201.0) == ["first"]
        assert expired(1e12) == ["first", "second", "failed"]
        assert expired(1e12, limit=2) == ["first", "second"]


def test_an_erased_recording_is_gone(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        recordings.insert(tx, a_recording())
        assert recordings.erase(tx, "recording")
        assert not recordings.erase(tx, "recording")
        assert recordings.get(tx, "recording") is None


def test_what_is_claimed_is_out_of_sight_until_its_row_is_gone(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        for name, at in (("late", 203.0), ("first", 201.0), ("second", 202.0), ("live", None)):
            recordings.insert(tx, a_recording(name))
            if at is not None:
                recordings.complete(tx, name, **OUTCOME | {"expires_at": at})
        assert names(recordings.claim(tx, now=202.0, limit=9)) == ["first", "second"]
        assert names(recordings.page(tx, limit=9)) == ["live", "late"]
        # Not erased yet, and so found again: alone, if there is room for one only.
        assert names(recordings.claim(tx, now=202.0, limit=1)) == ["first"]
        recordings.postpone(tx, ["first"], until=500.0)
        assert names(recordings.claim(tx, now=202.0, limit=9)) == ["second"]
        assert recordings.erase(tx, "first", "second")
        assert names(recordings.claim(tx, now=1000.0, limit=9)) == ["late"]


def test_what_is_held_is_neither_due_nor_to_be_condemned(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        recordings.insert(tx, a_recording())
        assert recordings.hold(tx, "recording", at=101.0, reason="case 7")
        recordings.complete(tx, "recording", **OUTCOME)
        held = recordings.get(tx, "recording")
        assert held is not None
        assert (held.state, held.held_at, held.hold_reason) == ("completed", 101.0, "case 7")
        assert recordings.claim(tx, now=1e12, limit=9) == []
        assert not recordings.condemn(tx, "recording", now=1.0)
        assert recordings.release(tx, "recording")
        assert recordings.get(tx, "recording") == a_recording(state="completed", **OUTCOME)
        assert names(recordings.claim(tx, now=1e12, limit=9)) == ["recording"]


def test_what_is_being_erased_can_be_held_no_more(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        recordings.insert(tx, a_recording())
        assert not recordings.condemn(tx, "recording", now=1.0)  # it runs
        recordings.complete(tx, "recording", **OUTCOME)
        assert recordings.condemn(tx, "recording", now=1.0)
        assert not recordings.hold(tx, "recording", at=1.0, reason=None)
        assert not recordings.release(tx, "recording")
        # A condemned one is due, whatever its own time was: if the eraser dies, the sweeper finds it.
        assert names(recordings.claim(tx, now=1.0, limit=9)) == ["recording"]


def test_a_recording_that_is_renamed_keeps_its_hold(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        recordings.insert(tx, a_recording())
        recordings.hold(tx, "recording", at=1.0, reason=None)
        assert recordings.rename(tx, "recording", "call.wav")
        assert recordings.get(tx, "recording") == a_recording(name="call.wav", held_at=1.0)
        assert not recordings.rename(tx, "another", "call.wav")


def names(found: list[recordings.Recording]) -> list[str]:
    return [recording.recording_id for recording in found]


def test_pages_run_from_the_newest_to_the_oldest_and_miss_none(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        for name, time in (("a", 1.0), ("b", 2.0), ("c", 2.0), ("d", 3.0)):
            recordings.insert(tx, a_recording(name, started_at=time))
        first = recordings.page(tx, limit=2)
        second = recordings.page(tx, limit=2, before=(first[-1].started_at, first[-1].recording_id))
        third = recordings.page(tx, limit=2, before=(second[-1].started_at, second[-1].recording_id))
    assert [names(page) for page in (first, second, third)] == [["d", "c"], ["b", "a"], []]


def test_a_page_misses_and_repeats_none_though_others_come_and_go(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        for number in range(6):
            recordings.insert(tx, a_recording(f"old-{number}", started_at=float(number)))
        seen = recordings.page(tx, limit=2)
        while found := recordings.page(tx, limit=2, before=(seen[-1].started_at, seen[-1].recording_id)):
            seen += found
            recordings.insert(tx, a_recording(f"new-{len(seen)}", started_at=100.0 + len(seen)))
            recordings.erase(tx, seen[-1].recording_id)  # where the cursor stands
        assert names(seen) == ["old-5", "old-4", "old-3", "old-2", "old-1", "old-0"]


def test_a_page_fits_all_that_is_asked_for(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        for name, time in (("a", 1.0), ("b", 2.0), ("c", 3.0)):
            recordings.insert(tx, a_recording(name, started_at=time, name="x" if name != "b" else "y"))
        recordings.complete(tx, "c", **OUTCOME)
        assert names(recordings.page(tx, limit=9, name="x")) == ["c", "a"]
        assert names(recordings.page(tx, limit=9, state="recording")) == ["b", "a"]
        assert names(recordings.page(tx, limit=9, since=2.0)) == ["c", "b"]  # since is within
        assert names(recordings.page(tx, limit=9, until=2.0)) == ["a"]  # until is not
        assert names(recordings.page(tx, limit=9, name="x", state="recording", since=1.0, until=4.0)) == ["a"]
