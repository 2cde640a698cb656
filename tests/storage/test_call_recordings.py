"""The daemon's recordings: each has one stop and one terminal state."""

from dataclasses import replace
from typing import Any

import pytest

from storage import call_recordings
from storage.catalog import Catalog
from tests.storage.records import a_call_recording, with_session

OUTCOME: dict[str, Any] = {
    "url": "http://h/ab.wav",
    "duration": 1.5,
    "size": 24_044,
    "sha256": "5" * 64,
    "expires_at": 86_500.0,
}
COMPLETED = replace(
    a_call_recording(),
    state="completed",
    reason="stopped",
    stopped_at=101.5,
    recording_url="http://h/ab.wav",
    duration=1.5,
    size=24_044,
    sha256="5" * 64,
    expires_at=86_500.0,
)


def test_a_recording_is_stopped_and_then_completed(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
        call_recordings.insert(tx, a_call_recording())
        assert call_recordings.get(tx, "recording") == a_call_recording()
        assert call_recordings.stopping(tx, "recording", reason="stopped", at=101.5)
        assert call_recordings.get(tx, "recording") == replace(
            a_call_recording(), state="finishing", reason="stopped", stopped_at=101.5
        )
        assert call_recordings.completed(tx, "recording", reason="stopped", **OUTCOME)
        assert call_recordings.get(tx, "recording") == COMPLETED


def test_only_the_first_stop_counts(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
        call_recordings.insert(tx, a_call_recording())
        assert call_recordings.stopping(tx, "recording", reason="stopped", at=101.5)
        assert not call_recordings.stopping(tx, "recording", reason="hangup", at=102.0)
        found = call_recordings.get(tx, "recording")
        assert found
        assert (found.reason, found.stopped_at) == ("stopped", 101.5)


def test_a_completed_recording_stays_completed(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
        call_recordings.insert(tx, a_call_recording(stopped_at=101.5))
        assert call_recordings.completed(tx, "recording", reason="stopped", **OUTCOME)
        assert not call_recordings.completed(tx, "recording", reason="interrupted", **OUTCOME)
        assert not call_recordings.failed(tx, "recording", error="too late")
        assert not call_recordings.stopping(tx, "recording", reason="hangup", at=102.0)
        assert call_recordings.get(tx, "recording") == COMPLETED


GOOD, DEAF = {"audible": True}, {"audible": False}


@pytest.mark.parametrize(
    ("duration", "sides", "no_audio"),
    [
        (1.5, {"caller": DEAF, "callee": GOOD}, False),
        (1.5, {"caller": DEAF, "callee": DEAF}, True),
        (1.5, None, None),
        (0.0, None, True),
    ],
)
def test_a_recording_knows_whether_there_is_anything_in_it(
    catalog: Catalog, duration: float, sides: dict[str, Any] | None, no_audio: bool | None
) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
        call_recordings.insert(tx, a_call_recording())
        assert a_call_recording().no_audio is None
        outcome = OUTCOME | {"duration": duration}
        assert call_recordings.completed(tx, "recording", reason="stopped", **outcome, quality=sides)
        found = call_recordings.get(tx, "recording")
        assert found
        assert (found.quality, found.no_audio) == (sides, no_audio)
        assert call_recordings.erase(tx, "recording", at=200.0)
        erased = call_recordings.get(tx, "recording")
        assert erased
        assert (erased.quality, erased.no_audio) == (None, None)


def test_a_failed_recording_stays_failed(catalog: Catalog) -> None:
    failed = a_call_recording(state="failed", error="wavstream refused it")
    with catalog.transaction() as tx:
        with_session(tx)
        call_recordings.insert(tx, a_call_recording())
        assert call_recordings.failed(tx, "recording", error="wavstream refused it")
        assert not call_recordings.failed(tx, "recording", error="again")
        assert not call_recordings.completed(tx, "recording", reason="stopped", **OUTCOME)
        assert call_recordings.get(tx, "recording") == failed


@pytest.mark.contract("recordings")
def test_the_recordings_of_a_session_come_newest_first(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
        with_session(tx, "node1-t")
        for name, session, time in (("r1", "node1-s", 1.0), ("r2", "node1-s", 2.0), ("r3", "node1-t", 3.0)):
            call_recordings.insert(tx, a_call_recording(name, session_uuid=session, started_at=time))
        found = call_recordings.of_session(tx, "node1-s")
    assert [recording.recording_id for recording in found] == ["r2", "r1"]


def test_a_node_finds_its_own_recordings_that_are_not_terminal(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
        with_session(tx, "node2-s", node="node2")
        for name in ("records", "finishes", "is-completed", "has-failed"):
            call_recordings.insert(tx, a_call_recording(name))
        call_recordings.insert(tx, a_call_recording("elsewhere", session_uuid="node2-s"))
        call_recordings.stopping(tx, "finishes", reason="stopped", at=101.0)
        call_recordings.completed(tx, "is-completed", reason="stopped", **OUTCOME)
        call_recordings.failed(tx, "has-failed", error="x")
        found = call_recordings.unfinished(tx, "node1")
    assert [recording.recording_id for recording in found] == ["finishes", "records"]
