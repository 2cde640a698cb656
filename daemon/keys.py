"""API keys: how they are kept, and how one is told from another. No I/O, no clock; but tens of ms of work.

scrypt (RFC 7914), because an operator may choose a key that can be guessed.
"""

import hashlib
import hmac
import secrets

from storage.applications import KeyHash

SALT_BYTES = 16
DIGEST_BYTES = 32
_COST = {"n": 2**14, "r": 8, "p": 1}
"""16 MiB and some 40 ms: the parameters that RFC 7914's author gives for interactive use."""


def _digest(api_key: str, salt: bytes) -> bytes:
    return hashlib.scrypt(api_key.encode(), salt=salt, dklen=DIGEST_BYTES, maxmem=64 * 2**20, **_COST)


def hashed(api_key: str) -> KeyHash:
    """The key as it may be kept: salted, never in clear."""
    salt = secrets.token_bytes(SALT_BYTES)
    return KeyHash(salt=salt, digest=_digest(api_key, salt))


def matches(api_key: str, kept: KeyHash) -> bool:
    """Whether `api_key` is the key of this hash, in constant time."""
    return hmac.compare_digest(_digest(api_key, kept.salt), kept.digest)


def nobodys() -> KeyHash:
    """A hash that no key has: to be compared with where there is none, at the same cost."""
    return KeyHash(salt=secrets.token_bytes(SALT_BYTES), digest=secrets.token_bytes(DIGEST_BYTES))
