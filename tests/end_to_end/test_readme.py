"""The README's lines do what they say, as they are written."""

import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import soundfile
import trio

from tests.end_to_end.house import PATIENCE_SECONDS, opened

ROOT = Path(__file__).resolve().parents[2]


def lines() -> str:
    """The shell lines of the section that makes a recording with curl."""
    section = (ROOT / "README.md").read_text().split("## A recording, with curl")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"```bash\n(.*?)```", section, re.DOTALL))


async def test_the_recording_with_curl_can_be_made_as_written(tmp_path: Path) -> None:
    script = lines().replace('"$PWD/.venv/bin:$PATH"', f'"{Path(sys.executable).parent}:$PATH"')
    async with opened(tmp_path) as house:
        assert script.count("127.0.0.1:8000") == 1
        script = "set -eu\n" + script.replace("127.0.0.1:8000", house.api).replace(
            "--max-time 4", "--max-time 2"
        )
        run = partial(
            trio.run_process,
            ["bash", "-c", script.replace("--output live.wav ", "--output live.wav || true ")],
            cwd=tmp_path,
            env=os.environ | {"DATA_DIR": str(tmp_path)},
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
        with trio.fail_after(PATIENCE_SECONDS):
            done: subprocess.CompletedProcess[bytes] = await run()
        assert done.returncode == 0, done.stderr.decode()
    recorded = soundfile.info(tmp_path / "recording.wav")
    assert (recorded.samplerate, recorded.channels, recorded.subtype) == (8000, 1, "PCM_16")
    assert recorded.duration > 2
    assert (tmp_path / "live.wav").stat().st_size > 8000
