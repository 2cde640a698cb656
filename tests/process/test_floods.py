"""A few lines a second of each kind are written, and the others counted; in the whole process, too."""

import subprocess
import sys

from wavstream.process.floods import Floodgate

LOGGING = """
import logging
from wavstream.process import logs
logs.configure()
log = logs.get("x")
for number in range(100):
    log.warning("refused", peer="127.0.0.1", number=number)
    log.warning("audio lost", session=number)
    logging.getLogger("library").error("failed")
"""


def test_so_many_of_a_kind_pass_in_a_second() -> None:
    gate = Floodgate(2)
    assert [gate.passing("a", 1.0) for _ in range(4)] == [0, 0, None, None]
    assert gate.passing("b", 1.0) == 0


def test_the_next_second_says_how_many_were_held_back() -> None:
    gate = Floodgate(1)
    for _ in range(4):
        gate.passing("a", 1.9)
    assert gate.passing("a", 2.0) == 3
    assert gate.passing("a", 3.0) == 0


def test_what_others_can_cause_is_thinned_and_what_a_call_says_is_not() -> None:
    """100 of each, in one second or on the border of two: 10 or 20 refusals, all 100 of the calls."""
    done = subprocess.run([sys.executable, "-c", LOGGING], capture_output=True, text=True, check=True)
    said = {words: done.stderr.count(words) for words in ("refused", "audio lost", "failed")}
    assert said["audio lost"] == 100
    assert said["refused"] in {10, 20}
    assert said["failed"] in {10, 20}
