"""A talk said on a line of any kind, into a far end that keeps what it got."""

import json
from typing import Any

import numpy as np
import trio

from daemon.caller import kinds
from daemon.caller.dialects.dialect import Message
from daemon.caller.faults import Faults, plan
from daemon.caller.pace import say
from daemon.caller.talk import Talk
from daemon.client import Session
from daemon.media.codecs import Samples
from tests.daemon.caller.farend import FarEnd, listening


def sound(rate: int, packets: int = 3, first: int = 1) -> Samples:
    """Samples none of which is like another."""
    return np.arange(first, first + packets * rate // 50, dtype=np.int16)


def prepared(leg: str, codec: str | None, rate: int, callee: bool = False) -> Talk:
    chosen, payload_type = kinds.named(leg).codec(codec, rate)
    talk = Talk.of(sound(rate), chosen, payload_type)
    return talk.with_callee(sound(rate, first=10_000)) if callee else talk


async def said(leg: str, talk: Talk, *, faults: Faults | None = None) -> FarEnd:
    """Say it twice on a line of that kind, and hang up; what the far end got."""
    kind = kinds.named(leg)
    plans = () if faults is None else [plan(faults, talk.silent, talk.ptime)]
    async with listening() as far_end:
        line = await kind.dial(Session("s", {}, websocket={"caller": far_end.url}), "caller", talk)
        for _ in range(2):
            await say(talk, [line], began=trio.current_time() - 60, plans=plans)
        assert line.unsent == 0
        await line.hang_up()
        await far_end.over.wait()
    assert far_end.code == 1000
    return far_end


def read(message: Message) -> dict[str, Any]:
    assert isinstance(message, str)
    value: dict[str, Any] = json.loads(message)
    return value


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]
