"""REDbot looks at a finished recording's URL: `python -m tests.wavstream.redbot [PROGRAM]`.

REDbot (https://redbot.org) is none of our tools: install it anywhere (`pip install redbot`), and name its
program where it is not on the path. Exit status 1 where it reports an error, or a warning that is not meant.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import trio

from tests.wavstream.clients import audio, close, exchange, text, upgrade
from tests.wavstream.servers import running

DELIBERATE = {
    "CONTENT_TYPE_MISMATCH": "its sniffer knows no audio/wav, the name that the contract has for WAV",
}
SECOND = bytes(range(250)) * 64


async def notes(program: str, folder: Path) -> list[dict[str, Any]]:
    """What REDbot says of a recording of half a minute."""
    async with running(folder) as server:
        call = upgrade("/ws") + text("call-0001.wav") + audio(SECOND * 30) + close()
        await exchange(server.listening.ingest, [call])
        [row] = await server.ended(1)
        seen = await trio.run_process([program, "-o", "har", row["url"]], capture_stdout=True)
    entries = json.loads(seen.stdout)["log"]["entries"]
    return [note for entry in entries for note in entry["_red_messages"]]


def verdict(note: dict[str, Any]) -> str:
    """A line: the level, what it is about, and why a warning is no wrong."""
    why = DELIBERATE.get(note["note_id"])
    return f"{note['level']:5} {note['summary']}" + (f" (deliberate: {why})" if why else "")


def main() -> int:
    """See the module."""
    program = sys.argv[1] if len(sys.argv) > 1 else "redbot"
    with tempfile.TemporaryDirectory() as folder:
        found = trio.run(notes, program, Path(folder))
    sys.stdout.write("\n".join([verdict(note) for note in found]) + "\n")
    wrong = [note for note in found if note["level"] == "BAD"]
    wrong += [note for note in found if note["level"] == "WARN" and note["note_id"] not in DELIBERATE]
    return 1 if wrong or not found else 0


if __name__ == "__main__":
    sys.exit(main())
