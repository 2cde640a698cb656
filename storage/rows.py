"""Tables read as frozen dataclasses: the fields of a record are columns of the same name.

A statement costs more to put together than to run, so each is put together once and kept by its shape.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, Table, Update, bindparam, insert, select, update


class _Record(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


R = TypeVar("R", bound=_Record)

Where = Mapping[str, object]
"""What has to hold of a row: a column's name and its value, the values it may have (a tuple), or None."""

_Shape = tuple[tuple[str, str], ...]


class Rows(Generic[R]):
    """The rows of `table` as records of the dataclass `kind`; columns without a field stay unseen."""

    def __init__(self, table: Table, kind: type[R]) -> None:
        self._table = table
        self._kind = kind
        self._names = tuple(field.name for field in fields(kind))
        self._insert = insert(table)
        self._select = select(*(table.c[name] for name in self._names))
        self._selects: dict[_Shape, Select[*tuple[Any, ...]]] = {}
        self._updates: dict[tuple[_Shape, tuple[tuple[str, int], ...]], Update] = {}

    def select(self) -> Select[*tuple[Any, ...]]:
        """A SELECT of the records, to be narrowed and given to `many`."""
        return self._select

    def insert(self, tx: Connection, record: R, **more: object) -> None:
        """Insert a record; `more` are columns without a field."""
        tx.execute(self._insert, {name: getattr(record, name) for name in self._names} | more)

    def one(self, tx: Connection, **where: object) -> R | None:
        """The only record for which all of `where` hold (see Where), or None."""
        shape = _shape(where)
        statement = self._selects.get(shape)
        if statement is None:
            statement = self._selects[shape] = self._select.where(*self._conditions(shape))
        row = tx.execute(statement, _bound(where)).one_or_none()
        return None if row is None else self.record(row)

    def many(self, tx: Connection, query: Select[*tuple[Any, ...]], **bound: object) -> list[R]:
        """The records of a query made from `select`; `bound` are its parameters."""
        return [self.record(row) for row in tx.execute(query, bound)]

    def change(self, tx: Connection, where: Where, **values: object) -> bool:
        """Set columns, to values or to what an SQL expression says, where all of `where` hold.

        An expression has to be one that lives as long as this object. False where no row was.
        """
        said = {name: value for name, value in values.items() if isinstance(value, ColumnElement)}
        plain = {name: value for name, value in values.items() if name not in said}
        shape = _shape(where)
        key = shape, tuple((name, id(expression)) for name, expression in said.items())
        statement = self._updates.get(key)
        if statement is None:
            statement = update(self._table).where(*self._conditions(shape))
            self._updates[key] = statement = statement.values(said) if said else statement
        return tx.execute(statement, _bound(where) | plain).rowcount > 0

    def record(self, row: Sequence[Any]) -> R:
        """The record of one selected row."""
        return self._kind(**dict(zip(self._names, row, strict=True)))

    def _conditions(self, shape: _Shape) -> list[ColumnElement[bool]]:
        return [_condition(self._table.c[name], kind) for name, kind in shape]


def _shape(where: Where) -> _Shape:
    return tuple((name, _kind_of(value)) for name, value in where.items())


def _kind_of(value: object) -> str:
    if value is None:
        return "null"
    return "in" if isinstance(value, tuple) else "equal"


def _condition(column: ColumnElement[Any], kind: str) -> ColumnElement[bool]:
    name = f"where_{column.key}"  # a bare column's name is what UPDATE calls the value to be set
    match kind:
        case "null":
            return column.is_(None)
        case "in":
            return column.in_(bindparam(name, expanding=True))
    return column == bindparam(name)


def _bound(where: Where) -> dict[str, object]:
    return {f"where_{name}": value for name, value in where.items() if value is not None}
