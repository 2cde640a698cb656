"""Saying a talk in real time, on any number of lines at once, by one absolute schedule."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import trio

from daemon.caller.line import Line
from daemon.caller.talk import PTIME_SECONDS, Talk

LISTEN_EVERY = 50
"""Packets between two looks at what came back: one second."""


@dataclass
class Spoken:
    """When a talk was said: the caller's own measure of its time, on Trio's clock."""

    began: float
    """When its sample 0 was spoken. A packet leaves when its last sample has been spoken, not before."""
    rate: int
    packets: int = 0
    latest: float = 0.0
    """How many seconds the most belated packet left after its time: the caller's fault, not the
    recorder's."""

    def at(self, sample: int) -> float:
        """When this sample was spoken."""
        return self.began + sample / self.rate


async def say(
    talk: Talk,
    lines: Sequence[Line],
    *,
    said: Callable[[Spoken], None] | None = None,
    began: float | None = None,
) -> Spoken:
    """Say a talk on all lines together and return when its last packet has left.

    The first sample is spoken at `began`, or now. `said` is called after each packet. A late wake-up moves no
    later packet: what is overdue leaves at once. The lines share one wake-up a packet, which is what makes
    many cheap.
    """
    spoken = Spoken(trio.current_time() if began is None else began, talk.codec.rate)
    for number in range(len(talk.payloads)):
        due = spoken.began + (number + 1) * PTIME_SECONDS
        await trio.sleep_until(due)
        for line in lines:
            line.send(talk, number)
        spoken.packets = number + 1
        spoken.latest = max(spoken.latest, trio.current_time() - due)
        if number % LISTEN_EVERY == 0:
            for line in lines:
                line.listen()
        if said is not None:
            said(spoken)
    for line in lines:
        line.listen()
    return spoken
