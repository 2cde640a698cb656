"""Is what was spoken in the file, in order, at its time? A comparison without tolerance. No I/O.

All audio here is one channel of int16; all positions and lengths are samples.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from daemon.media.codecs import Samples

NEEDLE = 400
"""How many samples in a row have to be equal before two places count as the same: 50 ms of telephone
speech."""
NEEDLES = 12
"""How many places of what was spoken are looked for: a recording may lack some of them."""
LOUD = 300
"""The peak above which a stretch of sound is not silence, and so tells one place from another."""


@dataclass(frozen=True)
class Comparison:
    """What a recording keeps of what was spoken."""

    offset: int | None
    """The sample of the recording at which sample 0 of what was spoken lies (negative: the recording began
    later); None where nothing of it was found."""
    spoken: int
    """How many samples had to be there."""
    kept: int
    """How many of them are there, equal bit for bit and at their place."""
    stray: int
    """How many of the recording's other samples are not what they should be: what was sent then, else exact
    silence."""
    first_difference: int | None
    """The recording's first sample that is not what it should be."""

    @property
    def exact(self) -> bool:
        """Everything is there, in order, and nothing else is."""
        return self.kept == self.spoken and self.stray == 0


def compare(
    recording: Samples, sent: Samples, *, near: int, speech: range | None = None, silence: int = 0
) -> Comparison:
    """Compare a recording with all that was sent on the line, as it was decoded from the wire.

    `speech` is the part of `sent` that has to be in the recording (all of it where None); `near` is the
    offset that is expected, which only serves to choose where the same sounds were sent several times.
    `silence` is the sample that stands for it: 8 in a file of A-law, which has no 0.
    """
    speech = range(len(sent)) if speech is None else speech
    offset = find(recording, sent, near=near)
    if offset is None:
        loud = np.flatnonzero(recording != silence)
        first = int(loud[0]) if len(loud) else None
        return Comparison(None, len(speech), 0, len(loud), first)
    equal = recording == expected_recording(sent, offset, len(recording), silence)
    first = None if equal.all() else int(np.argmin(equal))
    inside = equal[max(0, speech.start + offset) : max(0, speech.stop + offset)]
    kept = int(np.count_nonzero(inside))
    stray = int(np.count_nonzero(~equal)) - (len(inside) - kept)
    return Comparison(offset, len(speech), kept, stray, first)


def expected_recording(sent: Samples, offset: int, length: int, silence: int = 0) -> Samples:
    """A perfect recording of `length` samples: what was sent from `offset` on, exact silence elsewhere."""
    perfect = np.full(length, silence, np.int16)
    first, last = max(0, offset), min(length, offset + len(sent))
    if first < last:
        perfect[first:last] = sent[first - offset : last - offset]
    return perfect


def find(recording: Samples, sent: Samples, *, near: int) -> int | None:
    """The offset of `sent` for which most stretches of it agree, the nearest to `near` of equal ones."""
    haystack = recording.tobytes()
    votes: Counter[int] = Counter()
    for start in _needles(sent):
        needle = sent[start : start + NEEDLE].tobytes()
        votes.update(place - start for place in places_of(haystack, needle))
    return max(votes, key=lambda offset: (votes[offset], -abs(offset - near)), default=None)


def find_first(recording: Samples, sent: Samples, *, near: int) -> int | None:
    """The offset of the first stretch of `sent` that is found; of several places, the nearest to `near`.

    For a recording in which offsets may differ from stretch to stretch.
    """
    haystack = recording.tobytes()
    for start in _needles(sent):
        offsets = [place - start for place in places_of(haystack, sent[start : start + NEEDLE].tobytes())]
        if offsets:
            return min(offsets, key=lambda offset: abs(offset - near))
    return None


def _needles(sent: Samples) -> list[int]:
    """The first samples of NEEDLES stretches that are not silence, spread over all that was sent."""
    stretches = np.abs(sent[: len(sent) // NEEDLE * NEEDLE].reshape(-1, NEEDLE).astype(np.int32))
    loud = np.flatnonzero(stretches.max(axis=1, initial=0) > LOUD) * NEEDLE
    chosen = np.linspace(0, len(loud) - 1, min(NEEDLES, len(loud))).astype(int)
    return [int(start) for start in loud[chosen]]


def places_of(haystack: bytes, needle: bytes) -> Iterator[int]:
    """Each sample of the haystack at which the needle begins."""
    at = haystack.find(needle)
    while at >= 0:
        if at % 2 == 0:  # two bytes a sample; at an odd byte it only looks like the needle
            yield at // 2
        at = haystack.find(needle, at + 1)
