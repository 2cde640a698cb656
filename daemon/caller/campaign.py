"""Many calls at once through the daemon's API, with recordings around what is said."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import trio

from daemon.caller.faults import Plan
from daemon.caller.line import Line
from daemon.caller.manner import PLAIN, Manner
from daemon.caller.pace import Spoken, say
from daemon.caller.phone import BREATH_PACKETS, Phone
from daemon.caller.talk import Talk
from daemon.client import ApiError, Client, RecordingView, Session

COMPLETED_SECONDS = 60.0
"""From the stop of a recording until it can be downloaded: well under a second, more if hundreds stop at
once."""
ASK_SECONDS = 0.25
"""Between two looks at a recording that is being completed."""
COOLDOWN_SECONDS = 2.0
"""A session takes no second recording command within this time."""
TIDY_SECONDS = 5.0
"""For hanging up what was begun when something else went wrong."""
AFTER_SECONDS = 0.1
"""What is said is over when its last packet has arrived; the recordings are stopped a little after that."""
HEARD_SECONDS = 30.0
"""From the first silence on a line until the daemon has heard it: a beat, more where hundreds begin."""
LEAD_SECONDS = 0.3
"""Of silence around what is said, on a line that breathes: audio without times is placed to 60 ms."""


T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Placed:
    """One call of many, and what is known of it."""

    session: Session
    line: Line
    plan: Plan | None = None
    """Which packets left, where something was to go wrong."""
    started: tuple[float, float] | None = None
    """Between which times (Trio's clock) its recording was started, if it was."""
    recording: RecordingView | None = None
    """Its recording once it is over."""
    legs: Sequence[Mapping[str, Any]] = ()
    """How the daemon heard it, as it shows it."""


Saying = Callable[[Spoken], None]
"""Called after each packet, with the measure of what has been said."""


async def record(
    client: Client, talk: Talk, count: int, said: Saying, *, manner: Manner = PLAIN, **session: Any
) -> list[Placed]:
    """Place so many calls, record the talk in each, and wait until all can be downloaded.

    `session` goes into the body of each new session. Raises ApiError, LineError; all calls are then hung up.
    """
    async with (
        _placed(client, talk, count, manner, session) as calls,
        _ready(client, talk, calls, manner) as speak,
    ):
        recorded = await _each(calls, partial(_start, client))
        await speak(said, COOLDOWN_SECONDS)
        await _each(calls, lambda call: client.command(call.session.session_uuid, "record/stop"))
        # In turn: when the first one is over, most of the others are as well, and one look is enough.
        return [await _completed(client, call) for call in recorded]


async def talk_only(
    client: Client, talk: Talk, count: int, said: Saying, *, manner: Manner = PLAIN, **session: Any
) -> list[Placed]:
    """Place so many calls and say the talk in each; somebody else may record them."""
    async with (
        _placed(client, talk, count, manner, session) as calls,
        _ready(client, talk, calls, manner) as speak,
    ):
        await speak(said, 0.0)
        return list(calls)


@asynccontextmanager
async def _placed(
    client: Client, talk: Talk, count: int, manner: Manner, session: Mapping[str, Any]
) -> AsyncIterator[Sequence[Placed]]:
    """So many sessions with a line into each; at the end of the block they are hung up, whatever happened."""
    sessions: list[Session] = []
    lines: list[Line] = []

    async def create(_: int) -> None:
        sessions.append(await client.create_session(**session))

    async def dial(number: int) -> None:
        line = await manner.line(sessions[number], talk)
        lines.append(line)
        calls[number] = Placed(sessions[number], line, plans[number] if plans else None)

    calls: dict[int, Placed] = {}
    plans = manner.plans(talk, count)
    try:
        await _each(range(count), create)
        await _each(range(count), dial)
        yield [calls[number] for number in range(count)]
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + TIDY_SECONDS):
            await _each(lines, lambda line: line.hang_up())
            await _each(sessions, partial(_hang_up, client))


Speak = Callable[[Saying, float], Awaitable[None]]
"""Says the talk in all calls; takes so many seconds at least."""


@asynccontextmanager
async def _ready(client: Client, talk: Talk, calls: Sequence[Placed], manner: Manner) -> AsyncIterator[Speak]:
    """While the block runs, the lines breathe, if theirs is a manner that does; they are heard already."""
    lines = [call.line for call in calls]
    how: Mapping[str, Any] = {
        "plans": [call.plan for call in calls if call.plan is not None],
        "speed": manner.faults.speed,
    }
    if not manner.breathes:
        yield partial(_speak, partial(say, talk, lines, **how), 0.0)
        return
    phone = Phone(lines, talk.breath(BREATH_PACKETS))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(phone.run)
        await _each(calls, partial(_until_heard, client, manner.lines(talk)))
        yield partial(_speak, partial(phone.speak, talk, **how), LEAD_SECONDS)
        nursery.cancel_scope.cancel()


async def _speak(
    say_it: Callable[..., Awaitable[Spoken]], lead: float, said: Saying, at_least: float
) -> None:
    began = trio.current_time()
    await trio.sleep(lead)
    await say_it(said=said)
    await trio.sleep_until(max(began + at_least, trio.current_time() + max(lead, AFTER_SECONDS)))


async def _until_heard(client: Client, lines: int, call: Placed) -> None:
    """Wait until the daemon has heard so many lines of the call. Raises ApiError."""
    uuid = call.session.session_uuid
    give_up = trio.current_time() + HEARD_SECONDS
    while trio.current_time() < give_up:
        legs = (await client.show(uuid)).get("legs") or ()
        if sum(leg.get("state") == "active" for leg in legs) >= lines:
            return
        await trio.sleep(ASK_SECONDS)
    raise ApiError(f"session {uuid}: its line was not heard within {HEARD_SECONDS:.0f} s")


async def _start(client: Client, call: Placed) -> Placed:
    asked = trio.current_time()
    await client.command(call.session.session_uuid, "record/start")
    return replace(call, started=(asked, trio.current_time()))


async def _completed(client: Client, call: Placed) -> Placed:
    """Wait until the recording is over."""
    uuid = call.session.session_uuid
    give_up = trio.current_time() + COMPLETED_SECONDS
    while trio.current_time() < give_up:
        view = await client.show(uuid)
        if not view.get("recording"):
            raise ApiError(f"session {uuid} has no recording: record/start was not carried out")
        recording = RecordingView.of(view["recording"])
        if recording.over:
            return replace(call, recording=recording, legs=view.get("legs") or ())
        await trio.sleep(ASK_SECONDS)
    raise ApiError(f"session {uuid}: its recording was not completed within {COMPLETED_SECONDS:.0f} s")


async def _hang_up(client: Client, session: Session) -> None:
    try:
        await client.command(session.session_uuid, "hangup")
    except ApiError:
        return  # it has ended by itself, or the daemon is gone: either way nothing is left to hang up


async def _each(many: Sequence[T], work: Callable[[T], Awaitable[R]]) -> list[R]:
    """Do the same for all, at the same time; the client bounds how many requests are under way."""
    done: dict[int, R] = {}

    async def one(number: int, each: T) -> None:
        done[number] = await work(each)

    async with trio.open_nursery() as nursery:
        for number, each in enumerate(many):
            nursery.start_soon(one, number, each)
    return [done[number] for number in range(len(many))]
