"""Pages of a table on both databases, compared with slices of a plain list."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import ForeignKey, MetaData, String, bindparam, delete, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tests.support.statements import recorded
from watchword.errors import BadUserInput
from watchword.relay.page import Page, page
from watchword.relay.paginate import Order, Slice, empty, paginate, paginate_each, total
from watchword.storage.columns import UtcDateTime
from watchword.storage.database import Database

DAWN = datetime(2027, 1, 15, 6, 0, tzinfo=UTC)


Walk = Callable[[Database, Order, int], Awaitable[list[str]]]


class Base(DeclarativeBase):
    metadata = MetaData()


class BoxRow(Base):
    __tablename__ = "boxes"

    id: Mapped[str] = mapped_column(String(20), primary_key=True)


class ToyRow(Base):
    __tablename__ = "toys"

    id: Mapped[str] = mapped_column(String(20), primary_key=True)
    box: Mapped[str] = mapped_column(ForeignKey("boxes.id"))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    size: Mapped[int]


OLDEST = Order("oldest", (ToyRow.made_at, ToyRow.id), descending=False)
NEWEST = Order("newest", (ToyRow.made_at, ToyRow.id), descending=True)
SMALLEST = Order("smallest", (ToyRow.size, ToyRow.made_at, ToyRow.id), descending=False)
ORDERS = {order.name: order for order in (OLDEST, NEWEST, SMALLEST)}
BOXES = ("attic", "cellar", "empty")
# Seven toys in the attic and three in the cellar. Three pairs were made at the same moment. The ids of one of
# these pairs differ only in the last digit; one toy was made a microsecond after another.
TOYS = [
    ("attic", "a1", 0, 3),
    ("attic", "a2", 0, 1),
    ("cellar", "b1", 0, 1),
    ("attic", "a3", 1, 2),
    ("attic", "ä", 2, 2),
    ("cellar", "b2", 3_600_000_000, 2),
    ("attic", "a5", 3_600_000_000, 2),
    ("attic", "B6", 86_400_000_000, 1),
    ("cellar", "b3", 86_400_000_000, 9),
    ("attic", "a7", 86_400_000_001, 9),
]


@pytest.fixture
async def toys(database: Database) -> Database:
    """A database with ten toys in two boxes, inserted out of order."""
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with database.write() as db:
        db.add_all(BoxRow(id=box) for box in BOXES)
        await db.flush()
        db.add_all(
            ToyRow(id=id, box=box, made_at=DAWN + timedelta(microseconds=after), size=size)
            for box, id, after, size in sorted(TOYS, key=lambda toy: toy[1][::-1])
        )
    return database


async def in_order(toys: Database, order: Order, box: str | None = None) -> list[ToyRow]:
    """All toys in order, as the database sorts them."""
    sorting = [c.desc() if order.descending else c.asc() for c in order.columns]
    statement = select(ToyRow).order_by(*sorting)
    if box is not None:
        statement = statement.where(ToyRow.box == box)
    async with toys.read() as db:
        return list((await db.execute(statement)).scalars())


COLUMNS = select(ToyRow.id, ToyRow.box, ToyRow.made_at, ToyRow.size)
IN_BOXES = COLUMNS.where(ToyRow.box.in_(bindparam("boxes")))


async def one(toys: Database, order: Order, wanted: Page) -> Slice[Any]:
    return await paginate(toys, COLUMNS, order, wanted)


async def each(toys: Database, order: Order, wanted: Page) -> dict[str, Slice[Any]]:
    return await paginate_each(toys, ToyRow.box, COLUMNS, order, wanted, BOXES)


def ids(rows: Sequence[ToyRow]) -> list[str]:
    return [row.id for row in rows]


def forged(order: Order, *values: Any) -> str:
    content = json.dumps([order.name, *values], separators=(",", ":"), ensure_ascii=False)
    return urlsafe_b64encode(content.encode()).decode().rstrip("=")


def modelled(rows: list[ToyRow], order: Order, wanted: Page) -> tuple[list[str], bool, bool]:
    """The expected page: its ids, and whether there are more after and before it."""
    cursors = [order.cursor(row) for row in rows]
    start = cursors.index(wanted.after) + 1 if wanted.after in cursors else 0
    stop = cursors.index(wanted.before) if wanted.before in cursors else len(rows)
    window = rows[start : max(start, stop)]
    if wanted.backward:
        kept = window[max(0, len(window) - wanted.size) :]
        return ids(kept), wanted.before is not None, len(window) > wanted.size
    return ids(window[: wanted.size]), len(window) > wanted.size, wanted.after is not None


def told(found: Slice[ToyRow]) -> tuple[list[str], bool, bool]:
    return ids(found.rows), found.has_next, found.has_previous


async def walk_forward(toys: Database, order: Order, size: int) -> list[str]:
    seen, after = list[str](), None
    for _ in TOYS:
        found = await one(toys, order, page(size, after, None, None))
        assert found.has_previous is (after is not None)
        seen += ids(found.rows)
        if not found.has_next:
            return seen
        assert len(found.rows) == size
        after = found.cursors[-1]
    raise AssertionError(f"there is more after {seen}")


async def walk_backward(toys: Database, order: Order, size: int) -> list[str]:
    seen, before = list[str](), None
    for _ in TOYS:
        found = await one(toys, order, page(None, None, size, before))
        assert found.has_next is (before is not None)
        seen = ids(found.rows) + seen
        if not found.has_previous:
            return seen
        assert len(found.rows) == size
        before = found.cursors[0]
    raise AssertionError(f"there is more before {seen}")


@pytest.mark.parametrize("walk", [walk_forward, walk_backward])
@pytest.mark.parametrize("name", ORDERS)
async def test_a_walk_in_steps_of_any_size_sees_everything_once_and_in_order(
    walk: Walk, name: str, toys: Database
) -> None:
    everything = ids(await in_order(toys, ORDERS[name]))
    assert len(everything) == len(TOYS)
    for size in range(1, len(TOYS) + 2):
        assert await walk(toys, ORDERS[name], size) == everything


@pytest.mark.parametrize("name", ORDERS)
async def test_every_page_is_the_one_that_a_plain_list_would_give(
    name: str, toys: Database
) -> None:
    order = ORDERS[name]
    rows = await in_order(toys, order)
    ends = [None, *(order.cursor(row) for row in rows[::3])]
    for after, before, size, backward in product(ends, ends, (0, 2, 4, 100), (False, True)):
        wanted = Page(size, after, before, backward)
        found = await one(toys, order, wanted)
        assert told(found) == modelled(rows, order, wanted), wanted
        if found.is_whole:
            assert ids(found.rows) == ids(rows), wanted
        assert found.is_whole is (wanted == Page(100, None, None, backward)), wanted


@pytest.mark.parametrize("name", ORDERS)
async def test_every_page_of_each_parent_is_the_one_that_a_plain_list_would_give(
    name: str, toys: Database
) -> None:
    order = ORDERS[name]
    everything = await in_order(toys, order)
    of_box = {box: await in_order(toys, order, box) for box in BOXES}
    ends = [None, *(order.cursor(row) for row in everything[::4])]
    for after, before, size, backward in product(ends, ends, (0, 2, 100), (False, True)):
        wanted = Page(size, after, before, backward)
        found = await each(toys, order, wanted)
        for box, rows in of_box.items():
            window = _window(everything, order, wanted, rows)
            told_of_box = found.get(box, empty(wanted))
            assert told(told_of_box) == window, (box, wanted)
            if told_of_box.is_whole:
                assert ids(told_of_box.rows) == ids(rows), (box, wanted)


async def test_each_page_has_only_rows_that_the_statement_selects(toys: Database) -> None:
    small = COLUMNS.where(ToyRow.size < bindparam("size")).order_by(ToyRow.size)
    for statement in (small, small.join(BoxRow).where(BoxRow.id != "cellar")):
        found = await paginate_each(
            toys, ToyRow.box, statement, NEWEST, Page(2, None, None, False), BOXES, size=3
        )
        assert told(found["attic"]) == (["B6", "a5"], True, False)
        assert "empty" not in found
    assert "cellar" not in found


class Asked:
    """A source without rows, which keeps the statement that it is asked for."""

    def __init__(self, is_sqlite: bool) -> None:
        self.is_sqlite = is_sqlite
        self.statement = ""

    async def rows(self, statement: Any, **_given: Any) -> list[Any]:
        self.statement = str(statement)
        return []


@pytest.mark.parametrize(
    ("is_sqlite", "statement", "order", "is_numbered"),
    [
        (True, COLUMNS, NEWEST, False),
        (False, COLUMNS, NEWEST, True),
        (True, COLUMNS.join(BoxRow), NEWEST, True),
        (True, COLUMNS, Order("sizes", (ToyRow.id, ToyRow.size), descending=False), True),
    ],
)
async def test_sqlite_numbers_no_rows_of_one_table_whose_key_ends_the_order(
    is_sqlite: bool, statement: Any, order: Order, is_numbered: bool
) -> None:
    """It would sort all of them with all of their columns, to keep the first."""
    asked = Asked(is_sqlite)
    await paginate_each(asked, ToyRow.box, statement, order, Page(2, None, None, False), BOXES)
    assert ("row_number" in asked.statement) is is_numbered


def _window(
    everything: list[ToyRow], order: Order, wanted: Page, rows: list[ToyRow]
) -> tuple[list[str], bool, bool]:
    """The expected page of one parent; the cursor may point at a row of another parent."""
    cursors = [order.cursor(row) for row in everything]
    place = {row.id: number for number, row in enumerate(everything)}
    start = -1 if wanted.after is None else cursors.index(wanted.after)
    stop = len(everything) if wanted.before is None else cursors.index(wanted.before)
    window = [row for row in rows if start < place[row.id] < stop]
    inner = Page(wanted.size, None, None, wanted.backward)
    found, more_after, more_before = modelled(window, order, inner)
    if wanted.backward:
        return found, wanted.before is not None, more_before
    return found, more_after, wanted.after is not None


async def test_a_parent_without_rows_is_not_among_the_answers(toys: Database) -> None:
    found = await each(toys, OLDEST, page(2, None, None, None))
    assert set(found) == {"attic", "cellar"}


async def test_pages_of_all_parents_take_one_statement(toys: Database) -> None:
    with recorded(toys) as statements:
        await each(toys, NEWEST, page(2, None, None, None))
    assert len(statements) == 1


async def test_a_session_gives_the_entities_of_a_page(toys: Database) -> None:
    async with toys.read() as db:
        found = await paginate(db, select(ToyRow), OLDEST, page(2, None, None, None))
    assert [type(row) for row in found.rows] == [ToyRow, ToyRow]
    assert found == replace(await one(toys, OLDEST, page(2, None, None, None)), rows=found.rows)


async def test_each_row_comes_with_its_own_cursor(toys: Database) -> None:
    found = await one(toys, NEWEST, page(None, None, None, None))
    assert found.cursors == [NEWEST.cursor(row) for row in found.rows]
    assert len(set(found.cursors)) == len(TOYS)


async def test_a_page_keeps_to_what_its_statement_selects(toys: Database) -> None:
    async with toys.read() as db:
        cellar = select(ToyRow).where(ToyRow.box == "cellar")
        found = await paginate(db, cellar, OLDEST, page(2, None, None, None))
    assert told(found) == (["b1", "b2"], True, False)


async def test_a_walk_goes_on_where_it_was_although_its_last_row_is_gone(toys: Database) -> None:
    first = await one(toys, OLDEST, page(4, None, None, None))
    rest = ids(await in_order(toys, OLDEST))[4:]
    async with toys.write() as db:
        await db.execute(delete(ToyRow).where(ToyRow.id == first.rows[-1].id))
    found = await one(toys, OLDEST, page(100, first.cursors[-1], None, None))
    assert ids(found.rows) == rest


async def test_a_row_that_comes_in_between_is_neither_seen_twice_nor_moves_others(
    toys: Database,
) -> None:
    first = await one(toys, NEWEST, page(4, None, None, None))
    rest = ids(await in_order(toys, NEWEST))[4:]
    async with toys.write() as db:
        new = DAWN + timedelta(days=30)
        db.add(ToyRow(id="new", box="attic", made_at=new, size=1))
    found = await one(toys, NEWEST, page(100, first.cursors[-1], None, None))
    assert ids(found.rows) == rest


@pytest.mark.parametrize("name", ["after", "before"])
async def test_a_cursor_of_another_order_is_refused_by_name(name: str, toys: Database) -> None:
    found = await one(toys, OLDEST, page(1, None, None, None))
    for other in (NEWEST, SMALLEST):
        cursors = {"after": None, "before": None} | {name: found.cursors[0]}
        wanted = Page(1, **cursors, backward=False)
        for ask in (one, each):
            with pytest.raises(BadUserInput, match="not from this list") as refusal:
                await ask(toys, other, wanted)
            assert refusal.value.extensions["path"] == [name]


async def test_a_forged_number_is_a_position_like_any_other(toys: Database) -> None:
    for size, count in ((2**31, 0), (2**63 - 1, 0), (-(2**31) - 1, 10), (-(2**63), 10), (2, 7)):
        after = forged(SMALLEST, size, DAWN.isoformat(), "a1")
        found = await one(toys, SMALLEST, page(100, after, None, None))
        assert len(found.rows) == count


async def test_a_forged_number_that_no_database_holds_is_refused(toys: Database) -> None:
    for size in (2**63, 2**64 - 1, -(2**63) - 1, 10**30, True, "1", None, 1.5):
        after = forged(SMALLEST, size, DAWN.isoformat(), "a1")
        with pytest.raises(BadUserInput, match="not from this list"):
            await one(toys, SMALLEST, page(1, after, None, None))


async def test_a_forged_position_of_the_right_form_is_only_a_position(toys: Database) -> None:
    for id, (moment, count) in product(
        ["", "z" * 1000, "' OR 1=1 --", "\\", "%", "🎉", "a1"],
        [("0001-01-01T00:00:00+00:00", len(TOYS)), ("9999-12-31T23:59:59.999999+00:00", 0)],
    ):
        found = await one(toys, OLDEST, page(100, forged(OLDEST, moment, id), None, None))
        assert len(found.rows) == count


async def test_nothing_is_told_as_a_page_without_rows_is(toys: Database) -> None:
    after = forged(OLDEST, "9000-01-01T00:00:00+00:00", "z")
    before = forged(OLDEST, "1000-01-01T00:00:00+00:00", "a")
    nothing = select(ToyRow).where(ToyRow.box == "empty")
    for ends in product([None, after], [None, before], [False, True]):
        wanted = Page(2, *ends)
        async with toys.read() as db:
            found = await paginate(db, nothing, OLDEST, wanted)
        assert told(empty(wanted)) == told(found), wanted
        assert (list(empty(wanted).cursors), list(found.cursors)) == ([], [])


async def test_a_total_counts_the_rows_of_all_pages(toys: Database) -> None:
    assert await total(toys, COLUMNS.order_by(ToyRow.size)) == len(TOYS)
    assert await total(toys, IN_BOXES, boxes=["cellar"]) == 3
    async with toys.read() as db:
        assert await total(db, select(ToyRow).where(ToyRow.size > 100)) == 0
