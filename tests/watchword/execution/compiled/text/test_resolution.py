"""A field's value comes about as Strawberry makes it: attributes, resolvers of every form, extensions."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import strawberry
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission, PermissionExtension
from strawberry.schema.config import StrawberryConfig

from tests.support.both_executions import Both
from watchword.context import Info
from watchword.permissions.field import HasRole, Public
from watchword.principal import Grants, Principal

ADMIN = Principal("a", Grants(frozenset({"admin"})))


class Shout(FieldExtension):
    def resolve(self, next_: Any, source: Any, info: Any, **arguments: Any) -> Any:
        return f"{next_(source, info, **arguments)}!"

    async def resolve_async(self, next_: Any, source: Any, info: Any, **arguments: Any) -> Any:
        return f"{await next_(source, info, **arguments)}!"


class OnlyLater(FieldExtension):
    async def resolve_async(self, next_: Any, source: Any, info: Any, **arguments: Any) -> Any:
        await asyncio.sleep(0)
        return f"{info.field_name} {await next_(source, info, **arguments)}"


class Never(BasePermission):
    message = "never"

    def has_permission(self, source: Any, info: Any, **arguments: Any) -> bool:
        return False


class NeverLater(BasePermission):
    message = "never, later"

    async def has_permission(self, source: Any, info: Any, **arguments: Any) -> bool:
        await asyncio.sleep(0)
        return False


def written_elsewhere(root: Thing, info: Info) -> str:
    return f"{root.name} {info.field_name}"


@strawberry.type
class Thing:
    name: str
    elsewhere: str = strawberry.field(resolver=written_elsewhere)
    secret: str | None = strawberry.field(default="s", permission_classes=[HasRole("admin")])

    @strawberry.field
    def of_self(self) -> str:
        return self.name

    @strawberry.field
    def of_parent(self, thing: strawberry.Parent[Thing]) -> str:
        return thing.name

    @strawberry.field
    @staticmethod
    def static(count: int = 2) -> int:
        return count

    @strawberry.field
    @classmethod
    def of_class(cls) -> str:
        return cls.__name__

    @strawberry.field
    def mixed(self, a: str, info: Info, b: int = 2, *, c: int = 3, d: str | None = None) -> str:
        return f"{self.name} {a!r} {info.field_name} {b!r} {c!r} {d!r}"

    @strawberry.field
    def unnamed(self, count: int = 1, /) -> str | None:
        return str(count)

    @strawberry.field(extensions=[Shout()])
    def loud(self, word: str = "w") -> str:
        return word

    @strawberry.field(extensions=[Shout()])
    async def loud_later(self, word: str = "w") -> str:
        return word

    @strawberry.field(extensions=[OnlyLater()])
    def waits(self) -> str:
        return "w"

    @strawberry.field(permission_classes=[Never])
    def closed(self) -> str | None:
        return "c"

    @strawberry.field(permission_classes=[NeverLater])
    async def closed_later(self, info: Info) -> str | None:
        return "c"

    @strawberry.field(permission_classes=[NeverLater])
    def closed_later_for_no_reason(self) -> str | None:
        return "c"

    @strawberry.field(extensions=[PermissionExtension([HasRole("admin")()], fail_silently=True)])
    def silent(self) -> list[str]:
        return ["x"]

    @strawberry.field(permission_classes=[HasRole("admin")])
    def source(self, source: str = "taken") -> str | None:
        return source

    async def unused(self) -> None:
        return None


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def thing(self) -> Thing:
        return Thing(name="t")


FIELDS = (
    "name elsewhere secret ofSelf ofParent static ofClass loud loudLater waits closed closedLater"
    " closedLaterForNoReason silent source"
)


async def test_every_form_of_resolver_gives_its_value() -> None:
    data, errors = await Both(Query).execute(f"{{ thing {{ {FIELDS} }} }}", None, ADMIN)
    assert data["thing"]["elsewhere"] == "t elsewhere"
    assert data["thing"]["loud"] == data["thing"]["loudLater"] == "w!"
    assert data["thing"]["waits"] == "waits w"
    assert data["thing"]["silent"] == ["x"]
    assert [path[-1] for _, path, *_ in errors][-1] == "closedLaterForNoReason"


async def test_closed_fields_are_refused() -> None:
    data, errors = await Both(Query).execute(f"{{ thing {{ {FIELDS} }} }}")
    assert data["thing"]["secret"] is None
    assert data["thing"]["silent"] == []
    assert {path[-1] for _, path, *_ in errors} >= {"secret", "closed", "closedLater", "source"}


async def test_each_field_may_be_read_alone() -> None:
    both = Both(Query)
    for field in FIELDS.split():
        await both.execute(f"{{ thing {{ {field} }} }}", None, ADMIN)


async def test_a_default_resolver_of_the_schema_s_own_is_used() -> None:
    def read(source: Any, name: str) -> Any:
        return f"{name} of {type(source).__name__}"

    both = Both(Query, config=StrawberryConfig(default_resolver=read))
    data, _ = await both.execute("{ thing { name ofSelf } }")
    assert data == {"thing": {"name": "name of Thing", "ofSelf": "t"}}


@pytest.mark.parametrize(
    "given",
    ['a: "x"', 'a: "x", b: 5', 'a: "x", d: "y"', 'd: "y", c: 1, b: 0, a: "x"'],
)
async def test_arguments_reach_the_parameters_of_their_names(given: str) -> None:
    both = Both(Query)
    await both.execute(f"{{ thing {{ mixed({given}) unnamed other: unnamed(count: 3) }} }}")


async def test_arguments_are_given_by_position_where_that_is_the_same() -> None:
    both = Both(Query)
    document = '{ thing { mixed(a: "x", b: 5, c: 4) } }'
    data, _ = await both.execute(document)
    assert data == {"thing": {"mixed": "t 'x' mixed 5 4 None"}}
    [call] = [line for line in both.text(document).splitlines() if "INFO(" in line]
    # `c` is given by its name only, and so is `d`.
    assert call.count("=") == 3
    assert " c=" in call
