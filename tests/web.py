"""HTTP as tests speak it: on loopback, without TLS."""

import ssl
from typing import Any

import httpx

BOUND_SECONDS = 30.0
"""For each step of a request: a busy machine is no reason to fail."""
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody. To load whom to trust takes the processor from the caller who talks beside it."""


def client(**given: Any) -> httpx.AsyncClient:
    """A client that takes nothing from the environment; `given` as for httpx."""
    plain: dict[str, Any] = {"verify": _NO_TLS, "trust_env": False, "timeout": BOUND_SECONDS}
    return httpx.AsyncClient(**plain | given)
