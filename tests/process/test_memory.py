"""What a slow hash takes is the system's again as soon as it is done, in whichever thread it ran."""

import subprocess
import sys

HASHING = """
import hashlib, sys, threading
from pathlib import Path
from wavstream.process.memory import return_large_blocks

def rss():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

def hashing():
    for _ in range(2):
        hashlib.scrypt(b"a key", salt=b"salt", n=2**14, r=8, p=1, maxmem=64 * 2**20)
        turn.wait()

if "mallopt" in sys.argv:
    return_large_blocks()
before, turn = rss(), threading.Barrier(6)
threads = [threading.Thread(target=hashing) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(rss() - before)
"""


def kept(*words: str) -> int:
    """How many bytes are still held after six threads have hashed twice, 16 MiB each."""
    done = subprocess.run(
        [sys.executable, "-c", HASHING, *words], capture_output=True, text=True, check=True, timeout=60
    )
    return int(done.stdout)


def test_large_blocks_go_back_to_the_system() -> None:
    assert kept("mallopt") < 8 << 20
