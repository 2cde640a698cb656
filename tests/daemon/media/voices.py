"""A sender whose every sample tells its number, and where the samples of a recording come from."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from daemon.media import rtp
from daemon.media.codecs import l16
from tests.daemon.media.desk import L16, Datagram

CYCLE = 30_011
"""Sample n of a sender is n modulo this, plus one: never silence, and unlike all within 3.7 s."""
PTIME = 0.02
_VOICE = l16(8000).encode((np.arange(CYCLE + 160) % CYCLE + 1).astype(np.int16))


def packet(
    number: int, arrival: float, *, sequence: int = 0, timestamp: int = 0, ssrc: int = 9, marker: bool = False
) -> Datagram:
    """Samples 160 * `number` and on, in the packet so many places behind `sequence` and `timestamp`."""
    at = 2 * (number * 160 % CYCLE)
    return arrival, rtp.build(
        payload_type=L16,
        sequence=(sequence + number) & 0xFFFF,
        timestamp=(timestamp + number * 160) & 0xFFFFFFFF,
        ssrc=ssrc,
        payload=_VOICE[at : at + 320],
        marker=marker,
    )


def shifts(channel: npt.NDArray[np.int16], start: float) -> npt.NDArray[np.float64]:
    """By how many seconds each sample heard stands behind its time: number n is spoken at n / 8000 + `start`.

    NaN where silence is. Within 1.8 s of the truth; `start` is seconds from the recording's begin.
    """
    away = np.arange(len(channel)) - round(start * 8000) - (channel.astype(np.int64) - 1)
    away = (away + CYCLE // 2) % CYCLE - CYCLE // 2
    return np.where(channel == 0, np.nan, away / 8000)


def in_order(wire: Iterable[Datagram]) -> list[Datagram]:
    """As they arrive."""
    return sorted(wire, key=lambda each: each[0])
