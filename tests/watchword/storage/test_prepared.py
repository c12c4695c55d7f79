"""Statements in the driver's own form give what a session gives, for every kind of value and on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import JSON, String, bindparam, func, literal, null, select, tuple_, union_all
from sqlalchemy.dialects.sqlite import aiosqlite
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from watchword.storage import prepared
from watchword.storage.columns import UtcDateTime
from watchword.storage.database import Database
from watchword.storage.prepared import Statements

DAWN = datetime(2027, 1, 15, 6, 0, 0, 123456, UTC)


class Base(DeclarativeBase):
    pass


class ToyRow(Base):
    __tablename__ = "toys"

    id: Mapped[str] = mapped_column(String(20), primary_key=True)
    group: Mapped[str | None] = mapped_column("group_name", String(20))
    size: Mapped[int]
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    lost_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    tags: Mapped[list[str]] = mapped_column(JSON)


TOYS = [
    ToyRow(id="ball", group=None, size=1, made_at=DAWN, lost_at=None, tags=["red"]),
    ToyRow(id="bear", group="soft", size=3, made_at=DAWN, lost_at=DAWN, tags=[]),
    ToyRow(id="kite", group="out", size=2, made_at=DAWN + timedelta(days=1), lost_at=None, tags=["ä", "b"]),
]  # fmt: skip
ALL = select(ToyRow.id, ToyRow.group, ToyRow.size, ToyRow.made_at, ToyRow.lost_at, ToyRow.tags)
NAMED = ALL.where(ToyRow.id.in_(bindparam("ids"))).order_by(ToyRow.id)


@pytest.fixture
async def toys(database: Database) -> Database:
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with database.write() as db:
        for toy in TOYS:
            await db.merge(toy)
    return database


async def as_a_session_does(toys: Database, statement: Any, **given: Any) -> list[Any]:
    async with toys.read() as db:
        return [tuple(row) for row in await db.execute(statement, given)]


@pytest.mark.parametrize(
    "statement",
    [
        ALL.order_by(ToyRow.id),
        ALL.order_by(ToyRow.id).limit(2),
        ALL.order_by(ToyRow.id).limit(2).offset(1),
        ALL.where(ToyRow.id == "nothing"),
        ALL.where(ToyRow.id.in_(["bear"])),
        ALL.where(ToyRow.id.in_([])),
        ALL.where(ToyRow.id.not_in([])).order_by(ToyRow.id),
        ALL.where(ToyRow.id.in_(["bear", "kite", "ball"]), ToyRow.size > 1).order_by(ToyRow.id),
        ALL.where(ToyRow.made_at > DAWN - timedelta(seconds=1), ToyRow.lost_at.is_(None)).order_by(ToyRow.id),
        ALL.where(tuple_(ToyRow.made_at, ToyRow.id) > tuple_(literal(DAWN, UtcDateTime), literal("ball"))).order_by(ToyRow.id),
        select(ToyRow.group, func.count()).group_by(ToyRow.group).order_by(ToyRow.group.is_(None), ToyRow.group),
        select(func.count().label("number"), null()),
        select(func.max(ToyRow.made_at)),
        select(ToyRow.id.label("same"), ToyRow.id.label("same_again")).order_by(ToyRow.id),
        select(ToyRow.id).where(ToyRow.id.in_(select(ToyRow.id).where(ToyRow.size.in_([1, 2])))).order_by(ToyRow.id),
        select(union_all(select(ToyRow.id), select(ToyRow.group)).subquery().c[0]).order_by("id"),
    ],
)  # fmt: skip
async def test_rows_are_those_of_a_session(statement: Any, toys: Database) -> None:
    expected = await as_a_session_does(toys, statement)
    for _ in range(2):
        assert [tuple(row) for row in await toys.rows(statement)] == expected


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 9, 300])
async def test_a_list_of_any_length_selects_what_is_in_it(count: int, toys: Database) -> None:
    ids = ["kite", "ball", "none", *(str(number) for number in range(297))][:count]
    expected = await as_a_session_does(toys, NAMED, ids=ids)
    assert [tuple(row) for row in await toys.rows(NAMED, ids=ids)] == expected


async def test_rows_have_the_names_of_what_was_selected(toys: Database) -> None:
    [row] = await toys.rows(NAMED, ids=["bear"])
    assert (row.id, row.group, row.made_at, row.tags) == ("bear", "soft", DAWN, [])
    [row] = await toys.rows(select(func.count().label("number")).select_from(ToyRow))
    assert row.number == 3


async def test_a_statement_takes_new_values_each_time(toys: Database) -> None:
    for id in ("ball", "kite"):
        assert [row.id for row in await toys.rows(NAMED, ids=[id])] == [id]
        assert [row.id for row in await toys.rows(ALL.where(ToyRow.id == id))] == [id]


async def test_what_would_be_wrong_is_refused(toys: Database) -> None:
    with pytest.raises(TypeError, match="columns"):
        await toys.rows(select(ToyRow))
    with pytest.raises(TypeError, match="columns"):
        await toys.rows(select(ToyRow.id, ToyRow))
    with pytest.raises(TypeError, match="ids has no value"):
        await toys.rows(NAMED)
    with pytest.raises(TypeError, match="tuples"):
        await toys.rows(ALL.where(tuple_(ToyRow.id, ToyRow.size).in_([("ball", 1)])))
    with pytest.raises(TypeError, match="inside its text"):
        hidden = bindparam("id", "ball", literal_execute=True)
        await toys.rows(ALL.where(ToyRow.id == hidden))


def test_statements_of_one_shape_are_compiled_once_and_few_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prepared, "MOST_KEPT", 3)
    statements = Statements(aiosqlite.dialect())

    def named(count: int) -> object:
        return statements.prepare(ALL.where(ToyRow.id.in_(["x"] * count)), {})[0]

    assert named(3) is named(4)
    assert named(4) is not named(5)
    kept = named(1)
    for count in (2, 3, 5, 9, 17):
        named(count)
        assert named(1) is kept
    assert len(statements._kept) == 3
