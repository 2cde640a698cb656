"""The comparison for audio that a recorder may have moved a little: packet by packet. No I/O.

A recorder that follows a sender's clock leaves out or puts in single samples; one that is told no times finds
the place of what follows a pause by the order alone. So each packet is looked for near the place at which the
one before it leads us to expect it, and has to be there equal bit for bit.

All audio here is one channel of int16; all positions and lengths are samples.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from daemon.caller.compare import Comparison, find_first, places_of
from daemon.media.codecs import Samples

MOST_EDGE = 8
"""So many samples at either end of a packet may be a neighbour's, where packets moved into each other."""


@dataclass(frozen=True)
class Slack:
    """By how much a packet may stand away from where the one before it lets us expect it."""

    slip: int
    """For each packet that it comes behind the last one with sound."""
    pause: int
    """Behind packets that were not sent."""


@dataclass(frozen=True)
class Piecewise:
    """What a recording keeps of what was spoken, moved here and there."""

    comparison: Comparison
    slips: int
    """Single samples put in or left out between packets that follow each other."""
    moves: tuple[tuple[int, int], ...]
    """Where packets stand, (sample of the talk, of the recording): the first, the last, each moved one."""

    @property
    def exact(self) -> bool:
        """Everything is there, but for a sample at each slip, and nothing else is."""
        found = self.comparison
        return found.kept + self.slips >= found.spoken > 0 and found.stray <= self.slips


def compare_pieces(
    recording: Samples,
    sent: Samples,
    delivered: npt.NDArray[np.bool_],
    *,
    near: int,
    slack: Slack,
    spoken: npt.NDArray[np.bool_] | None = None,
    silence: int = 0,
) -> Piecewise:
    """Compare a recording with all that was sent, of whose packets (all of a length) these were delivered.

    `spoken` are those that the speaker sent, also if they were lost (those delivered where None).

    `near` is the offset that is expected, `silence` the sample that stands for it. Of a packet at a slip, a
    sample or so at either end may be missing. Packets of mere silence cannot be told apart: they only have to
    leave silence.
    """
    size = len(sent) // len(delivered)
    offset = find_first(recording, sent, near=near)
    sounding = delivered & (sent.reshape(-1, size) != silence).any(axis=1)
    behind_of = _behind(sounding, delivered if spoken is None else spoken)
    if offset is None:
        return Piecewise(Comparison(None, size * len(behind_of), 0, 0, None), 0, ())
    search = _Search(recording, offset)
    for number, behind in behind_of.items():
        piece = sent[number * size : (number + 1) * size]
        most = slack.slip * behind if behind else slack.pause
        search.look(number * size, piece, most, follows=behind > 0)
    stray = ~search.covered & (recording != silence)
    first = search.first_lost  # a stray sample may be what a recorder puts in at a slip
    if first is None and stray.any():
        first = int(np.argmax(stray))
    found = Comparison(offset, size * len(behind_of), search.kept, int(np.count_nonzero(stray)), first)
    return Piecewise(found, search.slips, (*search.moves, search.last))


def _behind(sounding: npt.NDArray[np.bool_], spoken: npt.NDArray[np.bool_]) -> dict[int, int]:
    """Each packet with sound, and how many packets it is behind the last one before it.

    0 where the speaker paused in between, and for the first.
    """
    behind: dict[int, int] = {}
    last: int | None = None
    for number, has_sound in enumerate(sounding):
        if not spoken[number]:
            last = None
        elif has_sound:
            behind[number] = 0 if last is None else number - last
            last = number
    return behind


class _Part(NamedTuple):
    """Samples `first` to `last` of a packet, of which sample 0 would stand at `at` in the recording."""

    first: int
    last: int
    at: int


class _Search:
    """Goes through a recording, packet after packet. `shift`: the last one's distance from its place."""

    def __init__(self, recording: Samples, shift: int) -> None:
        self.recording = recording
        self.shift = shift
        self.covered = np.zeros(len(recording), np.bool_)
        self.kept = self.slips = 0
        self.first_lost: int | None = None
        self.moves: list[tuple[int, int]] = []
        self.last = (0, shift)

    def look(self, start: int, piece: Samples, slack: int, *, follows: bool) -> None:
        """Find a packet no more than `slack` from where it should be, whole or in two parts."""
        at = start + self.shift
        parts = self._whole(at, piece, slack) or self._in_two(at, piece, slack)
        if not parts and self.first_lost is None:
            self.first_lost = at
        for part in parts:
            self._take(start, piece, part, follows=follows)
            follows = True

    def _take(self, start: int, piece: Samples, part: _Part, *, follows: bool) -> None:
        shift = part.at - start
        if follows:
            self.slips += abs(shift - self.shift)
        if shift != self.shift or not self.moves:
            self.moves.append((start, part.at))
        self.shift, self.last = shift, (start, part.at)
        first = max(0, part.at + part.first)
        last = min(len(self.recording), part.at + part.last)
        equal = self.recording[first:last] == piece[first - part.at : last - part.at]
        self.kept += int(np.count_nonzero(equal))
        self.covered[first:last] = True

    def _whole(self, at: int, piece: Samples, slack: int) -> tuple[_Part, ...]:
        """The nearest place of the packet; if need be, with samples of others at its edges.

        A packet without a sound but at its edges has to be there with those: elsewhere is silence as well.
        """
        if at >= 0 and np.array_equal(self.recording[at : at + len(piece)], piece):
            return (_Part(0, len(piece), at),)
        edge = min(slack, MOST_EDGE)
        places = self._places(at, piece, slack)
        if not places and piece[edge:-edge].any():
            places = [place - edge for place in self._places(at + edge, piece[edge:-edge], slack)]
        nearest = min(places, key=lambda place: abs(place - at), default=None)
        return () if nearest is None else (_Part(0, len(piece), nearest),)

    def _places(self, at: int, samples: Samples, slack: int) -> list[int]:
        """Where these stand, no more than `slack` from there."""
        first = max(0, at - slack)
        last = max(first, at + len(samples) + slack)
        window = self.recording[first:last].tobytes()
        return [first + found for found in places_of(window, samples.tobytes())]

    def _in_two(self, at: int, piece: Samples, slack: int) -> tuple[_Part, ...]:
        """A packet within which the clock was followed: as long a beginning as goes on, then all the rest."""
        near = sorted(range(-min(slack, MOST_EDGE), min(slack, MOST_EDGE) + 1), key=abs)
        if at < MOST_EDGE or at + len(piece) + MOST_EDGE > len(self.recording):
            return ()
        alike = {move: self.recording[at + move : at + move + len(piece)] == piece for move in near}
        begins = {move: _run(same) for move, same in alike.items()}
        ends = {move: _run(same[::-1]) for move, same in alike.items()}
        one, two = max(near, key=begins.__getitem__), max(near, key=ends.__getitem__)
        middle, missing = len(piece) - ends[two], len(piece) - begins[one] - ends[two]
        if missing > abs(two - one):
            return ()
        return _Part(0, min(begins[one], middle), at + one), _Part(middle, len(piece), at + two)


def _run(same: npt.NDArray[np.bool_]) -> int:
    """How many are true from the first one on."""
    return len(same) if same.all() else int(np.argmin(same))
