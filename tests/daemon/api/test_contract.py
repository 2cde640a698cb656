"""The daemon answers what its document says, whatever is asked: a short run of what `make contract` does."""

from pathlib import Path

import pytest

from tests.daemon.api.contract import examined

SHORT = ("--max-examples", "2", "--max-time", "20", "--phases", "examples,coverage,fuzzing", "--seed", "1")


@pytest.mark.contract("error-body", "openapi")
async def test_no_request_has_an_answer_that_the_document_does_not_have(tmp_path: Path) -> None:
    said = await examined(tmp_path, SHORT)
    assert said.returncode == 0, said.stdout.decode()
