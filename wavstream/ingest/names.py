"""What may name a recording. No I/O."""

import re

_NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,200}")

RULE = "a name is one path component of A-Z a-z 0-9 . _ -, 200 bytes at most"
"""In words, for whoever sent another one."""


def is_name(text: str) -> bool:
    """Whether a recording may be called so: one path component of harmless letters, 200 bytes at most."""
    return _NAME.fullmatch(text) is not None
