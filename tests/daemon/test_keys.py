"""API keys as they are kept."""

import hashlib

import pytest

from daemon import keys

KEY = "correct horse battery staple"


def test_a_key_is_told_from_every_other_one() -> None:
    kept = keys.hashed(KEY)
    assert keys.matches(KEY, kept)
    assert not keys.matches(KEY + " ", kept)
    assert not keys.matches("", kept)


@pytest.mark.contract("keys-kept")
def test_the_same_key_is_never_kept_the_same_way_and_never_in_clear() -> None:
    one, other = keys.hashed(KEY), keys.hashed(KEY)
    assert one.salt != other.salt
    assert one.digest != other.digest
    assert KEY.encode() not in one.salt + one.digest


def test_the_digest_is_scrypt_of_rfc_7914_at_its_interactive_cost() -> None:
    kept = keys.hashed(KEY)
    expected = hashlib.scrypt(KEY.encode(), salt=kept.salt, n=16384, r=8, p=1, dklen=32, maxmem=64 * 2**20)
    assert kept.digest == expected


def test_nobody_has_nobodys_key() -> None:
    assert not keys.matches(KEY, keys.nobodys())
    assert keys.nobodys() != keys.nobodys()
