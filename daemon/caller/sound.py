"""Any sound file as one channel of int16 at the rate that a call is spoken at."""

from pathlib import Path
from typing import cast

import numpy as np
import soundfile
import soxr

from daemon.media.codecs import Samples

MAX_SECONDS = 4 * 3600
"""Longer files are refused: the sound is held in memory, some 60 MB an hour at 8 kHz while it is
resampled."""


class SoundError(Exception):
    """A file cannot be spoken. Its text is one plain line that names the file."""


def load(path: Path, rate: int) -> Samples:
    """The sound of a WAV file (or what else libsndfile reads), mixed to one channel, at `rate` Hz.

    A file of one channel, 16 bits and that very rate keeps every sample as it is. Raises SoundError.
    """
    try:
        with soundfile.SoundFile(path) as file:
            if file.frames > MAX_SECONDS * file.samplerate:
                raise SoundError(f"{path}: longer than {MAX_SECONDS // 3600} hours")
            own_rate = file.samplerate
            sound = cast("Samples", file.read(dtype="int16", always_2d=True))
    except (soundfile.LibsndfileError, OSError) as wrong:
        raise SoundError(f"{path}: {_reason(path, wrong)}") from None
    if not len(sound):
        raise SoundError(f"{path}: holds no sound")
    one = sound[:, 0] if sound.shape[1] == 1 else np.rint(sound.mean(axis=1)).astype(np.int16)
    return one if own_rate == rate else cast("Samples", soxr.resample(one, own_rate, rate))


def _reason(path: Path, wrong: Exception) -> str:
    if not path.exists():
        return "no such file"
    if not path.is_file():
        return "not a file"
    return (
        f"not a sound file that can be read ({wrong})" if isinstance(wrong, OSError) else "not a sound file"
    )


def lasting(sound: Samples, length: int) -> Samples:
    """The sound said again and again, or cut off, so that it is `length` samples long."""
    return np.resize(sound, length)
