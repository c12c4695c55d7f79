"""The ways in which Strawberry's converter resolves fields are still those that compiled operations know."""

from __future__ import annotations

import enum
from typing import Any

import pytest
import strawberry
from graphql import GraphQLString
from graphql.execution import Executor
from strawberry import relay
from strawberry.extensions import FieldExtension
from strawberry.permission import PermissionExtension

from watchword.libraries.strawberry_fields import (
    Arguments,
    Parameters,
    Way,
    cast_of,
    enum_names,
    field_of,
    function_of,
    has_handlers,
    is_usual_executor,
    on_unauthorized,
    permissions_only,
    resolves_by_class,
    way_of,
)
from watchword.libraries.strawberry_fields import (
    tests_class as accepts_by_class,
)
from watchword.libraries.strawberry_parts import definition, executor_class
from watchword.permissions.field import Public, SignedIn


class Extended(FieldExtension):
    async def resolve_async(self, next_: Any, source: Any, info: Any, **arguments: Any) -> Any:
        return await next_(source, info, **arguments)


@strawberry.enum
class Color(enum.Enum):
    RED = "red"
    ALSO_RED = "red"


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Thing(Named):
    pass


@strawberry.type
class Own:
    name: str

    @classmethod
    def is_type_of(cls, value: Any, info: Any) -> bool:
        return True


@strawberry.type
class Query:
    plain: str

    @strawberry.field(permission_classes=[Public, SignedIn])
    def called(
        self, root: strawberry.Parent[Any], given: strawberry.Info, id: relay.GlobalID, n: int = 1
    ) -> Named:
        return Thing(name="a")

    @strawberry.field(extensions=[Extended()])
    async def later(self) -> Thing | Own:
        return Thing(name="a")

    @strawberry.field
    def color(self) -> Color:
        return Color.RED


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def events(self) -> str:
        return "e"


SCHEMA = strawberry.Schema(Query, None, Subscription)
MADE = definition(SCHEMA)


def field(name: str) -> Any:
    return MADE.type_map["Query"].fields[name]  # type: ignore[attr-defined]


def test_each_way_of_resolving_is_known() -> None:
    assert [way_of(field(name)) for name in ("plain", "called", "later")] == [
        Way.ATTRIBUTE,
        Way.CALL,
        Way.CALL_LATER,
    ]
    events = MADE.subscription_type.fields["events"]  # type: ignore[union-attr]
    assert way_of(events) is Way.EVENT


def test_a_resolver_that_was_put_in_place_is_another_way() -> None:
    made: Any = definition(strawberry.Schema(Query)).type_map["Query"]
    made.fields["plain"].resolve = lambda *_: "x"
    assert way_of(made.fields["plain"]) is Way.OTHER


def test_a_function_is_called_with_what_it_declares() -> None:
    found = field_of(field("called"))
    assert found is not None
    parameters = Parameters(found)
    assert (parameters.takes_self, parameters.parents, parameters.info) == (True, {"root"}, "given")
    assert callable(function_of(found))
    arguments = Arguments(SCHEMA, found)
    unchanged = {name: arguments.is_unchanged(each) for name, each in arguments.names().items()}
    assert unchanged == {"id": False, "n": True}
    converted = arguments.convert({"id": "VGhpbmc6MQ==", "n": 2}, None)
    assert converted == {"id": relay.GlobalID("Thing", "1"), "n": 2}


def test_permissions_alone_are_told_from_other_extensions() -> None:
    called, later = field_of(field("called")), field_of(field("later"))
    assert called is not None
    assert later is not None
    [extension] = permissions_only(called) or ()
    assert type(extension) is PermissionExtension
    assert permissions_only(later) is None


def test_a_silent_refusal_is_an_empty_value() -> None:
    extension = PermissionExtension([Public()], fail_silently=True)
    assert on_unauthorized(extension, extension.permissions[0]) is None


def test_members_of_an_enum_have_names() -> None:
    assert enum_names(field("color").type.of_type) == (Color, {"RED": "RED", "ALSO_RED": "RED"})
    assert enum_names(GraphQLString) is None


def test_types_that_accept_by_class_are_known() -> None:
    thing: Any = MADE.type_map["Thing"]
    own: Any = MADE.type_map["Own"]
    assert accepts_by_class(thing)
    assert not accepts_by_class(own)
    assert resolves_by_class(MADE.type_map["Named"], thing, Thing)
    assert resolves_by_class(field("later").type.of_type, thing, Thing)
    assert not resolves_by_class(MADE.type_map["Named"], thing, Own)
    assert not resolves_by_class(field("later").type.of_type, own, Own)
    assert cast_of(strawberry.cast(Thing, Own(name="a"))) is Thing


@pytest.mark.parametrize("kind", [executor_class(SCHEMA), Executor])
def test_the_usual_executor_is_told_from_others(kind: Any) -> None:
    assert is_usual_executor(kind) is (kind is not Executor)
    assert not has_handlers(SCHEMA)
