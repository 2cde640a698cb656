"""A catalogue for tests in virtual time: a real file, whose transactions wait for no thread."""

from collections.abc import Callable
from typing import TypeVar

import trio
from sqlalchemy import Connection
from typing_extensions import override

from storage.catalog import Catalog, CatalogError

T = TypeVar("T")


class InlineCatalog(Catalog):
    """Does its transactions where it stands, so that a clock which jumps over waiting cannot jump over them.

    `broken` makes the next so many of them fail.
    """

    broken = 0

    @override
    async def run(self, work: Callable[[Connection], T]) -> T:
        await trio.lowlevel.checkpoint()
        if self.broken:
            self.broken -= 1
            raise CatalogError("the disk is full")
        with self.transaction() as tx:
            return work(tx)
