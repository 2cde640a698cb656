"""How near to its time, and how whole, what is said in a manner has to be in its recording. No I/O."""

from dataclasses import dataclass
from typing import Self

from daemon.caller.faults import OVERTAKERS
from daemon.caller.manner import Manner
from daemon.caller.piecewise import Slack
from daemon.caller.talk import Talk

PLACE_SECONDS = 0.020
"""To which sound lies at its time in the file: one packet of the usual length."""
READ_SECONDS = 0.06
"""More over TCP, where what is known of a packet's arrival is when somebody looked."""
PAUSE_SECONDS = 0.2
"""More, where no packet says when it was spoken, and some are not sent: what follows a pause is placed to a
look at the connection, which a recorder of a dozen calls takes every 0.1 s."""
MOST_SKEW_SECONDS = 0.2
"""By no more may a recorder let a sender's clock run off."""
MOST_SLIPS = 0.001
"""Samples put in or left out to follow a clock, of all: ten times what crystals run off."""


@dataclass(frozen=True)
class Tolerance:
    """What a recording is held to."""

    seconds: float
    """To which each packet lies at its time."""
    slack: Slack | None
    """By how much packets may stand away from each other's places; None: not by a sample."""
    slips: int = 0
    """Single samples that may be put in or left out."""

    @classmethod
    def of(cls, manner: Manner, talk: Talk) -> Self:
        """The whole is exact, to the sample, where packets carry their times and arrive evenly, one by one.

        With jitter the first packet, by which all are placed, may be as late as that; a skewed clock may be
        followed by single samples or not, so that it is off by all that it ran off; audio that is read from
        a connection is placed by that, and without times by its order.
        """
        faults, rate = manner.faults, talk.codec.rate
        ran_off = min(abs(faults.skew) * 1e-6 * talk.seconds, MOST_SKEW_SECONDS)
        seconds = PLACE_SECONDS + faults.jitter + ran_off
        if not (manner.over_tcp or faults.jitter or faults.skew):
            return cls(seconds, None)
        if manner.over_tcp:
            seconds += READ_SECONDS if manner.timed or not (faults.dtx or faults.gap) else PAUSE_SECONDS
        # To follow a clock, and to come back from as far as a place may be off.
        slips = (MOST_SLIPS + abs(faults.skew) * 1e-6) * talk.seconds + seconds
        overtaken = OVERTAKERS if faults.reorder else 0  # it stands where the clock is by then
        slack = Slack(1 + overtaken, round(seconds * rate))
        return cls(seconds, slack, round(slips * rate) * (1 + overtaken))
