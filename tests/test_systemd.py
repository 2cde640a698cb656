"""The units: judged by systemd itself, and held against what the programs say of themselves."""

import re
import subprocess
from pathlib import Path

import pytest

from daemon.settings import DaemonSettings
from wavstream.process import lifecycle
from wavstream.settings import ServerSettings

FOLDER = Path(__file__).resolve().parent.parent / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))


@pytest.mark.contract("program-daemon-server")
def test_both_programs_have_a_unit() -> None:
    assert [unit.stem for unit in UNITS] == ["wavstream-daemon", "wavstream-server"]


@pytest.mark.contract("program-daemon-server")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.stem))
def test_systemd_finds_nothing_wrong_with_a_unit(unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, UNITS)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "Type=notify" in unit.read_text()


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.stem))
def test_systemd_waits_longer_than_the_program_takes_to_end(unit: Path) -> None:
    waits = re.search(r"^TimeoutStopSec=(\d+)$", unit.read_text(), re.MULTILINE)
    assert waits is not None
    assert int(waits[1]) > lifecycle.GRACE_SECONDS


def test_the_example_names_only_settings_that_exist_and_its_defaults_are_theirs() -> None:
    fields = DaemonSettings.model_fields | ServerSettings.model_fields
    assigned = re.findall(
        r"^(#?)([A-Z_]+)=(.*)$", (FOLDER / "wavstream.env.example").read_text(), re.MULTILINE
    )
    assert assigned
    for commented, name, value in assigned:
        assert name.lower() in fields
        if not commented and name not in {"WAVSTREAM_URL", "WAVSTREAM_PUBLIC_URL"}:
            default = fields[name.lower()].get_default()
            assert value == f"{default:g}" if isinstance(default, float) else value == str(default)
