"""Memory: what the garbage collector looks at, and what goes back to the system."""

import ctypes
import gc

GARBAGE_OBJECTS = 20_000
"""New objects, less those gone again, before the collector looks at them."""
LARGE_BYTES = 1 << 20
"""A block of so much is the system's again as soon as it is free. The slow hash of a key takes 16 MiB."""
_M_MMAP_THRESHOLD = -3  # malloc.h


def spare_the_collector() -> None:
    """Let the garbage collector look at less, and less often.

    What is there when the program is ready stays until its end, and is never garbage; and requests leave many
    objects behind but few cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS, 20, 20)


def return_large_blocks() -> None:
    """Keep glibc from keeping them (mallopt(3)).

    Left to itself it holds large blocks back for the next time, once one was freed, in every thread apart.
    Does nothing under another C library.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
