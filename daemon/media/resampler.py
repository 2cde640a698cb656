"""From one sample rate to another, block by block."""

import numpy as np
import soxr

from daemon.media.codecs import Samples


class Resampler:
    """The state of one resampled stream: blocks may be cut anywhere and leave no seam.

    The output is in time with the input: what is delayed is only when it is given out. It goes through
    floating point because soxr dithers 16 bits, and silence has to stay exact silence.
    """

    def __init__(self, rate: int, output_rate: int) -> None:
        self._stream = soxr.ResampleStream(rate, output_rate, 1, "float32")

    def resample(self, samples: Samples, *, last: bool) -> Samples:
        """What is ready so far; with `last`, all the rest."""
        made = self._stream.resample_chunk(samples.astype(np.float32), last=last)
        rounded: Samples = np.clip(np.rint(made), -32768, 32767).astype(np.int16)
        return rounded
