"""What tests of the daemon's decisions need: a catalogue, and keys that cost nothing."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon import keys, service
from storage.catalog import Catalog
from tests.daemon.inline import InlineCatalog


@pytest.fixture(scope="session")
def empty_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a catalogue with its tables and nothing in them."""
    file = tmp_path_factory.mktemp("catalog") / "empty.db"
    made = Catalog.open(f"sqlite:///{file}")
    made.migrate()
    made.close()
    return file


@pytest.fixture
def catalog(empty_catalog: Path, tmp_path: Path) -> Iterator[InlineCatalog]:
    """An empty catalogue for virtual time."""
    shutil.copy(empty_catalog, tmp_path / "catalog.db")
    opened = InlineCatalog.open(f"sqlite:///{tmp_path / 'catalog.db'}")
    assert isinstance(opened, InlineCatalog)
    yield opened
    opened.close()


@pytest.fixture
def cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the slow hash quick: what it is for is shown in test_keys."""
    monkeypatch.setitem(keys._COST, "n", 2)


@pytest.fixture
def short_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a daemon that ends wait no longer for a wavstream that is not there."""
    monkeypatch.setattr(service, "DRAIN_SECONDS", 0.1)
