"""Two lines into one call are one: both voices at the same time, and both hung up, whatever happens."""

from dataclasses import dataclass, field

import numpy as np
import pytest
import trio

from daemon.caller.faults import Turn
from daemon.caller.line import Line, LineError
from daemon.caller.lines.pair import Pair
from daemon.caller.manner import Manner
from daemon.caller.pace import say
from daemon.caller.talk import Talk
from daemon.client import Session
from daemon.media.codecs import PCMU

TALK = Talk.of(np.full(320, 1000, np.int16), PCMU, 0).with_callee(np.full(320, -1000, np.int16))


@dataclass
class Noted:
    """A line that notes what is done with it."""

    leg: str
    sent: int = 0
    unsent: int = 0
    heard: int = 0
    payloads: list[bytes] = field(default_factory=list)
    hung_up: int = 0

    def send(self, talk: Talk, turn: Turn) -> None:
        self.sent += 1
        self.payloads.append(talk.payloads[turn.number])

    def finish(self, talk: Talk, sent: int) -> None:
        self.unsent += sent

    def listen(self) -> None:
        self.heard += 1

    async def hang_up(self) -> None:
        self.hung_up += 1
        await trio.lowlevel.checkpoint()


async def test_each_line_gets_its_own_voice() -> None:
    lines: dict[str, Noted] = {}

    async def dial(_: Session, leg: str, talk: Talk) -> Line:
        await trio.lowlevel.checkpoint()
        lines[leg] = Noted(leg)
        return lines[leg]

    pair = await Manner(dial=dial).line(Session("s", {}), TALK)
    assert isinstance(pair, Pair)
    await say(TALK, [pair])
    await pair.hang_up()
    assert TALK.callee is not None
    assert lines["caller"].payloads == list(TALK.payloads)
    assert lines["callee"].payloads == list(TALK.callee.payloads)
    assert (pair.sent, pair.unsent, pair.heard) == (4, 4, 2)
    assert [line.hung_up for line in lines.values()] == [1, 1]


async def test_a_line_that_carries_both_is_one() -> None:
    async def dial(_: Session, leg: str, talk: Talk) -> Line:
        await trio.lowlevel.checkpoint()
        return Noted(leg)

    manner = Manner(dial=dial, both=True)
    assert isinstance(await manner.line(Session("s", {}), TALK), Noted)
    assert (manner.lines(TALK), Manner().lines(TALK)) == (1, 2)


async def test_where_the_second_cannot_be_opened_the_first_is_hung_up() -> None:
    caller = Noted("caller")

    async def dial(_: Session, leg: str, talk: Talk) -> Line:
        await trio.lowlevel.checkpoint()
        if leg == "callee":
            raise LineError("nobody there")
        return caller

    with pytest.raises(LineError, match="nobody there"):
        await Manner(dial=dial).line(Session("s", {}), TALK)
    assert caller.hung_up == 1
