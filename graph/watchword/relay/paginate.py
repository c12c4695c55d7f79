"""Keyset pagination: a page deep in a table costs no more than the first one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import BigInteger, Integer, Select, bindparam, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from watchword.relay.page import Page, decode_cursor, encode_cursor

R = TypeVar("R")
Column = InstrumentedAttribute[Any]
# The names of the parameters that limit the number of rows, and that name the parents.
LIMIT, PARENTS = "most_rows", "parents"
# Statements of this many different pages are kept.
STATEMENTS = 200


@dataclass(frozen=True, slots=True)
class Order:
    """A total order: columns that together are unique, all sorted in one direction."""

    name: str
    columns: tuple[Column, ...]
    descending: bool

    def cursor(self, row: Any) -> str:
        return encode_cursor(self.name, [getattr(row, column.key) for column in self.columns])

    def values(self, cursor: str | None, name: str) -> tuple[Any, ...] | None:
        """Return the values in the cursor of the argument `name`. Raises `BadUserInput`."""
        if cursor is None:
            return None
        kinds = [column.type.python_type for column in self.columns]
        return tuple(decode_cursor(cursor, self.name, kinds, name))

    def place(self, values: tuple[Any, ...]) -> Any:
        """Return the values of a cursor as SQL that `columns` can be compared with."""
        return tuple_(*(_bound(v, c) for v, c in zip(values, self.columns, strict=True)))


@dataclass(frozen=True, slots=True)
class Slice(Generic[R]):
    """The rows of a page in their order, and whether there are more on either side.

    `is_whole` says that these are all rows there are, so that nobody needs to count them.
    """

    rows: Sequence[R]
    order: Order
    has_next: bool
    has_previous: bool
    is_whole: bool = False

    @property
    def cursors(self) -> list[str]:
        """The cursor of each row."""
        return [self.order.cursor(row) for row in self.rows]


class Source(Protocol):
    """Reads rows as named tuples: a context, or the database."""

    @property
    def is_sqlite(self) -> bool: ...

    async def rows(self, statement: Select[*tuple[Any, ...]], **given: Any) -> Sequence[Any]: ...


async def paginate(
    source: Source | AsyncSession, statement: Select[*tuple[Any, ...]], order: Order, page: Page
) -> Slice[Any]:
    """Read one page of a statement. Raises `BadUserInput` for a cursor of another order.

    From a context, the rows are named tuples of the columns that the statement selects, among them those of
    the order. From a session, they are the entities that it selects.
    """
    limited = _limited(statement, order, page.backward, *_positions(order, page))
    if isinstance(source, AsyncSession):
        found = await source.execute(limited, {LIMIT: page.size + 1})
        return _slice(found.scalars().all(), order, page)
    return _slice(await source.rows(limited, **{LIMIT: page.size + 1}), order, page)


async def paginate_each(
    source: Source,
    parent: Column,
    statement: Select[*tuple[Any, ...]],
    order: Order,
    page: Page,
    keys: Sequence[Any],
    **given: Any,
) -> dict[Any, Slice[Any]]:
    """Read one page for each of these values of the column `parent`, all in one statement. Raises as `paginate` does.

    The rows are named tuples of the columns that the statement selects, among them `parent` and those of
    the order. The statement need not name the keys. `given` are the values of its parameters.
    """
    form = statement, parent, order, page.backward, source.is_sqlite
    wanted = _each(*form, *_positions(order, page))
    rows: dict[Any, list[Any]] = defaultdict(list)
    for found in await source.rows(wanted, **given, **{LIMIT: page.size + 1, PARENTS: keys}):
        rows[getattr(found, parent.key)].append(found)
    return {key: _slice(found, order, page) for key, found in rows.items()}


async def total(
    source: Source | AsyncSession, statement: Select[*tuple[Any, ...]], **given: Any
) -> int:
    """Return how many rows a statement has: of one that was paginated, the count of all pages.

    `given` are the values of the statement's parameters.
    """
    counted = _counted(statement)
    if isinstance(source, AsyncSession):
        return int((await source.execute(counted, given)).scalar_one())
    [(number,)] = await source.rows(counted, **given)
    return int(number)


def empty(page: Page) -> Slice[Any]:
    """Return the slice of a page that has no rows."""
    return Slice(
        (),
        Order("nothing", (), descending=False),
        has_next=page.backward and page.before is not None,
        has_previous=not page.backward and page.after is not None,
        is_whole=page.after is None and page.before is None,
    )


def _bound(value: Any, column: Column) -> Any:
    # A forged cursor may hold a number that does not fit into the column. The comparison must not fail for it.
    kind = BigInteger() if isinstance(column.type, Integer) else column.type
    return literal(value, kind)


Position = tuple[Any, ...] | None
"""The values of a cursor, in the order's columns."""


def _positions(order: Order, page: Page) -> tuple[Position, Position]:
    return order.values(page.after, "after"), order.values(page.before, "before")


def _kept(make: Callable[..., Select[*tuple[Any, ...]]]) -> Callable[..., Select[*tuple[Any, ...]]]:
    """Keep the statements of pages without a cursor: building one costs as much as running it."""
    kept = lru_cache(maxsize=STATEMENTS)(make)

    def find(*key: Any) -> Select[*tuple[Any, ...]]:
        *_, after, before = key
        return kept(*key) if after is None and before is None else make(*key)

    return find


@lru_cache(maxsize=STATEMENTS)
def _counted(statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return select(func.count()).select_from(statement.order_by(None).subquery())


@_kept
def _limited(
    statement: Select[*tuple[Any, ...]],
    order: Order,
    backward: bool,
    after: Position,
    before: Position,
) -> Select[*tuple[Any, ...]]:
    bounded = _bounded(statement, order, after, before).order_by(*_sorting(order, backward))
    return bounded.limit(bindparam(LIMIT, type_=Integer))


@_kept
def _each(
    statement: Select[*tuple[Any, ...]],
    parent: Column,
    order: Order,
    backward: bool,
    is_sqlite: bool,
    after: Position,
    before: Position,
) -> Select[*tuple[Any, ...]]:
    bounded, sorting = _bounded(statement, order, after, before), _sorting(order, backward)
    key = order.columns[-1]
    if is_sqlite and _finds_rows(key, statement):
        return _sought(bounded, parent, key, sorting)
    return _numbered(bounded, parent, sorting)


def _finds_rows(key: Column, statement: Select[*tuple[Any, ...]]) -> bool:
    """Tell whether the rows of a statement are those of one table, with this column as primary key."""
    table = key.class_.__table__
    return statement.get_final_froms() == [table] and [*table.primary_key] == [table.c.get(key.key)]


def _sought(
    statement: Select[*tuple[Any, ...]], parent: Column, key: Column, sorting: list[Any]
) -> Select[*tuple[Any, ...]]:
    """Find the keys of each parent's rows by the index, and then these rows.

    SQLite would sort all rows with all of their columns to number them. PostgreSQL would look for the keys again for
    each row of the table.
    """
    parents = select(parent).where(_is_of(parent)).distinct().subquery()
    own = statement.where(parent == parents.c[0]).with_only_columns(key).order_by(None)
    first = own.order_by(*sorting).limit(bindparam(LIMIT, type_=Integer))
    joined = parents.join(key.class_, key.in_(first.correlate(parents)))
    return select(*statement.selected_columns).select_from(joined).order_by(*sorting)


def _numbered(
    statement: Select[*tuple[Any, ...]], parent: Column, sorting: list[Any]
) -> Select[*tuple[Any, ...]]:
    """Number the rows of each parent."""
    number = func.row_number().over(partition_by=parent, order_by=sorting)
    counted = statement.where(_is_of(parent)).add_columns(number.label("number"))
    *columns, place = counted.subquery().c
    return select(*columns).where(place <= bindparam(LIMIT, type_=Integer)).order_by(place)


def _is_of(parent: Column) -> Any:
    return parent.in_(bindparam(PARENTS, expanding=True))


def _bounded(
    statement: Select[*tuple[Any, ...]], order: Order, after: Position, before: Position
) -> Select[*tuple[Any, ...]]:
    key = tuple_(*order.columns)
    if after is not None:
        place = order.place(after)
        statement = statement.where(key < place if order.descending else key > place)
    if before is not None:
        place = order.place(before)
        statement = statement.where(key > place if order.descending else key < place)
    return statement


def _sorting(order: Order, backward: bool) -> list[Any]:
    descending = order.descending != backward
    return [column.desc() if descending else column.asc() for column in order.columns]


def _slice(rows: Sequence[R], order: Order, page: Page) -> Slice[R]:
    kept = list(rows[: page.size])
    has_more = len(rows) > page.size
    if page.backward:
        kept.reverse()
    return Slice(
        kept,
        order,
        has_next=page.before is not None if page.backward else has_more,
        has_previous=has_more if page.backward else page.after is not None,
        is_whole=not has_more and page.after is None and page.before is None,
    )
