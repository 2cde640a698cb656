"""What a supervisor asks: alive, able to record, counts."""

from pathlib import Path

from tests.daemon.api.test_guard import refused
from tests.daemon.running import both, running


async def test_a_daemon_with_its_wavstream_is_able_to_record(tmp_path: Path) -> None:
    async with both(tmp_path) as (daemon, _), daemon.client() as http:
        assert (await http.get("/health")).json() == {"status": "ok"}
        ready = await http.get("/ready")
        assert ready.status_code == 200
        assert ready.json() == {"status": "ok"}


async def test_without_one_it_is_alive_and_not_able(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.client() as http:
        assert (await http.get("/health")).status_code == 200
        assert refused(await http.get("/ready"), 503) == "wavstream does not answer"


async def test_without_wavstream_url_it_is_not_able(tmp_path: Path) -> None:
    async with running(tmp_path, wavstream_url=None) as daemon, daemon.client() as http:
        assert refused(await http.get("/ready"), 503) == "WAVSTREAM_URL is not set"


async def test_every_obstacle_is_named(tmp_path: Path) -> None:
    async with (
        running(tmp_path, wavstream_url=None, disk_free_mb=10**9) as daemon,
        daemon.client() as http,
    ):
        words = refused(await http.get("/ready"), 503)
        assert "WAVSTREAM_URL is not set" in words
        assert "DISK_FREE_MB asks for 1000000000" in words  # a million GB


async def test_requests_are_counted_by_status_and_calls_while_they_live(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        await shop.call()
        await shop.http.get("/nowhere")
        answer = await shop.http.get("/metrics")
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        lines = answer.text.splitlines()
        assert "wavstream_daemon_sessions_live 1.0" in lines
        assert 'wavstream_daemon_requests_total{status="201"} 1.0' in lines
        assert 'wavstream_daemon_requests_total{status="404"} 1.0' in lines
