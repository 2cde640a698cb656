"""Every catalogue and every store that the contract suites run against: a new backend is one more entry."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage.catalog import Catalog
from storage.objects import DirectoryStore, ObjectStore

CATALOGS: dict[str, Callable[[Path], str]] = {"sqlite": lambda folder: f"sqlite:///{folder}/catalogue.db"}
STORES: dict[str, Callable[[Path], ObjectStore]] = {
    "directory": lambda folder: DirectoryStore(folder / "objects")
}


@pytest.fixture(params=CATALOGS)
def catalog_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    return CATALOGS[request.param](tmp_path)


@pytest.fixture
def catalog(catalog_url: str) -> Iterator[Catalog]:
    """A catalogue with its tables."""
    opened = Catalog.open(catalog_url)
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """An empty store."""
    return STORES[request.param](tmp_path)
