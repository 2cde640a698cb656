"""Which webhook leaves when: all in virtual time, with a receiver that is told how to answer."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
import trio
from standardwebhooks import Webhook
from trio.testing import MockClock

from daemon.webhooks import delivery, signature
from daemon.webhooks.delivery import Dispatcher
from daemon.webhooks.sending import Delivery, Outcome
from storage import applications, letters, outbox, schema
from storage.applications import Application
from tests.daemon.inline import InlineCatalog
from tests.storage.records import with_session

SECRET = signature.new_secret()
URL = "https://hook.example/"
TAKEN, FAILED = Outcome(), Outcome(error="the receiver answered 500")
GONE = Outcome(error="the receiver answered 410", gone=True)
DAY = 86400.0

Answer = Callable[[Delivery], Outcome]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that times can be worked out in the head; gathering has a test of its own."""
    monkeypatch.setattr(delivery, "GATHER_SECONDS", 0.0)


@dataclass
class Post:
    """The way to the receivers: every attempt, and its answer, which takes `seconds`."""

    answer: Answer = lambda _delivery: TAKEN
    seconds: float = 0.0
    sent: list[Delivery] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    under_way: int = 0
    most: int = 0

    async def __call__(self, sent: Delivery) -> Outcome:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self.sent.append(sent)
        self.times.append(trio.current_time())
        try:
            await trio.sleep(self.seconds)
            return self.answer(sent)
        finally:
            self.under_way -= 1

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(each.body) for each in self.sent]

    @property
    def order(self) -> list[tuple[str, int]]:
        return [(body["session_uuid"], body["sequence"]) for body in self.bodies]


def answering(*outcomes: Outcome) -> Answer:
    """These in turn, and the last for ever."""
    left = list(outcomes)
    return lambda _delivery: left.pop(0) if len(left) > 1 else left[0]


@dataclass
class Office:
    """A catalogue with one application, and what is stored for it."""

    catalog: InlineCatalog
    dispatcher: Dispatcher
    ends: Counter[str]
    """What came of the attempts."""

    def application(self, app_id: str = "app", **fields: Any) -> None:
        known = {"webhook_url": URL, "webhook_secrets": (SECRET,)} | fields
        with self.catalog.transaction() as tx:
            applications.put(tx, Application(app_id=app_id, **known))

    def session(self, name: str, app_id: str = "app") -> None:
        with self.catalog.transaction() as tx:
            with_session(tx, name, app_id=app_id)

    def store(self, name: str, count: int = 1, *, app_id: str = "app", event: str = "command.result") -> None:
        """Store events of a session."""
        with self.catalog.transaction() as tx:
            for number in range(count):
                outbox.append(
                    tx,
                    session_uuid=name,
                    app_id=app_id,
                    event=event,
                    fields={"number": number},
                    now=trio.current_time(),
                )
        self.dispatcher.wake()

    def resend(self) -> None:
        """Send every dead letter again."""
        with self.catalog.transaction() as tx:
            for letter in letters.page(tx, limit=100):
                assert letters.resend(tx, letter.event_id, trio.current_time())
        self.dispatcher.wake()

    def states(self) -> list[str]:
        """Those of all events, oldest first."""
        columns = schema.outbox.c
        with self.catalog.transaction() as tx:
            query = schema.outbox.select().order_by(columns.session_uuid, columns.sequence)
            return [str(row.state) for row in tx.execute(query)]

    async def settled(self, *states: str) -> None:
        """Wait until the events have come to these states."""
        while self.states() != list(states):  # noqa: ASYNC110 - virtual time costs nothing
            await trio.sleep(0.25)


@asynccontextmanager
async def office(
    catalog: InlineCatalog, post: Post, *, bound: float = 600, **given: float
) -> AsyncIterator[Office]:
    """An office with the session `s` of `app`, whose dispatcher runs."""
    ends: Counter[str] = Counter()
    dispatcher = Dispatcher(
        catalog,
        post,
        ended=lambda end: ends.update([end]),
        clock=trio.current_time,
        chance=lambda: 0.5,
        **given,
    )
    opened = Office(catalog, dispatcher, ends)
    opened.application()
    opened.session("s")
    with trio.fail_after(bound):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(dispatcher.run)  # noqa: ASYNC113 - it may begin when it likes
            yield opened
            nursery.cancel_scope.cancel()


def gaps(times: Sequence[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times)]


@pytest.mark.contract("webhook-signature")
async def test_an_event_leaves_as_soon_as_it_is_announced_and_signed(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    post = Post()
    async with office(catalog, post) as desk:
        await trio.sleep(12.5)  # nothing to do: the dispatcher rests
        desk.store("s", event="call.new")
        await desk.settled("delivered")
    assert post.times == pytest.approx([12.5], abs=1e-6)
    (sent,) = post.sent
    assert sent.url == URL
    assert post.bodies == [{"event": "call.new", "session_uuid": "s", "sequence": 1, "number": 0}]
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["webhook-id"].startswith("msg_")
    signed = Webhook(SECRET).sign(
        sent.headers["webhook-id"],
        delivery_time(sent),
        sent.body.decode(),
    )
    assert sent.headers["webhook-signature"] == signed


def delivery_time(sent: Delivery) -> Any:
    """An attempt's timestamp as the library wants it."""
    return datetime.fromtimestamp(int(sent.headers["webhook-timestamp"]), tz=UTC)


async def test_what_happens_to_many_calls_at_once_is_looked_for_once(
    autojump_clock: MockClock, catalog: InlineCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "GATHER_SECONDS", 0.05)
    post = Post(seconds=1)
    async with office(catalog, post) as desk:
        desk.session("t")
        await trio.sleep(1)
        desk.store("s")
        await trio.sleep(0.04)
        desk.store("t")
        await desk.settled("delivered", "delivered")
    assert post.times == pytest.approx([1.05, 1.05])


async def test_both_secrets_sign_while_one_is_being_rotated(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    post = Post()
    async with office(catalog, post) as desk:
        desk.application(webhook_secrets=(signature.new_secret(), SECRET))
        desk.store("s")
        await desk.settled("delivered")
    assert len(post.sent[0].headers["webhook-signature"].split()) == 2


async def test_an_event_that_nobody_announced_leaves_within_half_a_minute(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    post = Post()
    async with office(catalog, post) as desk:
        await trio.sleep(1)
        desk.dispatcher.wake = lambda: None  # type: ignore[method-assign]
        desk.store("s")
        await desk.settled("delivered")
    assert post.times[0] <= delivery.LOOK_SECONDS


async def test_a_sessions_events_leave_in_order_one_after_the_other(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    post = Post(seconds=3)
    async with office(catalog, post) as desk:
        desk.store("s", 4)
        await desk.settled(*["delivered"] * 4)
    assert post.order == [("s", 1), ("s", 2), ("s", 3), ("s", 4)]
    assert post.most == 1
    assert gaps(post.times) == pytest.approx([3, 3, 3], abs=1e-6)


@pytest.mark.contract("webhook-order")
async def test_an_event_that_fails_holds_up_those_behind_it_and_no_other_session(
    autojump_clock: MockClock,
    catalog: InlineCatalog,
) -> None:
    def answer(sent: Delivery) -> Outcome:
        body = json.loads(sent.body)
        failing = body["session_uuid"] == "s" and trio.current_time() < 10
        return FAILED if failing else TAKEN

    post = Post(answer)
    async with office(catalog, post) as desk:
        desk.session("t")
        desk.store("s", 2)
        desk.store("t", 3)
        await desk.settled("delivered", "delivered", "delivered", "delivered", "delivered")
    # s/1 fails at 0, 2 (2 s later), 6 (4 s later), and is taken at 14 (8 s later); then s/2 follows at once.
    tries = [at for (name, _), at in zip(post.order, post.times, strict=True) if name == "s"]
    assert tries == pytest.approx([0, 2, 6, 14, 14], abs=0.01)
    others = [at for (name, _), at in zip(post.order, post.times, strict=True) if name == "t"]
    assert others == pytest.approx([0, 0, 0], abs=0.01)
    ids = {
        sent.headers["webhook-id"] for sent, (name, n) in zip(post.sent, post.order, strict=True) if n == 1
    }
    assert len(ids) == 2  # the same at every attempt


async def test_each_attempt_is_signed_with_its_own_time(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    post = Post(answering(FAILED, FAILED, TAKEN))
    async with office(catalog, post) as desk:
        desk.store("s")
        await desk.settled("delivered")
    stamps = [int(sent.headers["webhook-timestamp"]) for sent in post.sent]
    assert stamps == [0, 2, 6]


@pytest.mark.contract("webhook-retries")
async def test_retry_after_is_honoured(autojump_clock: MockClock, catalog: InlineCatalog) -> None:
    post = Post(answering(Outcome(error="busy", retry_after=100), TAKEN))
    async with office(catalog, post) as desk:
        desk.store("s")
        await desk.settled("delivered")
    assert gaps(post.times) == pytest.approx([100], abs=0.01)


@pytest.mark.contract("webhook-retries")
async def test_after_three_days_an_event_is_a_dead_letter_and_the_next_has_its_turn(
    autojump_clock: MockClock, catalog: InlineCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "LOOK_SECONDS", DAY)  # else virtual time is looked at every half a minute

    def answer(sent: Delivery) -> Outcome:
        return FAILED if json.loads(sent.body)["sequence"] == 1 else TAKEN

    post = Post(answer)
    async with office(catalog, post, bound=4 * DAY) as desk:
        desk.store("s", 2)
        while "dead" not in desk.states():  # noqa: ASYNC110 - virtual time costs nothing
            await trio.sleep(600)
        await desk.settled("dead", "delivered")
    # 11 attempts double the pause up to 2048 s, the 12th comes 2**12 - 2 s after the event; then one an hour.
    hourly = int((3 * DAY - (2**12 - 2)) // 3600)
    assert len(post.sent) - 1 == 12 + hourly
    assert post.times[-2] <= 3 * DAY


async def test_a_dead_letter_that_is_sent_again_has_its_whole_time_once_more(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    post = Post(lambda _sent: FAILED)
    async with office(catalog, post, retry_seconds=20) as desk:
        desk.store("s")
        await desk.settled("dead")
        await trio.sleep_until(100)
        desk.resend()
        await desk.settled("dead")
    # 2, 4, 8 s after one another; the next would come 30 s after the event, and after the second beginning.
    assert post.times == pytest.approx([0, 2, 6, 14, 100, 102, 106, 114], abs=0.01)
    assert len({sent.headers["webhook-id"] for sent in post.sent}) == 1
    assert desk.ends == {"failed": 6, "dead": 2}


async def test_a_dead_letter_that_is_sent_again_while_another_is_on_its_way_comes_right_after_it(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    post = Post(answering(GONE, TAKEN), seconds=5)
    async with office(catalog, post) as desk:
        desk.store("s")
        await desk.settled("dead")
        desk.application()
        desk.store("s", 2)
        await trio.sleep(1)
        desk.resend()
        await desk.settled("delivered", "delivered", "delivered")
    assert post.order == [("s", 1), ("s", 2), ("s", 1), ("s", 3)]
    assert post.most == 1
    assert desk.ends == {"dead": 1, "delivered": 3}


@pytest.mark.contract("webhook-retries")
async def test_after_a_410_nothing_more_is_sent_until_the_url_is_registered_again(
    autojump_clock: MockClock,
    catalog: InlineCatalog,
) -> None:
    post = Post(answering(GONE, TAKEN))
    async with office(catalog, post) as desk:
        desk.store("s", 3)
        await desk.settled("dead", "dead", "dead")
        assert len(post.sent) == 1
        desk.application()  # what a registration does
        desk.store("s")
        await desk.settled("dead", "dead", "dead", "delivered")
    assert post.order == [("s", 1), ("s", 4)]
    assert desk.ends == {"dead": 3, "delivered": 1}


async def test_a_410_of_a_url_that_was_replaced_meanwhile_does_not_stop_the_new_one(
    autojump_clock: MockClock,
    catalog: InlineCatalog,
) -> None:
    post = Post(answering(GONE, TAKEN), seconds=5)
    async with office(catalog, post) as desk:
        desk.store("s", 2)
        await trio.sleep(1)
        desk.application(webhook_url="https://new.example/")
        await desk.settled("dead", "delivered")
    assert [sent.url for sent in post.sent] == [URL, "https://new.example/"]


@pytest.mark.contract("webhook-events")
@pytest.mark.parametrize(
    "fields",
    [{"webhook_url": ""}, {"events": ("call.hangup", "recording.completed")}],
    ids=["no URL", "list"],
)
async def test_what_an_application_does_not_want_is_skipped_and_holds_up_nothing(
    autojump_clock: MockClock, catalog: InlineCatalog, fields: dict[str, Any]
) -> None:
    post = Post()
    async with office(catalog, post) as desk:
        desk.application(**fields)
        desk.store("s", 2)
        await desk.settled("skipped", "skipped")
        desk.application()
        desk.store("s", event="call.hangup")
        await desk.settled("skipped", "skipped", "delivered")
    assert post.order == [("s", 3)]


@pytest.mark.contract("webhook-events")
async def test_an_event_in_the_list_is_delivered(autojump_clock: MockClock, catalog: InlineCatalog) -> None:
    post = Post()
    async with office(catalog, post) as desk:
        desk.application(events=("call.hangup",))
        desk.store("s", event="call.new")
        desk.store("s", event="call.hangup")
        await desk.settled("skipped", "delivered")
    assert [body["event"] for body in post.bodies] == ["call.hangup"]


async def test_events_of_an_application_that_was_deleted_are_skipped(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    post = Post()
    async with office(catalog, post) as desk:
        with catalog.transaction() as tx:
            applications.delete(tx, "app")
        desk.store("s", 2)
        await desk.settled("skipped", "skipped")
    assert post.sent == []


async def test_one_application_gets_no_more_than_its_share_of_attempts_at_a_time(
    autojump_clock: MockClock,
    catalog: InlineCatalog,
) -> None:
    post = Post(seconds=10)
    async with office(catalog, post) as desk:
        for number in range(20):
            desk.session(f"s{number}")
            desk.store(f"s{number}")
        await trio.sleep(5)
        assert post.under_way == delivery.AT_ONCE_PER_APPLICATION
        desk.application("other")
        desk.session("other", "other")
        desk.store("other", app_id="other")
        await trio.sleep(1)
        assert post.under_way == delivery.AT_ONCE_PER_APPLICATION + 1
        assert post.order[-1] == ("other", 1)
        await desk.settled(*["delivered"] * 21)
    assert post.times[-1] == pytest.approx(20, abs=0.01)  # 20 events, 8 at a time, 10 s each: at 0, 10, 20


async def test_all_together_are_no_more_than_the_bound(
    autojump_clock: MockClock, catalog: InlineCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "AT_ONCE", 3)
    post = Post(seconds=10)
    async with office(catalog, post) as desk:
        for number in range(7):
            desk.session(f"s{number}")
            desk.store(f"s{number}")
        await desk.settled(*["delivered"] * 7)
    assert post.most == 3
    assert post.times[-1] == pytest.approx(20, abs=0.01)  # 3, 3 and 1


async def test_a_receiver_in_trouble_is_tried_by_one_event_at_a_time(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    post = Post(lambda _sent: FAILED if trio.current_time() < 60 else TAKEN, seconds=1)
    async with office(catalog, post) as desk:
        for number in range(6):
            desk.session(f"s{number}")
        desk.store("s0")
        await trio.sleep(1.5)
        post.most = 0
        for number in range(1, 6):
            desk.store(f"s{number}")
        await trio.sleep(57)
        assert post.most == 1
        await desk.settled(*["delivered"] * 6)


async def test_it_is_quiet_when_nothing_is_due_nor_under_way(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    post = Post(answering(TAKEN, TAKEN, FAILED, TAKEN), seconds=4)
    async with office(catalog, post) as desk:
        await desk.dispatcher.quiet()
        assert trio.current_time() == 0
        desk.store("s", 3)
        await desk.dispatcher.quiet()
        # Two were taken and the third is to be tried again later: that is not waited for.
        assert trio.current_time() == pytest.approx(12, abs=0.01)
        assert desk.states() == ["delivered", "delivered", "pending"]


async def test_a_catalogue_that_cannot_be_read_is_looked_at_again(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    post = Post()
    async with office(catalog, post) as desk:
        await trio.sleep(1)
        desk.store("s")
        catalog.broken = 1
        await desk.settled("delivered")
    assert post.times == pytest.approx([1 + delivery.TROUBLE_SECONDS], abs=0.01)


async def test_an_attempt_that_cannot_be_written_down_is_made_again_with_the_same_id(
    autojump_clock: MockClock,
    catalog: InlineCatalog,
) -> None:
    def answer(_sent: Delivery) -> Outcome:
        catalog.broken = 1 if len(post.sent) == 1 else 0
        return TAKEN

    post = Post(answer, seconds=1)
    async with office(catalog, post) as desk:
        desk.store("s")
        await desk.settled("delivered")
    assert len({sent.headers["webhook-id"] for sent in post.sent}) == 1
    assert gaps(post.times) == pytest.approx([1 + delivery.TROUBLE_SECONDS], abs=0.01)


async def test_an_attempt_that_is_cancelled_is_made_again_by_the_next_run(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    post = Post(seconds=10)
    async with office(catalog, post) as desk:
        desk.store("s")
        await trio.sleep(5)
    assert desk.states() == ["pending"]
    post.seconds = 0
    again = Dispatcher(catalog, post, clock=trio.current_time)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(again.run)
        await desk.settled("delivered")
        nursery.cancel_scope.cancel()
    assert len({sent.headers["webhook-id"] for sent in post.sent}) == 1


async def test_a_receiver_that_fails_every_second_delivery_gets_all_in_order(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    taken: dict[str, list[int]] = {}

    def answer(sent: Delivery) -> Outcome:
        if len(post.sent) % 2:
            return FAILED
        body = json.loads(sent.body)
        taken.setdefault(body["session_uuid"], []).append(body["sequence"])
        return TAKEN

    post = Post(answer, seconds=0.1)
    names = [f"s{number}" for number in range(10)]
    async with office(catalog, post) as desk:
        for name in names:
            desk.session(name)
            desk.store(name, 5)
        await desk.settled(*["delivered"] * 50)
    assert taken == {name: [1, 2, 3, 4, 5] for name in names}
