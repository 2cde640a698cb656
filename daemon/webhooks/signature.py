"""Signing after Standard Webhooks 1.0 (https://www.standardwebhooks.com). No I/O, no clock."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable

PREFIX = "whsec_"
SECRET_BYTES = 32
"""Within the 24 to 64 bytes that the specification asks for."""


def new_secret() -> str:
    """A fresh signing secret: `whsec_` and base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as wrong:
        raise ValueError("a webhook secret is whsec_ and base64") from wrong


def _signature(secret: str, signed: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode()


def headers(webhook_secrets: Iterable[str], *, event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three `webhook-` headers of one attempt, signed with every live secret.

    `event_id` stays the same over all attempts of an event; `timestamp` is the attempt's own, in whole
    seconds since the epoch. Raises ValueError for a secret that is none.
    """
    signed = f"{event_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signature(secret, signed) for secret in webhook_secrets),
    }
