"""Keyset pagination: a page deep in a table costs no more than the first one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import BigInteger, Integer, Select, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from watchword.relay.page import Page, decode_cursor, encode_cursor

R = TypeVar("R")
Column = InstrumentedAttribute[Any]


@dataclass(frozen=True, slots=True)
class Order:
    """A total order: columns that together are unique, all sorted in one direction."""

    name: str
    columns: tuple[Column, ...]
    descending: bool

    def cursor(self, row: Any) -> str:
        return encode_cursor(self.name, [getattr(row, column.key) for column in self.columns])

    def position(self, cursor: str, name: str) -> Any:
        kinds = [column.type.python_type for column in self.columns]
        values = decode_cursor(cursor, self.name, kinds, name)
        return tuple_(*(_bound(v, c) for v, c in zip(values, self.columns, strict=True)))


@dataclass(frozen=True, slots=True)
class Slice(Generic[R]):
    """The rows of a page in order, each with its cursor, and whether there are more on either side."""

    rows: Sequence[R]
    cursors: Sequence[str]
    has_next: bool
    has_previous: bool


async def paginate(db: AsyncSession, statement: Select[R], order: Order, page: Page) -> Slice[R]:
    """Read one page of a statement. Raises `BadUserInput` for a cursor of another order."""
    limited = _bounded(statement, order, page).order_by(*_sorting(order, page))
    rows = (await db.execute(limited.limit(page.size + 1))).scalars().all()
    return _slice(rows, order, page)


async def paginate_each(
    db: AsyncSession, entity: type[R], parent: Column, statement: Select[R],
    order: Order, page: Page,
) -> dict[Any, Slice[R]]:  # fmt: skip
    """Read one page for each value of the column `parent`, all in one statement. Raises as `paginate` does."""
    number = func.row_number().over(partition_by=parent, order_by=_sorting(order, page))
    numbered = _bounded(statement, order, page).add_columns(number.label("number")).subquery()
    row = aliased(entity, numbered)
    wanted = select(row).where(numbered.c.number <= page.size + 1).order_by(numbered.c.number)
    rows: dict[Any, list[R]] = defaultdict(list)
    for found in (await db.execute(wanted)).scalars():
        rows[getattr(found, parent.key)].append(found)
    return {key: _slice(found, order, page) for key, found in rows.items()}


def empty(page: Page) -> Slice[Any]:
    """Return the slice of a page that has no rows."""
    return Slice(
        (),
        (),
        has_next=page.backward and page.before is not None,
        has_previous=not page.backward and page.after is not None,
    )


def _bound(value: Any, column: Column) -> Any:
    # A forged cursor may hold a number that does not fit into the column. The comparison must not fail for it.
    kind = BigInteger() if isinstance(column.type, Integer) else column.type
    return literal(value, kind)


def _bounded(statement: Select[R], order: Order, page: Page) -> Select[R]:
    key = tuple_(*order.columns)
    for cursor, name, is_after in ((page.after, "after", True), (page.before, "before", False)):
        if cursor is not None:
            position = order.position(cursor, name)
            beyond = key < position if is_after == order.descending else key > position
            statement = statement.where(beyond)
    return statement


def _sorting(order: Order, page: Page) -> list[Any]:
    descending = order.descending != page.backward
    return [column.desc() if descending else column.asc() for column in order.columns]


def _slice(rows: Sequence[R], order: Order, page: Page) -> Slice[R]:
    kept = list(rows[: page.size])
    has_more = len(rows) > page.size
    if page.backward:
        kept.reverse()
    return Slice(
        kept,
        [order.cursor(row) for row in kept],
        has_next=page.before is not None if page.backward else has_more,
        has_previous=has_more if page.backward else page.after is not None,
    )
