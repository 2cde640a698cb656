"""Who may ask, and what the others hear: rows 400, 401, 403 and 404 of the source document's table."""

import hmac
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from daemon.api import guard
from daemon.applications import CHECKS_WAITING, TooManyChecksError
from daemon.node import new_session_uuid
from tests import web
from tests.daemon.running import ADMIN_KEY, API_KEY, Daemon, running

PATHS = [
    ("POST", "/api/v1/sessions"),
    ("GET", "/api/v1/sessions"),
    ("GET", "/api/v1/sessions/{uuid}"),
    ("POST", "/api/v1/sessions/{uuid}/commands/record/start"),
    ("POST", "/api/v1/sessions/{uuid}/commands/record/stop"),
    ("POST", "/api/v1/sessions/{uuid}/commands/hangup"),
    ("GET", "/api/v1/sessions/{uuid}/recording/file.wav"),
    ("HEAD", "/api/v1/sessions/{uuid}/recording/file.wav"),
    ("GET", "/api/v1/sessions/{uuid}/recordings"),
    ("GET", "/api/v1/sessions/{uuid}/recordings/of-nobody"),
]


def refused(answer: httpx.Response, status: int) -> str:
    """The words of a refusal, whose body is as the contract says."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    if answer.request.method == "HEAD":
        assert answer.content == b""
        return ""
    body = answer.json()
    assert set(body) == {"success", "error"}
    assert body["success"] is False
    assert body["error"]
    return str(body["error"])


async def ask(
    daemon: Daemon, headers: Mapping[str, str] | Mapping[bytes, bytes], uuid: str = ""
) -> list[httpx.Response]:
    """Every call of the application API, with these headers."""
    uuid = uuid or new_session_uuid("node1")
    async with web.client(base_url=daemon.url, headers=headers) as http:
        return [await http.request(method, path.format(uuid=uuid)) for method, path in PATHS]


@pytest.mark.contract("app-id")
async def test_a_missing_or_malformed_app_id_is_400_whatever_the_key(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        for app_id in (None, b"", b"a b", b"a.b", b"x" * 65, b"caf\xe9"):
            headers = {b"X-API-Key": API_KEY.encode()} | ({} if app_id is None else {b"X-App-ID": app_id})
            for answer in await ask(daemon, headers):
                words = refused(answer, 400)
                assert "X-App-ID" in words or answer.request.method == "HEAD"


@pytest.mark.contract("error-401", "keys")
async def test_a_missing_or_wrong_key_and_an_unknown_application_are_401_in_the_same_words(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as daemon, daemon.application("shop") as shop:
        uuid = await shop.call()
        told: set[str] = set()
        for headers in (
            {"X-App-ID": "shop"},
            {"X-App-ID": "shop", "X-API-Key": ""},
            {"X-App-ID": "shop", "X-API-Key": "a wrong key of the shop"},
            {"X-App-ID": "shop", "X-API-Key": "x" * 300},
            {"X-App-ID": "nobody", "X-API-Key": API_KEY},
            {"X-App-ID": "x" * 64, "X-API-Key": API_KEY},
        ):
            for answer in await ask(daemon, headers, uuid):
                told.add(refused(answer, 401))
        assert told - {""} == {"X-API-Key is missing or wrong"}


@pytest.mark.contract("error-403", "error-body")
async def test_another_applications_session_is_403_and_stays_as_it_is(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application("shop") as shop:
        uuid = await shop.call()
        await daemon.register("stranger", api_key="the stranger's own key")
        headers = {"X-App-ID": "stranger", "X-API-Key": "the stranger's own key"}
        for answer in (await ask(daemon, headers, uuid))[2:]:
            words = refused(answer, 403)
            assert words in {"", "the session belongs to a different application"}
        assert (await shop.show(uuid))["state"] == "waiting"
        async with daemon.client(X_App_ID="stranger", X_API_Key="the stranger's own key") as http:
            listed = (await http.get("/api/v1/sessions")).json()["sessions"]
            assert uuid not in [each["session_uuid"] for each in listed]


@pytest.mark.contract("error-404")
async def test_an_unknown_session_is_404_also_one_that_has_no_sessions_form(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        await daemon.register("shop")
        headers = {"X-App-ID": "shop", "X-API-Key": API_KEY}
        for uuid in (new_session_uuid("node1"), "x", "%00", "%ff", "..", "a%20b"):
            for answer in (await ask(daemon, headers, uuid))[2:]:
                refused(answer, 404)


async def test_more_keys_than_can_be_checked_are_429_and_told_when_to_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_many(*_args: object) -> None:  # noqa: ASYNC124 - stands for one that waits
        raise TooManyChecksError

    assert CHECKS_WAITING > 0
    monkeypatch.setattr("daemon.applications.Applications.authenticate", too_many)
    async with running(tmp_path) as daemon:
        for answer in await ask(daemon, {"X-App-ID": "shop", "X-API-Key": API_KEY}):
            refused(answer, 429)
            assert answer.headers["retry-after"] == str(guard.AGAIN_SECONDS)


@pytest.mark.contract("admin-key")
async def test_the_operators_calls_are_401_with_any_other_key(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        for key in (None, "", "x", ADMIN_KEY + "x", ADMIN_KEY[:-1]):
            async with web.client(base_url=daemon.url) as http:
                headers = {} if key is None else {"X-Admin-API-Key": key}
                for method in ("POST", "GET", "DELETE"):
                    answer = await http.request(method, "/admin/apps/shop", headers=headers)
                    assert refused(answer, 401) == "X-Admin-API-Key is missing or wrong"


@pytest.mark.contract("admin-key")
async def test_the_operators_key_is_compared_in_constant_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[set[bytes]] = []
    compare = hmac.compare_digest

    def seen(given: bytes, own: bytes) -> bool:
        compared.append({given, own})
        return compare(given, own)

    monkeypatch.setattr(hmac, "compare_digest", seen)
    async with running(tmp_path) as daemon:
        for key in ("x", ADMIN_KEY[:-1] + "x", ADMIN_KEY):
            async with daemon.client(X_Admin_API_Key=key) as http:
                await http.get("/admin/apps/shop")
            assert compared[-1] == {key.encode(), ADMIN_KEY.encode()}
    assert len(compared) == 3


async def test_an_operators_key_may_hold_any_letters(tmp_path: Path) -> None:
    async with running(tmp_path, admin_api_key="Schl\u00fcssel") as daemon, daemon.client() as http:
        headers = {b"X-Admin-API-Key": "Schl\u00fcssel".encode()}
        assert (await http.get("/admin/apps/shop", headers=headers)).status_code == 404


@pytest.mark.contract("admin-key")
async def test_without_a_key_configured_the_operators_calls_are_503(tmp_path: Path) -> None:
    async with running(tmp_path, admin_api_key=None) as daemon, daemon.client(X_Admin_API_Key="") as http:
        for method in ("POST", "GET", "DELETE"):
            assert "ADMIN_API_KEY" in refused(await http.request(method, "/admin/apps/shop"), 503)
