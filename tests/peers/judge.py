"""Is an original in a recording, whole, once, and each part of it at its time? No I/O.

All audio is one channel of int16; positions, lengths and lags are samples.
"""

import numpy as np
import numpy.typing as npt

from daemon.media.codecs import Samples

WINDOW_SECONDS = 0.1
SEARCH_SECONDS = 0.05
"""So far to either side of its place a window is looked for: a lost or doubled packet moves it by less."""
AUDIBLE = 100.0
"""The root mean square of a window in which there is enough to be found by."""

_Floats = npt.NDArray[np.float64]


def offset_of(original: Samples, recording: Samples) -> int:
    """Where in the recording the original's first sample lies, by cross-correlation over all of both."""
    size = len(recording) + len(original)
    spectrum = np.fft.rfft(recording, size) * np.conj(np.fft.rfft(original, size))
    best = int(np.argmax(np.fft.irfft(spectrum, size)))
    return best if best < len(recording) else best - size


def lags(original: Samples, recording: Samples, offset: int, rate: int) -> list[int]:
    """By how much each audible window of the original lies later in the recording than at `offset`.

    `offset` is not negative: the recording has the original's beginning.
    """
    window, search = round(WINDOW_SECONDS * rate), round(SEARCH_SECONDS * rate)
    around = np.pad(recording, (search, search + len(original))).astype(np.float64)
    found = []
    for start in range(0, len(original) - window + 1, window):
        wanted = original[start : start + window].astype(np.float64)
        if np.sqrt(np.mean(wanted**2)) < AUDIBLE:
            continue
        at = offset + start
        found.append(_likeness(wanted, around[at : at + window + 2 * search]) - search)
    return found


def _likeness(wanted: _Floats, among: _Floats) -> int:
    """Where it is found best: the correlation, by the loudness of what it is compared with."""
    products = np.correlate(among, wanted, "valid")
    squares = np.cumsum(np.concatenate([[0.0], among**2]))
    loudness = np.sqrt(squares[len(wanted) :] - squares[: -len(wanted)])
    return int(np.argmax(products / np.maximum(loudness, 1.0)))


def differences(original: Samples, recording: Samples, offset: int) -> int:
    """How many of the recording's samples are not the original's, nor silence before and after it."""
    wanted = np.zeros(len(recording), np.int16)
    first, last = max(0, offset), min(len(recording), offset + len(original))
    wanted[first:last] = original[first - offset : last - offset]
    cut_off = len(original) - max(0, last - first)
    return int(np.count_nonzero(wanted != recording)) + cut_off
