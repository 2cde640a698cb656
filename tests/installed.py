"""What tests use beyond Python."""

import shutil

import pytest


def needs(*programs: str) -> None:
    """Skip the test on a machine without them; `.ci/run` installs them all."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
