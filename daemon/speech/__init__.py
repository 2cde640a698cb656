"""Two people on the telephone, ten seconds each, 8 kHz mono 16 bit: what is said where no file is given.

`benchmarks/speech.py` makes these files.
"""

from pathlib import Path

CALLER = Path(__file__).parent / "caller.wav"
"""A man asks where his order is."""
CALLEE = Path(__file__).parent / "callee.wav"
"""A woman at a call centre answers."""
