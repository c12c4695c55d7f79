"""Values of object types are checked as graphql-core does, by the class where that is enough."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator
from typing import Any

import pytest
import strawberry

from tests.support.both_executions import Both
from watchword.execution.compiled.fields.checks import Known, is_plain
from watchword.permissions.field import Public

given: dict[str, Any] = {}


@strawberry.type
class Waits:
    name: str = "w"

    @classmethod
    async def is_type_of(cls, value: Any, info: Any) -> bool:
        await asyncio.sleep(0)
        return isinstance(value, cls)


@strawberry.type
class Looks:
    name: str = "l"

    @classmethod
    def is_type_of(cls, value: Any, info: Any) -> bool:
        return bool(value.name != "other" and info.field_name)


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def waits(self) -> list[Waits | None]:
        return given["values"]  # type: ignore[no-any-return]

    @strawberry.field(permission_classes=[Public])
    def looks(self) -> list[Looks | None]:
        return given["values"]  # type: ignore[no-any-return]


@strawberry.type
class Plain:
    name: str = "p"


class Heir(Plain):
    """Another class of which values at one place are."""


@strawberry.type
class Places:
    @strawberry.field(permission_classes=[Public])
    def plain(self) -> list[list[Plain | None]]:
        return given["values"]  # type: ignore[no-any-return]


async def test_values_of_several_classes_at_one_place_are_told_apart() -> None:
    values = [[Plain(), Heir()], [ValueError("no"), Plain(), None, Heir(), Looks(name="looks")]]
    both = Both(Places, before=lambda: given.update(values=values))
    for _ in range(2):
        _, errors = await both.execute("{ plain { name } }")
        assert [path for _, path, *_ in errors] == [["plain", 1, 0]]


def test_the_first_known_class_is_told() -> None:
    known, told = Known(), list[type]()
    known.tell(told.append)
    for each in (Plain, Heir, Plain):
        known.add(each)
    assert told == [Plain]
    assert known == {Plain, Heir}


class Ready:
    """An awaitable that is no coroutine."""

    def __await__(self) -> Generator[Any, None, Looks]:
        yield from asyncio.sleep(0).__await__()
        return Looks(name="ready")


@pytest.mark.parametrize("field", ["waits", "looks"])
async def test_is_type_of_is_asked_for_each_value(field: str) -> None:
    values = [Waits(), Looks(), Looks(name="other"), Ready(), Waits(), Looks()]
    both = Both(Query, before=lambda: given.update(values=values))
    _, errors = await both.execute(f"{{ {field} {{ name }} }}")
    assert errors


class Reads:
    def __getattr__(self, name: str) -> str:
        return name


@pytest.mark.parametrize(
    ("kind", "plain"),
    [(str, True), (Looks, True), (Ready, False), (Reads, False), (ValueError, False)],
)
def test_a_class_is_plain_if_none_of_its_objects_can_wait_or_fail(kind: type, plain: bool) -> None:
    assert is_plain(kind) is plain
    assert not issubclass(kind, Awaitable) or not plain
