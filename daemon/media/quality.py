"""How good a leg's audio is: what came of it on its way to us, and what a recording has of it. No I/O."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from daemon.media.codecs import Samples

AUDIBLE = 16
"""A sample no further from zero is silence: -66 dBFS. A-law's own is 8, and a resampler rings above it."""


def is_audible(samples: Samples) -> bool:
    """Whether anything in them can be heard; comfort noise can, a line that sends zeros cannot."""
    return len(samples) > 0 and bool(samples.max() > AUDIBLE or samples.min() < -AUDIBLE)


def audible_end(samples: Samples) -> int:
    """The index after the last of them that can be heard; 0 where none can."""
    if not is_audible(samples):
        return 0
    loud = (samples > AUDIBLE) | (samples < -AUDIBLE)
    return len(loud) - int(loud[::-1].argmax())


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What has come to a leg, since it listens or in a span of time: packets, or what stands for them.

    `packets` came once each, `lost` never did, `reordered` were overtaken by a later one, `duplicates` came
    twice. Over TCP nothing is lost, overtaken or doubled.
    """

    packets: int = 0
    lost: int = 0
    reordered: int = 0
    duplicates: int = 0
    jitter_ms: float | None = None
    """Interarrival jitter of the last packets (RFC 3550 section 6.4.1); None: they have no times."""
    drift_ppm: float | None = None
    """By how many millionths the sender's clock is faster than ours; None until that is known."""

    def since(self, earlier: "Received") -> "Received":
        """What has come since it was `earlier`; jitter and drift are those of now.

        No count is below zero: what was missed at first may have come meanwhile, and is lost no more.
        """
        return Received(
            packets=max(0, self.packets - earlier.packets),
            lost=max(0, self.lost - earlier.lost),
            reordered=max(0, self.reordered - earlier.reordered),
            duplicates=max(0, self.duplicates - earlier.duplicates),
            jitter_ms=self.jitter_ms,
            drift_ppm=self.drift_ppm,
        )


@dataclass(slots=True)
class Spans:
    """How long the audio was that came to some end in a recording, in seconds at the leg's own clock."""

    heard: float = 0.0
    """Had its place when that was closed, masked or not."""
    late: float = 0.0
    """Came when its place was closed."""
    dropped: float = 0.0
    """Came, and is not in the recording though it was spoken in it: late, too early, or its place taken."""

    def add(self, other: Self) -> None:
        """Add another's spans."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality(Received):
    """How good one side of a recording is, from the recording's start on; seconds are those of its audio."""

    late_seconds: float
    """Audio that came when its place was closed."""
    dropped_seconds: float
    """Audio that is not in it though it came: what was late, claimed a place too far ahead, or one taken."""
    filled_seconds: float
    """Exact silence in the place of what never came in time."""
    silent_seconds: float
    """How long nothing audible has stood in it, at its end or up to now; a pause is no silence."""
    audible: bool
    """Whether anything audible stands in it at all."""

    def view(self) -> dict[str, Any]:
        """As JSON has it; durations to a millisecond."""
        return {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }
