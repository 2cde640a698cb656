"""What a run that died leaves behind, and what the next one makes of it."""

import pytest

from daemon.calls import recovery
from storage import call_recordings, sessions
from tests.daemon.exchange import FakeFate
from tests.daemon.inline import InlineCatalog
from tests.storage.records import a_call_recording, with_session


async def test_the_calls_of_this_node_end_and_their_recordings_are_to_be_followed(
    catalog: InlineCatalog,
) -> None:
    with catalog.transaction() as tx:
        for name, node in (("live", "node1"), ("over", "node1"), ("elsewhere", "node2")):
            with_session(tx, name, node=node)
            call_recordings.insert(tx, a_call_recording(f"of-{name}", session_uuid=name))
        sessions.end(tx, "over", cause="hangup", at=50.0)
        call_recordings.stopping(tx, "of-over", reason="hangup", at=50.0)
        with_session(tx, "silent")
    assert await recovery.end_calls(catalog, "node1") == ["of-live", "of-over"]
    with catalog.transaction() as tx:
        ended = {name: sessions.get(tx, name) for name in ("live", "over", "elsewhere", "silent")}
        reasons = {row.recording_id: row.reason for row in call_recordings.unfinished(tx, "node1")}
    causes = {name: row.cause for name, row in ended.items() if row}
    assert causes == {
        "live": "daemon_restarted",
        "over": "hangup",
        "elsewhere": None,
        "silent": "daemon_restarted",
    }
    assert reasons == {"of-live": "interrupted", "of-over": "hangup"}
    assert await recovery.end_calls(catalog, "node1") == ["of-live", "of-over"]  # died again: the same


async def test_each_unfinished_recording_is_followed() -> None:
    fate = FakeFate()
    await recovery.follow(fate, ["a", "b"])
    assert sorted(fate.ends) == [("follow", "a", None), ("follow", "b", None)]


async def test_one_that_cannot_be_followed_keeps_neither_the_others_nor_the_daemon() -> None:
    fate = FakeFate(failing=ValueError("a bug"))
    await recovery.follow(fate, ["a", "b"])
    assert len(fate.ends) == 2


@pytest.mark.parametrize("node", ["node1"])
async def test_nothing_was_left_behind(catalog: InlineCatalog, node: str) -> None:
    assert await recovery.end_calls(catalog, node) == []
