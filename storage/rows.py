"""Tables read as frozen dataclasses: the fields of a record are columns of the same name."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, Table, insert, select, update


class _Record(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


R = TypeVar("R", bound=_Record)


class Rows(Generic[R]):
    """The rows of `table` as records of the dataclass `kind`; columns without a field stay unseen."""

    def __init__(self, table: Table, kind: type[R]) -> None:
        self._table = table
        self._kind = kind
        self.columns = [table.c[field.name] for field in fields(kind)]

    def select(self) -> Select[*tuple[Any, ...]]:
        """A SELECT of the records, to be narrowed and given to `many`."""
        return select(*self.columns)

    def insert(self, tx: Connection, record: R, **more: object) -> None:
        """Insert a record; `more` are columns without a field."""
        values = {column.name: getattr(record, column.name) for column in self.columns}
        tx.execute(insert(self._table).values(values | more))

    def one(self, tx: Connection, *where: ColumnElement[bool]) -> R | None:
        """The only record for which all of `where` hold, or None."""
        row = tx.execute(self.select().where(*where)).one_or_none()
        return None if row is None else self.record(row)

    def many(self, tx: Connection, query: Select[*tuple[Any, ...]]) -> list[R]:
        """The records of a query made from `select`."""
        return [self.record(row) for row in tx.execute(query)]

    def change(self, tx: Connection, *where: ColumnElement[bool], **values: object) -> bool:
        """Set columns where all of `where` hold. False where no row was."""
        return tx.execute(update(self._table).where(*where).values(values)).rowcount > 0

    def record(self, row: Sequence[Any]) -> R:
        """The record of one selected row."""
        return self._kind(**{column.name: value for column, value in zip(self.columns, row, strict=True)})
