"""Saying a talk in real time, on any number of lines at once, by one absolute schedule."""

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import trio

from daemon.caller.faults import Plan, Turn
from daemon.caller.line import Line
from daemon.caller.talk import Talk

LISTEN_SECONDS = 1.0
"""Between two looks at what came back."""


@dataclass
class Spoken:
    """When a talk was said: the caller's own measure of its time, on Trio's clock."""

    began: float
    """When its sample 0 was spoken. A packet leaves when its last sample has been spoken, not before."""
    rate: int
    packets: int = 0
    """How far it has got: packets whose time has come, whether or not they left."""
    latest: float = 0.0
    """How many seconds the most belated packet left after its time: the caller's fault, not the
    recorder's."""
    speed: float = 1.0
    """How many seconds of the speaker's clock go by in one of ours."""

    def at(self, sample: int) -> float:
        """When this sample was spoken."""
        return self.began + sample / self.rate / self.speed


Turns = Iterator[tuple[Turn, Sequence[Line]]]


async def say(
    talk: Talk,
    lines: Sequence[Line],
    *,
    said: Callable[[Spoken], None] | None = None,
    began: float | None = None,
    plans: Sequence[Plan] = (),
    speed: float = 1.0,
) -> Spoken:
    """Say a talk on all lines together and return when its last packet has left.

    The first sample is spoken at `began`, or now. `said` is called after each packet. A late wake-up moves no
    later packet: what is overdue leaves at once. The lines share one wake-up a packet, which is what makes
    many cheap; with `plans`, one for each line, each has turns of its own.
    """
    spoken = Spoken(trio.current_time() if began is None else began, talk.codec.rate, speed=speed)
    listened = spoken.began
    for turn, speaking in _each_own(plans, lines) if plans else _together(talk, lines):
        due = spoken.began + turn.at
        await trio.sleep_until(due)
        for line in speaking:
            line.send(talk, turn)
        spoken.packets = max(spoken.packets, turn.number + 1)
        now = trio.current_time()
        spoken.latest = max(spoken.latest, now - due)
        if now - listened >= LISTEN_SECONDS:
            listened = now
            for line in lines:
                line.listen()
        if said is not None:
            said(spoken)
    await trio.sleep_until(spoken.at(len(talk.payloads) * talk.samples))
    for number, line in enumerate(lines):
        line.finish(talk, plans[number].sent if plans else len(talk.payloads))
        line.listen()
    return spoken


def _together(talk: Talk, lines: Sequence[Line]) -> Turns:
    """Nothing goes wrong: each packet leaves on all lines at once."""
    for number in range(len(talk.payloads)):
        yield Turn((number + 1) * talk.ptime, number, number, number == 0), lines


def _each_own(plans: Sequence[Plan], lines: Sequence[Line]) -> Turns:
    """Each line's turns by its own plan, in the order of their times."""
    own = [_alone(plan, line) for plan, line in zip(plans, lines, strict=True)]
    return heapq.merge(*own, key=lambda each: each[0].at)


def _alone(plan: Plan, line: Line) -> Turns:
    for turn in plan.turns:
        yield turn, (line,)
