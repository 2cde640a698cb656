"""Running the command line in this process, in a folder of its own."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from daemon.cli.main import main
from daemon.settings import DaemonSettings
from wavstream.settings import ServerSettings


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("app", "list")` is `wavstream app list` in an empty folder, with no setting in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in (*DaemonSettings.model_fields, *ServerSettings.model_fields):
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("WAVSTREAM_API", "WAVSTREAM_APP_ID", "WAVSTREAM_API_KEY"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["wavstream", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        return Ran(int(ended.value.code or 0), written.out, written.err)

    return run
