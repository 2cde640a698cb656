"""The way of a recording to its one terminal event, in virtual time."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from daemon.calls import completion as module
from daemon.calls.completion import Completion
from daemon.media.quality import Quality
from daemon.wavstream_http import Held, WavstreamError
from storage import call_recordings, schema
from tests.daemon.inline import InlineCatalog
from tests.storage.records import a_call_recording, with_session
from wavstream.protocol import Completed

URL = "http://files.example/recordings/x.wav"
KEPT = Completed(
    recording_id="recording", duration=1.5, size=24080, sha256="ab" * 32, url=URL, expires_at=90_000.0
)
HELD = {**KEPT.model_dump(exclude={"type"}), "state": "completed"}


@dataclass
class Keeper:
    """A wavstream that is away until `back`, and whose URL answers from `serving` on."""

    answer: Callable[[], Held | None] = lambda: Held.model_validate(HELD)
    back: float = 0.0
    serving: float = 0.0
    hanging: float = 0.0
    asked: list[float] = field(default_factory=list)
    under_way: int = 0
    most: int = 0

    async def _reach(self) -> None:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self.asked.append(trio.current_time())
        try:
            await trio.sleep(self.hanging)
            if trio.current_time() < self.back:
                raise WavstreamError("wavstream cannot be reached")
        finally:
            self.under_way -= 1

    async def held(self, recording_id: str) -> Held | None:
        assert recording_id.startswith("recording")
        await self._reach()
        return self.answer()

    async def serves(self, url: str, size: int) -> bool:
        await self._reach()
        assert (url, size) == (URL, 24080)
        return trio.current_time() >= self.serving


@dataclass
class Case:
    """A recording that was stopped, and what is done about it."""

    catalog: InlineCatalog
    keeper: Keeper
    announced: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.completion = Completion(
            self.catalog,
            self.keeper,
            announce=lambda: self.announced.append(trio.current_time()),
            clock=trio.current_time,
        )
        with self.catalog.transaction() as tx:
            with_session(tx)
            call_recordings.insert(tx, a_call_recording(command_uid="uid-1"))

    def stop(self, reason: str = "stopped") -> None:
        with self.catalog.transaction() as tx:
            call_recordings.stopping(tx, "recording", reason=reason, at=101.5)

    @property
    def row(self) -> call_recordings.CallRecording:
        with self.catalog.transaction() as tx:
            row = call_recordings.get(tx, "recording")
        assert row is not None
        return row

    @property
    def events(self) -> list[dict[str, Any]]:
        with self.catalog.transaction() as tx:
            rows = tx.execute(schema.outbox.select().order_by(schema.outbox.c.sequence))
            return [json.loads(row.payload) for row in rows]


@pytest.mark.contract("completed-event", "completed-session-uuid", "event-recording-completed")
async def test_the_event_says_all_that_the_contract_lists(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    case = Case(catalog, Keeper())
    case.stop()
    await case.completion.finish("recording", KEPT)
    assert case.events == [
        {
            "event": "recording.completed",
            "session_uuid": "node1-s",
            "sequence": 1,
            "recording_url": URL,
            "duration": 1.5,
            "command_uid": "uid-1",
            "recording_id": "recording",
            "reason": "stopped",
            "sha256": "ab" * 32,
            "size": 24080,
            "expires_at": 90_000.0,
            "quality": None,
            "no_audio": None,
        }
    ]
    assert case.row.state == "completed"
    assert case.row.recording_url == URL
    assert case.announced == [0]


QUALITY = Quality(
    packets=75, late_seconds=0.0, dropped_seconds=0.0, filled_seconds=0.02, silent_seconds=0.5, audible=True
).view()


@pytest.mark.contract("event-recording-completed")
@pytest.mark.parametrize(
    ("sides", "no_audio"),
    [
        ({"caller": QUALITY}, False),
        ({"caller": {**QUALITY, "audible": False}}, True),
        ({"caller": {**QUALITY, "audible": False}, "callee": QUALITY}, False),
        (None, None),
    ],
)
async def test_the_event_says_how_good_it_is_and_whether_there_is_anything_in_it(
    autojump_clock: MockClock, catalog: InlineCatalog, sides: dict[str, Any] | None, no_audio: bool | None
) -> None:
    case = Case(catalog, Keeper())
    case.stop()
    await case.completion.finish("recording", KEPT, quality=sides)
    (event,) = case.events
    assert (event["quality"], event["no_audio"]) == (sides, no_audio)
    assert (case.row.quality, case.row.no_audio) == (sides, no_audio)


async def test_a_recording_without_a_single_frame_has_no_audio_whatever_else_is_known(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    case = Case(catalog, Keeper())
    case.stop()
    await case.completion.finish("recording", KEPT.model_copy(update={"duration": 0.0}))
    assert case.events[0]["no_audio"] is True


@pytest.mark.parametrize(
    ("metadata", "known"),
    [
        ({"quality": {"caller": QUALITY}}, {"caller": QUALITY}),
        ({}, None),
        ({"quality": "good"}, None),
        ({"quality": {"somebody": QUALITY}}, None),
        ({"quality": {"caller": {**QUALITY, "packets": None}}}, None),
    ],
)
async def test_what_a_followed_recording_s_sender_said_at_its_end_is_known_again(
    autojump_clock: MockClock,
    catalog: InlineCatalog,
    metadata: dict[str, Any],
    known: dict[str, Any] | None,
) -> None:
    case = Case(catalog, Keeper(answer=lambda: Held.model_validate({**HELD, "metadata": metadata})))
    await case.completion.follow("recording")
    (event,) = case.events
    assert event["quality"] == known
    assert event["no_audio"] is (None if known is None else False)


@pytest.mark.contract("webhook-url-answers")
async def test_it_waits_until_the_url_answers_with_the_whole_file(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    case = Case(catalog, Keeper(back=100, serving=200))
    case.stop()
    await case.completion.finish("recording", KEPT)
    assert case.row.state == "completed"
    # Asked 0.1, 0.2, 0.4 ... 6.4 s apart, then every 10 s: the first answer at or after 200 s counts.
    assert 200 <= trio.current_time() <= 210
    assert case.keeper.asked[:5] == pytest.approx([0, 0.1, 0.3, 0.7, 1.5])
    assert len(case.events) == 1


async def test_one_that_expires_before_its_url_answers_has_failed(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    case = Case(catalog, Keeper(back=1e9))
    case.stop()
    await case.completion.finish("recording", KEPT.model_copy(update={"expires_at": 500.0}))
    assert trio.current_time() <= 500
    (event,) = case.events
    assert event["event"] == "recording.failed"
    assert event["command_uid"] == "uid-1"
    assert "did not answer before it expired" in event["error"]
    assert case.row.state == "failed"


async def test_one_that_never_expires_is_waited_for_three_days(
    autojump_clock: MockClock, catalog: InlineCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST_PAUSE_SECONDS", 600.0)
    case = Case(catalog, Keeper(back=1e9))
    await case.completion.finish("recording", KEPT.model_copy(update={"expires_at": None}))
    assert trio.current_time() == pytest.approx(3 * 86400, abs=600)
    assert case.row.state == "failed"


async def test_a_question_that_hangs_is_asked_again(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    keeper = Keeper(hanging=60)
    case = Case(catalog, keeper)

    async def recover() -> None:
        await trio.sleep(10)
        keeper.hanging = 0

    async with trio.open_nursery() as nursery:
        nursery.start_soon(recover)
        await case.completion.finish("recording", KEPT)
    assert keeper.asked == pytest.approx([0, module.QUESTION_SECONDS + module.FIRST_PAUSE_SECONDS])
    assert case.row.state == "completed"


async def test_a_catalogue_that_fails_is_tried_until_it_takes_the_event(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    case = Case(catalog, Keeper())
    catalog.broken = 3
    await case.completion.fail("recording", "no audio")
    assert case.row.state == "failed"
    assert [event["error"] for event in case.events] == ["no audio"]


@pytest.mark.contract("one-end")
@pytest.mark.parametrize("first", ["finish", "fail"])
async def test_however_often_a_recording_ends_it_has_one_event(
    autojump_clock: MockClock, catalog: InlineCatalog, first: str
) -> None:
    case = Case(catalog, Keeper())
    if first == "fail":
        await case.completion.fail("recording", "no audio")
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(case.completion.finish, "recording", KEPT)
            nursery.start_soon(case.completion.follow, "recording")
    await case.completion.fail("recording", "too late")
    assert len(case.events) == 1


async def test_a_recording_that_nobody_knows_has_none(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    case = Case(catalog, Keeper())
    await case.completion.finish("recording-unknown", KEPT)
    await case.completion.fail("recording-unknown", "no audio")
    assert case.events == []


async def test_one_that_nobody_stopped_was_interrupted(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    case = Case(catalog, Keeper())
    await case.completion.finish("recording", KEPT)
    assert case.row.reason == "interrupted"


async def test_a_followed_recording_ends_as_wavstream_says(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    answers = [{**HELD, "state": "recording"}, {**HELD, "url": None}, HELD]
    keeper = Keeper(answer=lambda: Held.model_validate(answers.pop(0) if len(answers) > 1 else HELD), back=60)
    case = Case(catalog, keeper)
    case.stop("hangup")
    await case.completion.follow("recording")
    assert case.row.state == "completed"
    assert case.row.reason == "hangup"
    assert 60 <= trio.current_time() <= 90


@pytest.mark.contract("event-recording-failed")
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "none of its audio reached wavstream"),
        ({"recording_id": "recording", "state": "failed"}, "no audio could be kept"),
        ({"recording_id": "recording", "state": "failed", "reason": "stopped"}, "no audio could be kept"),
    ],
)
async def test_a_followed_recording_that_is_not_kept_has_failed(
    autojump_clock: MockClock, catalog: InlineCatalog, answer: dict[str, str] | None, words: str
) -> None:
    case = Case(catalog, Keeper(answer=lambda: None if answer is None else Held.model_validate(answer)))
    await case.completion.follow("recording")
    assert [event["error"] for event in case.events] == [words]


async def test_a_wavstream_that_stays_away_for_three_days_is_given_up(
    autojump_clock: MockClock, catalog: InlineCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST_PAUSE_SECONDS", 600.0)
    case = Case(catalog, Keeper(back=1e9))
    await case.completion.follow("recording")
    assert trio.current_time() == pytest.approx(3 * 86400, abs=600)
    assert [event["error"] for event in case.events] == ["wavstream did not answer"]


async def test_after_a_restart_wavstream_is_not_asked_about_all_at_once(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    keeper = Keeper(hanging=1)
    case = Case(catalog, keeper)
    async with trio.open_nursery() as nursery:
        for number in range(40):
            nursery.start_soon(case.completion.follow, f"recording{number}")
    assert keeper.most == module.AT_ONCE


async def test_cancelled_anywhere_it_leaves_one_event_or_none(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    case = Case(catalog, Keeper(hanging=1))
    for seconds in (0.0, 0.5, 1.0, 1.5, 2.0):
        with trio.move_on_after(seconds):
            await case.completion.follow("recording")
        assert (case.row.state == "completed") == (len(case.events) == 1)
    await case.completion.follow("recording")
    assert len(case.events) == 1
