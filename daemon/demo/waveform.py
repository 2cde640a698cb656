"""A picture of sound for a terminal: Braille dots, or hash signs where there is no Unicode. No I/O."""

import itertools

import numpy as np

from daemon.media.codecs import Samples

# The eight dots of a Braille character (Unicode 28xx), from the top row down: the bits of the left and
# right column.
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BRAILLE = 0x2800
FULL_SCALE = 32768


def peaks(samples: Samples, columns: int) -> list[float]:
    """The largest amplitude in each of `columns` equal parts, from 0 to 1 of full scale."""
    edges = np.linspace(0, len(samples), columns + 1).astype(int)
    parts = (samples[first:last] for first, last in itertools.pairwise(edges))
    return [float(np.abs(part.astype(np.int32)).max(initial=0)) / FULL_SCALE for part in parts]


def picture(samples: Samples, *, width: int, rows: int = 4, plain: bool = False) -> list[str]:
    """Lines of `width` characters: time from left to right, amplitude from the middle line up and down.

    The loudest sound reaches the edge, so that a quiet call can be seen as well. Silence is a thin line,
    never nothing.
    """
    dots_across, dots_down = (1, 1) if plain else (2, 4)
    heights = peaks(samples, width * dots_across)
    loudest = max(heights, default=0.0) or 1.0
    half = rows * dots_down / 2
    reach = [max(0.5, height / loudest * half) for height in heights]
    lit = [[abs(row + 0.5 - half) <= tall for tall in reach] for row in range(rows * dots_down)]
    if plain:
        return ["".join("#" if dot else " " for dot in line) for line in lit]
    return [_braille_line(lit[first : first + 4]) for first in range(0, len(lit), 4)]


def _braille_line(lit: list[list[bool]]) -> str:
    """One line of characters of four rows of dots."""
    characters = []
    for column in range(0, len(lit[0]), 2):
        bits = sum(
            bit
            for row, pair in zip(lit, _DOTS, strict=True)
            for bit, dot in zip(pair, row[column : column + 2], strict=True)
            if dot
        )
        characters.append(chr(_BRAILLE + bits))
    return "".join(characters)


def ruler(seconds: float, width: int) -> str:
    """A line of `width` characters with the seconds under a picture: `0 s      2        4 …`."""
    step = next(
        step for step in (1, 2, 5, 10, 30, 60, 300, 3600) if seconds / step * 5 <= width or step == 3600
    )
    line = [" "] * width
    for second in range(0, int(seconds) + 1, step):
        label = "0 s" if second == 0 else str(second)
        at = int(second / seconds * width) if seconds else 0
        if at + len(label) <= width:
            line[at : at + len(label)] = label
    return "".join(line)
