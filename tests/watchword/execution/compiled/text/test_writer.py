"""The text of a selection is straight, deep selections included, and unlikely values are completed all the same."""

from __future__ import annotations

import asyncio
import datetime
import enum
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import strawberry
from strawberry.scalars import JSON

from tests.support.both_executions import Both
from watchword.execution.compiled.text.writer import DEEPEST
from watchword.permissions.field import Public

given: dict[str, Any] = {}


@strawberry.enum
class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


@strawberry.type
class Node:
    @strawberry.field
    def next(self) -> Node | None:
        return Node()

    @strawberry.field
    def nodes(self) -> list[Node | None]:
        return [Node()]

    @strawberry.field
    def fails(self) -> str:
        raise ValueError("deep")

    @strawberry.field
    def name(self) -> str:
        return "n"


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def node(self) -> Node:
        return given.get("value", Node())  # type: ignore[no-any-return]

    @strawberry.field(permission_classes=[Public])
    def maybe(self) -> Node | None:
        return given["value"]  # type: ignore[no-any-return]

    @strawberry.field(permission_classes=[Public])
    def text(self) -> str | None:
        return given["value"]  # type: ignore[no-any-return]

    @strawberry.field(permission_classes=[Public])
    def whole(self) -> int:
        return given["value"]  # type: ignore[no-any-return]

    @strawberry.field(permission_classes=[Public])
    def color(self) -> Color | None:
        return given["value"]  # type: ignore[no-any-return]

    @strawberry.field(permission_classes=[Public])
    def moment(self) -> datetime.datetime:
        return given["value"]  # type: ignore[no-any-return]

    @strawberry.field(permission_classes=[Public])
    def days(self) -> list[datetime.date | None]:
        return [given["value"], None, given["value"]]

    @strawberry.field(permission_classes=[Public])
    def anything(self) -> JSON | None:
        return given["value"]  # type: ignore[no-any-return]

    @strawberry.field(permission_classes=[Public])
    def words(self) -> list[str]:
        return given["value"]  # type: ignore[no-any-return]

    @strawberry.field(permission_classes=[Public])
    def rows(self) -> list[list[int | None] | None] | None:
        return given["value"]  # type: ignore[no-any-return]


class Moment(datetime.datetime):
    def isoformat(self, *_: Any, **__: Any) -> str:
        return "now é"


class Nowhere(datetime.tzinfo):
    def utcoffset(self, _: datetime.datetime | None) -> datetime.timedelta:
        raise LookupError("nowhere")


# Coroutines, of which some are never awaited: in both ways a field may have no use for them.
begun: list[Any] = []


def later(value: Any) -> Any:
    async def give() -> Any:
        await asyncio.sleep(0)
        return value

    begun.append(give())
    return begun[-1]


def fail_later() -> Any:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError("late")

    begun.append(fail())
    return begun[-1]


def close_all() -> None:
    while begun:
        begun.pop().close()


def generated(*items: Any) -> Iterator[Any]:
    yield from items
    raise KeyError("the iterator broke")


async def iterated(*items: Any) -> AsyncIterator[Any]:
    for each in items:
        yield each


NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, 6, datetime.UTC)
# Made anew for each execution: an awaitable can be awaited once.
VALUES: dict[str, Any] = {
    "null": lambda: None,
    "text": lambda: "a",
    "unusual text": lambda: "日本",
    "half a character": lambda: "\ud800",
    "number": lambda: 3,
    "too long a number": lambda: 2**40,
    "other": lambda: 5j,
    "node": Node,
    "an error": lambda: ValueError("returned"),
    "member": lambda: Color.BLUE,
    "value of a member": lambda: "red",
    "moment": lambda: NOW,
    "moment of a class of its own": lambda: Moment(2026, 1, 2),
    "moment nowhere": lambda: NOW.replace(tzinfo=Nowhere()),
    "day": lambda: NOW.date(),
    "time": lambda: NOW.time(),
    "object": lambda: {"a": [1, {"b": "\ud800"}]},
    "awaited moment": lambda: later(NOW),
    "awaited text": lambda: later("a"),
    "awaited node": lambda: later(Node()),
    "awaited null": lambda: later(None),
    "awaited error": fail_later,
    "list": lambda: ["a", "b"],
    "tuple": lambda: ("a", "b"),
    "list with null": lambda: ["a", None],
    "list with awaitables": lambda: ["a", later("b"), later("c")],
    "list with an awaited error": lambda: [later("a"), fail_later(), later("c")],
    "broken iterator": lambda: generated("a", "b"),
    "broken iterator of awaitables": lambda: generated(later("a"), None, later("b")),
    "async iterator": lambda: iterated("a", None, "c"),
    "awaited list": lambda: later(["a"]),
    "rows": lambda: [[1, None], None, [2**40, 3], (4,), "no", later([5, later(6)])],
}
FIELDS = [
    *("node { name }", "maybe { name __typename }", "text", "whole", "color", "words", "rows"),
    *("moment", "days", "anything"),
]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", VALUES)
async def test_each_value_becomes_what_graphql_core_makes_of_it(field: str, value: str) -> None:
    def prepare() -> None:
        close_all()
        given["value"] = VALUES[value]()

    both = Both(Query, before=prepare)
    for _ in range(2):
        # The second time, the class of the value may be known.
        await both.execute(f"{{ {field} }}")
    given.clear()
    close_all()


async def test_deep_selections_are_compiled_too() -> None:
    depth = DEEPEST - 1
    ways = ["next { ", "nodes { ", *["next { "] * (depth - 2)]
    document = "{ node { " + "".join(ways) + "name fails" + " }" * depth + " } }"
    both = Both(Query, before=given.clear)
    _, errors = await both.execute(document)
    assert errors[0][1][-1] == "fails"
    assert "object" in both.text(document)
