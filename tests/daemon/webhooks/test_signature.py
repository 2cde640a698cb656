"""Signatures, judged by the library that receivers use."""

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from daemon.webhooks import signature


def signed(secrets: list[str], body: bytes, *, event_id: str = "msg_1") -> dict[str, str]:
    return signature.headers(secrets, event_id=event_id, timestamp=int(time.time()), body=body)


def test_a_secret_is_32_random_bytes_after_its_prefix() -> None:
    one, other = signature.new_secret(), signature.new_secret()
    assert one != other
    assert one.startswith("whsec_")
    assert len(base64.b64decode(one.removeprefix("whsec_"), validate=True)) == 32


@pytest.mark.contract("webhook-signature")
def test_the_example_of_the_specification_has_its_signature() -> None:
    """The vector that Standard Webhooks' own libraries are tested with."""
    headers = signature.headers(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        event_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(st.text(st.characters(codec="utf-8")))
def test_the_receivers_library_takes_whatever_body_we_sign(text: str) -> None:
    secret = signature.new_secret()
    Webhook(secret).verify(text.encode(), signed([secret], text.encode()), json_parse=False)


@pytest.mark.parametrize("change", ["body", "id", "timestamp", "secret"])
def test_a_change_to_anything_that_is_signed_is_noticed(change: str) -> None:
    secret, body = signature.new_secret(), b'{"event":"call.new"}'
    headers = signed([secret], body)
    if change == "id":
        headers["webhook-id"] = "msg_2"
    if change == "timestamp":
        headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) + 1)
    with pytest.raises(WebhookVerificationError):
        Webhook(signature.new_secret() if change == "secret" else secret).verify(
            body + b" " if change == "body" else body, headers
        )


def test_while_a_secret_is_rotated_holders_of_either_can_verify() -> None:
    old, new = signature.new_secret(), signature.new_secret()
    headers = signed([new, old], b"{}")
    for secret in (old, new):
        Webhook(secret).verify(b"{}", headers)


def test_what_is_no_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="a webhook secret is whsec_ and base64"):
        signed(["whsec_no base64!"], b"{}")
