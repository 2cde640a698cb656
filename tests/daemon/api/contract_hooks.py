"""What schemathesis has to be told to examine the daemon: values that only the daemon knows."""

import os
from typing import Any

import requests
import schemathesis
from hypothesis import strategies as st

NODE = "cntrt"
"""The first part of every session's name that the daemon made."""
KNOWN = "CONTRACT_SESSIONS"
"""Names the variable that names the sessions there are before the first request."""
FOLLOWED = (True, "true")
RECORDING = "CONTRACT_RECORDING"
"""Names the variable that names the finished recording of the first of them."""
sessions = os.environ.get(KNOWN, "").split()

printable = st.text().map(lambda text: "".join(each for each in text if each.isprintable()))
loopback = st.sampled_from(["", "http://127.0.0.1:9/hook", "https://localhost:9/hook"])
schemathesis.openapi.format("printable", printable)
schemathesis.openapi.format("webhook-url", loopback)
CALL_CURSOR = "MTc2NzIyNTYwMC4wIGFjVzY4LWY0N2FjMTBiLTU4Y2MtNDM3Mi1hNTY3LTBlMDJiMmMzZDQ3OQ=="
LETTER_CURSOR = "MTc2NzIyNTYwMC4wIG1zZ185Zjg2ZDA4MTg4NGM3ZDY1OWEyZmVhYTBjNTVhZDAxNQ=="
"""A cursor is the daemon's own, which nobody else can make up: a random one is refused, and rightly."""
schemathesis.openapi.format("cursor", st.just(CALL_CURSOR))


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Turn most names of sessions that were made up into those of some that there are.

    A recording that runs is not followed: schemathesis reads to the end, and it has none.
    """
    parameters = case.path_parameters or {}
    name = parameters.get("session_uuid", "")
    if sessions and isinstance(name, str) and len(name) == 42 and not name.startswith(NODE):
        place = ord(name[-1]) % (len(sessions) + 1)
        parameters["session_uuid"] = [*sessions, name][place]
        if place == 0 and case.method == "GET" and len(str(parameters.get("recording_id", ""))) == 36:
            parameters["recording_id"] = os.environ[RECORDING]
    if case.operation.path == "/admin/dead-letters" and case.query.get("cursor") == CALL_CURSOR:
        case.query["cursor"] = LETTER_CURSOR
    if case.operation.path.endswith("/file.wav") and case.query.get("follow", True) in FOLLOWED:
        case.query["follow"] = "false"


@schemathesis.check
def our_auth(ctx: Any, response: Any, case: Any) -> None:
    """Nobody without the right key gets in: the same request without it is 401 or 400, never done."""
    if not case.operation.definition.raw.get("security") or not 200 <= response.status_code < 300:
        return
    for key in ("wrong-key-of-16-letters", ""):
        headers = dict.fromkeys(("X-API-Key", "X-Admin-API-Key"), key)
        again = requests.request(
            case.method, response.request.url, headers={"X-App-ID": "contract", **headers}, timeout=10
        )
        assert again.status_code == 401, f"{again.status_code} with the key {key!r}"
