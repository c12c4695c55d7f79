"""Awaitables are awaited as graphql-core does: one in place, several in tasks of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
import strawberry
from strawberry.dataloader import DataLoader

from tests.support.both_executions import Both
from watchword.execution.compiled.waiting import Unfinished, complete, note
from watchword.permissions.field import Public


async def current() -> Any:
    return asyncio.current_task()


async def test_one_is_awaited_in_place() -> None:
    made = await complete({"a": None}, note(None, "a", current()))
    assert made == {"a": asyncio.current_task()}


async def test_several_have_tasks_of_their_own() -> None:
    waiting = note(note(None, 0, current()), 2, current())
    first, between, last = await complete([None, "there", None], waiting)
    assert between == "there"
    assert len({first, last, asyncio.current_task()}) == 3


async def test_an_error_cancels_the_others() -> None:
    ended: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("cancelled")

    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await complete({}, note(note(None, "a", wait()), "b", fail()))
    assert ended == ["cancelled"]


# What resolvers do in each execution, and its data loader.
log: list[list[str]] = []
loaders: list[DataLoader[int, int]] = []
row_loaders: list[DataLoader[int, Any]] = []


def play(note: str) -> None:
    log[-1].append(note)


@strawberry.type
class Row:
    number: int

    @strawberry.field
    async def loaded(self) -> int:
        play(f"load {self.number}")
        return await loaders[-1].load(self.number)

    @strawberry.field(graphql_type=int)
    def promised(self) -> Awaitable[int]:
        play(f"promise {self.number}")
        return loaders[-1].load(self.number)

    @strawberry.field(graphql_type="Row")
    def promised_row(self) -> Awaitable[Row]:
        return row_loaders[-1].load(self.number)

    @strawberry.field
    async def later(self, turns: int = 1) -> int:
        try:
            play(f"begin {self.number}")
            for _ in range(turns):
                await asyncio.sleep(0)
            play(f"end {self.number}")
        except asyncio.CancelledError:
            play(f"cancelled {self.number}")
            raise
        return self.number

    @strawberry.field
    async def odd(self, turns: int = 2) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        if self.number % 2:
            raise ValueError(f"{self.number} is odd")
        return self.number

    @strawberry.field
    def maybe(self) -> list[Row | None]:
        return made(3)[1]

    @strawberry.field
    def all(self) -> list[Row] | None:
        return made(3)[1]

    @strawberry.field
    def line(self) -> list[Row]:
        return made(3)[1]

    @strawberry.field
    async def row(self) -> Row:
        play(f"row {self.number}")
        return Row(number=self.number + 10)


tasks: list[int] = []


async def doubled(keys: list[int]) -> list[int]:
    play(f"batch {keys}")
    tasks.append(len(asyncio.all_tasks()))
    return [2 * key for key in keys]


async def rows_of(keys: list[int]) -> list[Row | ValueError]:
    play(f"rows {keys}")
    return [Row(number=key + 10) if key % 4 else ValueError("a fourth") for key in keys]


def made(width: int) -> list[list[Any]]:
    return [[Row(number=width * line + column) for column in range(width)] for line in range(2)]


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def maybe(self, width: int = 3) -> list[list[Row | None]]:
        return made(width)

    @strawberry.field(permission_classes=[Public])
    def all(self, width: int = 3) -> list[list[Row] | None] | None:
        return made(width)

    @strawberry.field(permission_classes=[Public])
    def line(self, width: int = 4) -> list[Row]:
        return made(width)[0]


def begin() -> None:
    log.append([])
    loaders.append(DataLoader(doubled))
    row_loaders.append(DataLoader(rows_of))


async def compared(document: str) -> tuple[Any, list[Any]]:
    """Run a document in both ways; return the data, and the paths of the errors."""
    log.clear()
    data, errors = await Both(Query, before=begin).execute(document)
    interpreted, compiled = log
    assert compiled == interpreted
    return data, [path for _, path, *_ in errors]


@pytest.mark.parametrize(
    "parts",
    [
        *("odd", "odd later", "odd number", "odd later loaded", "row { odd later }"),
        *("odd promised", "promised odd later", "row { promised odd }"),
    ],
)
async def test_each_row_of_a_list_of_lists_has_an_error_of_its_own(parts: str) -> None:
    data, paths = await compared(f"{{ maybe {{ {parts} }} }}")
    found = {tuple(path[:3]) for path in paths}
    # A guard that took the path of another row would leave out the second error there.
    assert found == {("maybe", 0, 1), ("maybe", 1, 0), ("maybe", 1, 2)}
    assert [[each is None for each in line] for line in data["maybe"]] == [
        [False, True, False],
        [True, False, True],
    ]


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 14, 15, 16])
@pytest.mark.parametrize(
    "parts",
    [
        *("odd later(turns: {})", "later(turns: {}) odd(turns: 1) loaded"),
        "promised later(turns: {}) odd(turns: 1) promisedRow {{ promised number later }}",
    ],
)
@pytest.mark.parametrize("field", ["maybe", "all", "line"])
async def test_a_failing_row_ends_what_graphql_core_would_end(
    field: str, parts: str, turns: int
) -> None:
    document = f"{{ {field} {{ {parts.format(turns)} }} other: line {{ later loaded }} }}"
    assert (await compared(document))[1]
    # How far the others come says when they were cancelled.
    document = (
        f"{{ {field} {{ {parts.format(20)} }} other: line {{ later(turns: {turns}) loaded }} }}"
    )
    assert (await compared(document))[1]
    document = (
        f"{{ all {{ row {{ {field} {{ odd later(turns: 9) }} later(turns: {turns}) }} loaded }} }}"
    )
    assert (await compared(document))[1]


async def test_parts_of_rows_begin_in_order_and_loaders_batch_whole() -> None:
    await compared("{ all { later loaded row { loaded later } } line { loaded odd(turns: 0) } }")
    await compared("{ maybe { later row { row { loaded later } later } } }")
    data, _ = await compared(
        "{ line(width: 2) { loaded a: row { later loaded } b: row { later loaded } } }"
    )
    assert data["line"][1]["b"] == {"later": 11, "loaded": 22}
    batches = [note for note in log[-1] if note.startswith("batch")]
    assert batches == ["batch [0, 1, 10, 11]"]


@pytest.mark.parametrize("field", ["maybe", "all", "line"])
@pytest.mark.parametrize(
    "parts",
    [
        "promised",
        "promised loaded",
        "promised number later again: promised",
        "promisedRow { number }",
        "promisedRow { number } promised",
        "promisedRow { promised } promised loaded",
        "promisedRow { promisedRow { promised later } later } promised",
        "line { promised } promised",
        "all { promised promisedRow { number } }",
    ],
)
async def test_fields_that_return_futures_are_completed_as_by_graphql_core(
    field: str, parts: str
) -> None:
    _, paths = await compared(f"{{ {field} {{ {parts} }} line {{ promised }} }}")
    assert bool(paths) is ("promisedRow" in parts)


@pytest.mark.parametrize(
    ("parts", "saved"), [("promised", 4), ("promised again: promised", 12), ("loaded", 0)]
)
async def test_a_field_that_returns_a_future_has_no_task(parts: str, saved: int) -> None:
    """graphql-core has one for each of four objects, and for each field where there are several."""
    await compared(f"{{ line {{ {parts} }} }}")
    interpreted, compiled = tasks[-2:]
    assert interpreted - compiled == saved


async def test_loaders_batch_whole_for_fields_that_return_futures() -> None:
    await compared("{ line { promised loaded row { promised } } other: line { promised } }")
    batches = [note for note in log[-1] if note.startswith("batch")]
    assert batches == ["batch [0, 1, 2, 3]", "batch [10, 11, 12, 13]"]


async def test_cancelling_rows_cancels_their_parts() -> None:
    ended: list[int] = []

    async def wait(number: int) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append(number)

    rows = {at: Unfinished({}, {"a": wait(2 * at), "b": wait(2 * at + 1)}) for at in range(2)}
    task = asyncio.create_task(complete([None, None], rows))
    for _ in range(3):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [0, 1, 2, 3]


async def test_rows_need_no_tasks_of_their_own() -> None:
    before = len(asyncio.all_tasks())
    counts: list[int] = []

    async def count() -> None:
        await asyncio.sleep(0)
        counts.append(len(asyncio.all_tasks()) - before)

    rows = {at: Unfinished({}, {"a": count(), "b": count()}) for at in range(3)}
    await complete([None] * 3, rows)
    assert max(counts) == 6
