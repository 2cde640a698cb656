"""Somebody on the telephone: the line is alive from the start, and now and then they say something."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import trio

from daemon.caller.faults import Plan
from daemon.caller.line import Line
from daemon.caller.pace import Spoken, say
from daemon.caller.talk import Talk

BREATH_PACKETS = 5
"""So much silence is sent before looking whether there is something to say: 0.1 s."""


class _Speech(NamedTuple):
    talk: Talk
    said: Callable[[Spoken], None] | None = None
    plans: Sequence[Plan] = ()
    speed: float = 1.0


class Phone:
    """Lines that send silence, as a telephone does, except while `speak` is under way."""

    def __init__(self, lines: Sequence[Line], breath: Talk) -> None:
        self.lines = lines
        self.latest = 0.0
        """By how many seconds the most belated packet of all left too late."""
        self._breath = _Speech(breath)
        self._speech: _Speech | None = None
        self._spoken = Spoken(0.0, breath.codec.rate)
        self._done = trio.Event()

    async def run(self) -> None:
        """Keep the lines alive until cancelled, without a gap between silence and speech."""
        began = trio.current_time()
        while True:
            speech = self._speech or self._breath
            talk, said, plans, speed = speech
            spoken = await say(talk, self.lines, began=began, said=said, plans=plans, speed=speed)
            self.latest = max(self.latest, spoken.latest)
            began += talk.seconds / speed
            if speech is self._speech:
                self._speech, self._spoken = None, spoken
                self._done.set()

    async def speak(
        self,
        talk: Talk,
        *,
        said: Callable[[Spoken], None] | None = None,
        plans: Sequence[Plan] = (),
        speed: float = 1.0,
    ) -> Spoken:
        """Say this, as `say` does it; returns when it has been said. One at a time."""
        if self._speech is not None:
            raise RuntimeError("the last talk is still being spoken")
        self._speech, self._done = _Speech(talk, said, plans, speed), trio.Event()
        await self._done.wait()
        return self._spoken
