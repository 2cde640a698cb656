"""Other people's programs, asked how long a file is."""

import subprocess
from pathlib import Path

import soundfile

from tests.installed import needs


def seconds(path: Path) -> tuple[float, float, float]:
    """What soundfile, ffprobe and sox say, each for itself; any of them fails where it finds a file wrong."""
    needs("soxi")
    return (*seconds_at_once(path), float(_said(["soxi", "-D", str(path)])))


def seconds_at_once(path: Path) -> tuple[float, float]:
    """The same without sox, which reads an RF64 file to its end: ten seconds a gibibyte."""
    needs("ffprobe")
    info = soundfile.info(str(path))
    show = ["ffprobe", "-v", "error", "-show_entries", "stream=duration", "-of", "csv=p=0"]
    return info.frames / info.samplerate, float(_said([*show, str(path)]))


def _said(command: list[str]) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stderr == "", done.stderr
    return done.stdout
