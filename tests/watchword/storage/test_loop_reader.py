"""Short reads of SQLite need no thread; whatever a reader cannot do at once is done by a connection of the pool."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select, column, func, insert, literal, select, table, text

from watchword.storage import loop_reader
from watchword.storage.database import Database

ONE = select(literal(1).label("one"))
TOYS = select(column("size")).select_from(table("toys"))


def counted(items: int) -> Select[Any]:
    """Select a number that SQLite counts in about `items` squared steps."""
    many = f"[{'1,' * (items - 1)}1]"
    lists = [func.json_each(many).table_valued("value").alias(name) for name in "ab"]
    return select(func.count().label("count")).select_from(*lists)


@pytest.fixture
async def toys(sqlite_url: str) -> AsyncIterator[Database]:
    database = Database(sqlite_url, pool_size=1)
    async with database.write() as db:
        await db.execute(text("CREATE TABLE toys (size INTEGER)"))
        await db.execute(text("INSERT INTO toys VALUES (1)"))
    yield database
    await database.close()


@pytest.fixture
def lent(toys: Database, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list that gets an item whenever a statement outside a session takes a connection of the pool."""
    seen: list[str] = []
    lend = type(toys.engine).raw_connection

    async def noting(engine: Any) -> Any:
        seen.append("lent")
        return await lend(engine)

    monkeypatch.setattr(type(toys.engine), "raw_connection", noting)
    return seen


async def test_a_short_read_is_done_without_a_turn_of_the_event_loop(
    toys: Database, lent: list[str]
) -> None:
    reading = toys.rows(TOYS)
    with pytest.raises(StopIteration) as done:
        reading.send(None)
    assert done.value.value == [(1,)]
    assert lent == []


async def test_a_read_sees_what_is_committed_and_no_more(toys: Database, lent: list[str]) -> None:
    async with toys.write() as db:
        await db.execute(text("UPDATE toys SET size = 2"))
        # The writer's lock keeps no reader out.
        assert await toys.rows(TOYS) == [(1,)]
    assert await toys.rows(TOYS) == [(2,)]
    assert lent == []


async def test_a_long_read_is_left_to_a_thread_and_tried_again_later(
    toys: Database, lent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(loop_reader.time, "monotonic", lambda: now[0])
    assert await toys.rows(counted(1_000)) == [(1_000_000,)]
    assert len(lent) == 1
    # The same shape of statement, which would be short.
    assert await toys.rows(counted(3)) == [(9,)]
    assert len(lent) == 2
    assert await toys.rows(TOYS) == [(1,)]
    now[0] += loop_reader.LONG_SECONDS
    assert await toys.rows(counted(3)) == [(9,)]
    assert len(lent) == 2


async def test_a_read_may_take_its_steps_each_time(toys: Database, lent: list[str]) -> None:
    for _ in range(50):
        assert await toys.rows(counted(50)) == [(2_500,)]
    assert lent == []


@pytest.mark.parametrize(("slow", "taken"), [("sqs", 0), ("ss", 1), ("qss", 1)])
async def test_reads_that_the_disk_delays_twice_in_succession_are_left_to_a_thread(
    slow: str, taken: int, toys: Database, lent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    step = 0.0

    def monotonic() -> float:
        now[0] += step
        return now[0]

    monkeypatch.setattr(loop_reader.time, "monotonic", monotonic)
    for each in slow:
        step = loop_reader.SLOW_SECONDS * 2 if each == "s" else 0.0
        assert await toys.rows(TOYS) == [(1,)]
    assert lent == []
    step = 0.0
    assert await toys.rows(TOYS) == [(1,)]
    assert len(lent) == taken


async def test_a_reader_cannot_write(toys: Database) -> None:
    reader = loop_reader.loop_reader(toys.url.database)
    assert reader is not None
    prepared, _ = toys._statements.prepare(TOYS, {})
    prepared.sql = str(insert(table("toys", column("size"))).values(size=literal(5)).compile(
        compile_kwargs={"literal_binds": True}
    ))  # fmt: skip
    assert reader.read(prepared, []) is None
    reader.close()
    prepared.sql = "SELECT size FROM toys"
    assert reader.read(prepared, []) == [(1,)]
    reader.close()


async def test_a_reader_makes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "a place?" / "room #1.db"
    path.parent.mkdir()
    reader = loop_reader.loop_reader(str(path))
    assert reader is not None
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'other.db'}")
    prepared, _ = database._statements.prepare(ONE, {})
    assert reader.read(prepared, [1]) is None
    assert not path.exists()
    path.touch()
    assert reader.read(prepared, [1]) == [(1,)]
    reader.close()


@pytest.mark.parametrize("path", [None, "", ":memory:", "file:room?mode=memory"])
def test_a_database_in_memory_has_no_other_reader(path: str | None) -> None:
    assert loop_reader.loop_reader(path) is None
