"""`wavstream call` over every kind of leg, through both programs: each sample at its time in the file."""

import sys
from pathlib import Path

import pytest
import trio

from tests.end_to_end.house import PATIENCE_SECONDS, House, dump, opened

LEGS = [
    ("rtp", "--codec", "L16/16000", "--ptime", "30", "--reorder", "5", "--loss", "5", "--burst", "3"),
    ("rtp", "--codec", "PCMA", "--jitter", "40", "--skew", "200", "--duplicate", "5"),
    ("audiosocket", "--rate", "16000"),
    ("audiosocket", "--gap", "0.6,1", "--jitter", "20"),
]
"""The legs that the daemon answers, and what is asked of `wavstream call` beside them."""


async def called(house: House, key: str, *arguments: str) -> tuple[int, str]:
    """Run the command; its status, and what it said."""
    command = [sys.executable, "-m", "daemon.cli", "call", "--verify", "--seconds", "2", *arguments]
    asked = ["--url", f"http://{house.api}", "--app-id", "test", "--api-key", key]
    ran = await trio.run_process([*command, *asked], check=False, capture_stdout=True, capture_stderr=True)
    return ran.returncode, (ran.stdout + ran.stderr).decode()


@pytest.mark.contract("program-call")
async def test_calls_over_every_leg_are_exact(tmp_path: Path) -> None:
    with trio.fail_after(2 * PATIENCE_SECONDS):
        async with opened(tmp_path) as house, house.application() as client:
            key = client.headers["x-api-key"]
            said: dict[tuple[str, ...], tuple[int, str]] = {}

            async def call(*asked: str) -> None:
                said[asked] = await called(house, key, "--calls", "2", "--leg", *asked)

            async with trio.open_nursery() as nursery:
                for each in LEGS:
                    nursery.start_soon(call, *each)
            for asked, (status, words) in said.items():
                assert status == 0, f"{asked}\n{words}\n{dump(house)}"
                assert "2 of 2 recordings are exact to the sample" in words
