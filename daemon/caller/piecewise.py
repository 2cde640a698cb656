"""The comparison for audio that a recorder may have moved a little: packet by packet. No I/O.

A recorder that follows a sender's clock leaves out or puts in single samples; one that is told no times finds
the place of what follows a pause by the order alone. So each packet is looked for near the place at which the
one before it leads us to expect it, and has to be there equal bit for bit.

All audio here is one channel of int16; all positions and lengths are samples.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from daemon.caller.compare import Comparison, find_first
from daemon.media.codecs import Samples


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

    `near` is the offset that is expected, `silence` the sample that stands for it. Of a packet at a slip, one
    sample at either end may be missing. Packets of mere silence cannot be told apart: they only have to
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
    first = int(np.argmax(stray)) if stray.any() else search.first_lost
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
        """Find a packet no more than `slack` from where it should be."""
        at = self._find(start + self.shift, piece, slack)
        if at is None:
            if self.first_lost is None:
                self.first_lost = start + self.shift
            return
        shift = at - start
        if follows:
            self.slips += abs(shift - self.shift)
        if shift != self.shift or not self.moves:
            self.moves.append((start, at))
        self.shift, self.last = shift, (start, at)
        first, last = max(0, at), min(len(self.recording), at + len(piece))
        equal = self.recording[first:last] == piece[first - at : last - at]
        self.kept += int(np.count_nonzero(equal))
        self.covered[first:last] = True

    def _find(self, at: int, piece: Samples, slack: int) -> int | None:
        """The nearest place of the packet; at another than `at`, its outermost samples may be others'."""
        if at >= 0 and np.array_equal(self.recording[at : at + len(piece)], piece):
            return at
        first = max(0, at + 1 - slack)
        last = max(first, at + len(piece) - 1 + slack)
        window = self.recording[first:last].tobytes()
        inner = piece[1:-1].tobytes()
        places, found = [], window.find(inner)
        while found >= 0:
            if found % 2 == 0:
                places.append(first + found // 2 - 1)
            found = window.find(inner, found + 1)
        return min(places, key=lambda place: abs(place - at), default=None)
