"""How calls are spoken: into which kind of line, and with which faults."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import trio

from daemon.caller import faults
from daemon.caller.faults import Faults, Plan
from daemon.caller.line import Line
from daemon.caller.lines.pair import Pair
from daemon.caller.lines.rtp import RtpLine
from daemon.caller.talk import Talk
from daemon.client import Session

PARTING_SECONDS = 5.0
"""For hanging up one of two lines, when the other could not be opened."""

Dial = Callable[[Session, str, Talk], Awaitable[Line]]
"""Opens a line into a session's leg (`caller`, `callee`), for what will be said on it. Raises LineError."""


async def dial_rtp(session: Session, leg: str, _: Talk) -> Line:
    """A line into a leg's RTP port."""
    await trio.lowlevel.checkpoint()
    return RtpLine(session.rtp[leg])


@dataclass(frozen=True)
class Manner:
    """How all calls of a campaign are spoken."""

    dial: Dial = dial_rtp
    faults: Faults = faults.NONE
    breathes: bool = False
    """Whether the line has to be heard before a recording starts, as its rate is known only then; it then
    carries silence before and after the talk."""
    timed: bool = True
    """Whether each packet says when it was spoken. Without that, a recorder goes by the order alone."""
    over_tcp: bool = False
    """Whether nobody can say of a packet when it arrived, only when it was read."""
    both: bool = False
    """Whether one line carries caller and callee."""

    def lines(self, talk: Talk) -> int:
        """How many connections a call is that says this: 1 or 2."""
        return 1 if self.both else len(talk.voices)

    async def line(self, session: Session, talk: Talk) -> Line:
        """A line into a session, for all that is said in the talk; two as one where each carries one voice.

        Raises LineError.
        """
        if talk.callee is None or self.lines(talk) == 1:
            return await self.dial(session, "caller", talk)
        caller = await self.dial(session, "caller", talk)
        try:
            return Pair(caller, await self.dial(session, "callee", talk.callee))
        except BaseException:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + PARTING_SECONDS):
                await caller.hang_up()
            raise

    def session(self, talk: Talk) -> dict[str, Any]:
        """What a new session has to be told about a call: its legs, and the rate that is not heard before."""
        legs = {} if talk.callee is None else {"legs": 2}
        codec = talk.codec
        if self.breathes or codec.name in {"PCMU", "PCMA"}:
            return legs
        told = {"payload_type": talk.payload_type, "encoding": codec.name, "rate": codec.rate}
        return legs | {"rtp": told}

    def plans(self, talk: Talk, lines: int) -> Sequence[Plan]:
        """A plan for each line; none where nothing goes wrong."""
        if not self.faults.any:
            return ()
        return [faults.plan(self.faults, talk.silent, talk.ptime, line) for line in range(lines)]


PLAIN = Manner()
"""RTP, and nothing goes wrong."""
