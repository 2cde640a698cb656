"""The folders are the import packages, and they are ours."""

import subprocess
import sys
from pathlib import Path

import pytest

import daemon
import storage
import wavstream

ROOT = Path(__file__).resolve().parent.parent

CORES = [
    "daemon.media.codecs",
    "daemon.media.rtp",
    "daemon.media.senderclock",
    "daemon.media.timeline",
    "daemon.recording.window",
    "daemon.webhooks.signature",
    "wavstream.protocol",
    "wavstream.wav",
    "wavstream.downloads.ranges",
]


@pytest.mark.parametrize("package", [daemon, storage, wavstream])
def test_the_packages_imported_are_the_ones_in_this_tree(package: object) -> None:
    # python-daemon, among others, installs a top-level `daemon` too.
    assert Path(str(package.__file__)).parent.parent == ROOT  # type: ignore[attr-defined]


@pytest.mark.parametrize("core", CORES)
def test_a_core_without_io_is_importable_without_trio(core: str) -> None:
    forbid = "import sys; sys.modules['trio'] = None; sys.modules['trio_websocket'] = None; "
    subprocess.run([sys.executable, "-W", "error", "-c", f"{forbid}import {core}"], check=True, cwd=ROOT)
