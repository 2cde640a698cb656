"""How calls are spoken: into which kind of line, and with which faults."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import trio

from daemon.caller import faults
from daemon.caller.faults import Faults, Plan
from daemon.caller.line import Line
from daemon.caller.lines.rtp import RtpLine
from daemon.caller.talk import Talk
from daemon.client import Session

Dial = Callable[[Session, Talk], Awaitable[Line]]
"""Opens a line into a session, for what will be said on it. Raises LineError."""


async def dial_rtp(session: Session, _: Talk) -> Line:
    """A line into the caller's RTP port."""
    await trio.lowlevel.checkpoint()
    return RtpLine(session.rtp["caller"])


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
