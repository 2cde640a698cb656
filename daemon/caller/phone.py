"""Somebody on the telephone: the line is alive from the start, and now and then they say something."""

import trio

from daemon.caller.line import Line
from daemon.caller.pace import Spoken, say
from daemon.caller.talk import Talk

BREATH_PACKETS = 5
"""So much silence is sent before looking whether there is something to say: 0.1 s."""


class Phone:
    """One line that sends silence, as a telephone does, except while `speak` is under way."""

    def __init__(self, line: Line, breath: Talk) -> None:
        self.line = line
        self.latest = 0.0
        """By how many seconds the most belated packet of all left too late."""
        self._breath = breath
        self._talk: Talk | None = None
        self._spoken = Spoken(0.0, breath.codec.rate)
        self._done = trio.Event()

    async def run(self) -> None:
        """Keep the line alive until cancelled, without a gap between silence and speech."""
        began = trio.current_time()
        while True:
            talk = self._talk or self._breath
            spoken = await say(talk, [self.line], began=began)
            self.latest = max(self.latest, spoken.latest)
            began += talk.seconds
            if talk is self._talk:
                self._talk, self._spoken = None, spoken
                self._done.set()

    async def speak(self, talk: Talk) -> Spoken:
        """Say this; returns when it has been said. One at a time."""
        if self._talk is not None:
            raise RuntimeError("the last talk is still being spoken")
        self._talk, self._done = talk, trio.Event()
        await self._done.wait()
        return self._spoken
