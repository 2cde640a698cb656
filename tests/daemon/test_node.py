"""A node's name, and those of its sessions."""

import re
import uuid
from pathlib import Path

import pytest

from daemon.node import NodeError, is_session_uuid, new_session_uuid, node_id


def test_a_name_is_drawn_once_and_stays_over_restarts(tmp_path: Path) -> None:
    drawn = node_id(tmp_path / "data", None)
    assert re.fullmatch(r"[A-Za-z0-9]{5}", drawn)
    assert node_id(tmp_path / "data", None) == drawn


def test_a_given_name_goes_before_the_one_that_was_drawn(tmp_path: Path) -> None:
    drawn = node_id(tmp_path, None)
    assert node_id(tmp_path, "acW68") == "acW68"
    assert node_id(tmp_path, None) == drawn


@pytest.mark.parametrize("content", [b"", b"abc", b"abcdef", b"ab-de", b"\xff\xfe\xfd\xfc\xfb"])
def test_a_file_that_holds_no_name_is_named_in_the_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "node_id").write_bytes(content)
    with pytest.raises(NodeError, match=r"node_id holds .*: takes 5 of A-Z a-z 0-9"):
        node_id(tmp_path, None)


def test_a_folder_that_cannot_be_used_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NodeError, match=r"file/node_id: "):
        node_id(tmp_path / "file", None)


@pytest.mark.contract("session-uuid")
def test_a_session_is_named_by_its_node_and_a_uuid_of_version_4() -> None:
    name = new_session_uuid("acW68")
    node, _, rest = name.partition("-")
    assert node == "acW68"
    assert uuid.UUID(rest).version == 4
    assert is_session_uuid(name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "acW68",
        "f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "acW6-f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "acW68-f47ac10b-58cc-1372-a567-0e02b2c3d479",  # version 1
        "acW68-f47ac10b-58cc-4372-c567-0e02b2c3d479",  # not the variant of RFC 9562
        "acW68-F47AC10B-58CC-4372-A567-0E02B2C3D479",
        "acW68-f47ac10b-58cc-4372-a567-0e02b2c3d479\n",
    ],
)
def test_what_is_no_session_of_any_node_is_told_by_its_form(text: str) -> None:
    assert not is_session_uuid(text)
