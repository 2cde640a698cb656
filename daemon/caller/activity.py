"""When somebody speaks, and when not: what a telephone looks at that sends nothing in pauses. No I/O."""

import numpy as np
import numpy.typing as npt

from daemon.media.codecs import Samples

QUIET = 300
"""The peak up to which a packet holds no speech: 41 dB below full scale, above a quiet room's noise."""
HANGOVER_SECONDS = 0.2
"""Speech that ends is still sent for so long, as GSM and AMR do: the soft end of a word is part of it."""


def silent(sound: Samples, samples: int, rate: int) -> npt.NDArray[np.bool_]:
    """For each packet of so many samples, whether nobody speaks in it, nor has just spoken."""
    peaks = np.abs(sound.reshape(-1, samples).astype(np.int32)).max(axis=1, initial=0)
    speech = peaks > QUIET
    held: npt.NDArray[np.bool_] = speech.copy()
    for behind in range(1, round(HANGOVER_SECONDS * rate / samples) + 1):
        held[behind:] |= speech[:-behind]
    return ~held
