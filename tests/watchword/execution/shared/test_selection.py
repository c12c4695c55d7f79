"""An operation reads what everything that it selects declares, and nothing is guessed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import pytest
import strawberry
from strawberry.permission import BasePermission

from watchword.events.sources import Sources, reads
from watchword.execution.limits import Limits
from watchword.execution.plan import Plan, Planner
from watchword.execution.shared.selection import Declarations
from watchword.libraries.strawberry_parts import definition
from watchword.permissions.field import (
    HasRole,
    HasScope,
    HasTenant,
    Public,
    SignedIn,
    condition,
    permission,
)
from watchword.permissions.rules import Question, Rule

T = TypeVar("T")


@condition("to be lucky")
def is_lucky(_question: Any) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class OpenNow(Rule):
    """A rule of an author, which reads what nobody declares."""

    @property
    def requires(self) -> dict[str, Any]:
        return {"hours": "of business"}

    def holds(self, question: Question) -> bool:
        return True


class Foreign(BasePermission):
    def has_permission(self, source: Any, info: Any, **_: Any) -> bool:
        return True


class Doubling(strawberry.extensions.FieldExtension):
    def resolve(self, next_: Any, source: Any, info: Any, **given: Any) -> Any:
        return next_(source, info, **given)


@strawberry.interface
class Thing:
    id: int


@reads("toys")
@strawberry.type
class Toy(Thing):
    name: str
    guarded: int = strawberry.field(permission_classes=[(HasScope("a") & ~HasRole("b")) | SignedIn])
    lucky: int = strawberry.field(permission_classes=[SignedIn & is_lucky])
    timely: int = strawberry.field(permission_classes=[SignedIn & permission(OpenNow())])
    tenant: int = strawberry.field(permission_classes=[HasTenant("name")])
    foreign: int = strawberry.field(permission_classes=[Foreign])
    extended: int = strawberry.field(extensions=[Doubling()])
    own: int = reads("own")(strawberry.field(permission_classes=[is_lucky]))

    @strawberry.field
    def resolved(self) -> int:
        return 1

    @reads()
    @strawberry.field
    def follows(self) -> int:
        return 1


@reads("books", seconds=7)
@strawberry.type
class Book(Thing):
    title: str


@strawberry.type
class Undeclared(Thing):
    other: int


@strawberry.type
class Puppet(Toy):
    strings: int


@strawberry.type
class Deep(Generic[T]):
    items: list[T]


@reads()
@strawberry.type
class Shelf(Generic[T]):
    items: list[T]


Any_ = Annotated[Toy | Book, strawberry.union("Either")]


@strawberry.type
class Query:
    @reads("root")
    @strawberry.field(permission_classes=[Public])
    def toy(self, of: int = 0) -> Toy | None:
        return None

    @reads("root")
    @strawberry.field(permission_classes=[Public])
    def puppet(self) -> Puppet | None:
        return None

    @reads("root")
    @strawberry.field(permission_classes=[Public])
    def either(self) -> Any_ | None:
        return None

    @reads("root")
    @strawberry.field(permission_classes=[Public])
    def thing(self) -> Thing | None:
        return None

    @reads("root")
    @strawberry.field(permission_classes=[Public])
    def shelf(self) -> Shelf[Toy]:
        return Shelf(items=[])

    @reads("root")
    @strawberry.field(permission_classes=[Public])
    def deep(self) -> Deep[Toy]:
        return Deep(items=[])

    @strawberry.field(permission_classes=[Public])
    def undeclared(self) -> int:
        return 1


@strawberry.type
class Mutation:
    @reads("root")
    @strawberry.mutation(permission_classes=[Public])
    def change(self) -> int:
        return 1


SCHEMA = definition(strawberry.Schema(Query, Mutation, types=[Toy, Book]))
PLANNER = Planner(SCHEMA, Limits(1000, 10, 10, 1000), 10)


def sources_of(schema: Any, plan: Plan) -> Sources | None:
    return Declarations(schema).sources_of(plan)


def read(query: str) -> Sources | None:
    return sources_of(SCHEMA, PLANNER.plan(query, None))


@pytest.mark.parametrize(
    ("query", "streams"),
    [
        ("{ toy { name } }", "root toys"),
        ("{ toy { __typename } }", "root"),
        ("{ __typename }", ""),
        ("{ __schema { types { name } } }", ""),
        ("{ toy { id guarded } }", "root toys"),
        ("{ toy { tenant } }", "root toys"),
        ("{ toy { own } }", "root own"),
        ("{ toy { follows } }", "root"),
        ("{ shelf { items { name } } }", "root toys"),
        ("{ puppet { name } }", "root toys"),
        ("{ toy { ... { name } ... on Thing @skip(if: true) { id } } }", "root toys"),
        ("{ a: toy { ...f } b: toy { ...f } } fragment f on Toy { own ...g } fragment g on Toy { name }",
         "root own toys"),
    ],
)  # fmt: skip
def test_what_is_selected_says_what_is_read(query: str, streams: str) -> None:
    assert read(query) == Sources(frozenset(streams.split()))


def test_every_type_that_an_object_may_have_counts() -> None:
    assert read("{ either { ... on Toy { name } } }") == Sources(frozenset({"root", "toys"}))
    either = "{ either { ... on Toy { name } ... on Book { title } } }"
    assert read(either) == Sources(frozenset({"root", "toys", "books"}), 7)


def test_an_interface_is_declared_if_every_type_behind_it_is() -> None:
    declared = strawberry.Schema(Both)
    assert sources_of(definition(declared), PLANNER_OF_BOTH.plan("{ thing { id } }", None)) == (
        Sources(frozenset({"root", "toys", "books"}), 7)
    )
    # Undeclared and Puppet are things too, in the other schema.
    more = strawberry.Schema(Both, types=[Undeclared])
    assert sources_of(definition(more), PLANNER_OF_BOTH.plan("{ thing { id } }", None)) is None


@strawberry.type
class Both:
    @reads("root")
    @strawberry.field(permission_classes=[Public])
    def thing(self) -> Thing | None:
        return None

    @reads("root")
    @strawberry.field(permission_classes=[Public])
    def either(self) -> Any_ | None:
        return None


PLANNER_OF_BOTH = Planner(definition(strawberry.Schema(Both)), Limits(1000, 10, 10, 1000), 10)


@pytest.mark.parametrize(
    "query",
    [
        "{ undeclared }",
        "{ toy { name } undeclared @include(if: false) }",
        "{ toy { resolved } }",
        "{ toy { lucky } }",
        "{ toy { timely } }",
        "{ toy { foreign } }",
        "{ toy { extended } }",
        "{ puppet { strings } }",
        "{ deep { items { name } } }",
        "{ toy { ...f } } fragment f on Toy { name resolved }",
        "mutation { change }",
    ],
)
def test_one_undeclared_field_is_enough_not_to_share(query: str) -> None:
    assert read(query) is None


def test_a_schema_tells_all_streams_that_it_declares() -> None:
    assert Declarations(SCHEMA).streams == {"root", "toys", "books", "own"}


@strawberry.interface
class Knot:
    @reads("root")
    @strawberry.field
    def next(self) -> Knot | None:
        return None


@strawberry.type
class Rope:
    @reads("root")
    @strawberry.field(permission_classes=[Public])
    def knot(self) -> Knot | None:
        return None


def test_nested_interfaces_do_not_multiply_the_work() -> None:
    kinds = [reads("toys")(strawberry.type(type(f"Knot{n}", (Knot,), {}))) for n in range(8)]
    schema = definition(strawberry.Schema(Rope, types=kinds))
    planner = Planner(schema, Limits(1000, 50, 10, 10**9), 10)
    deep = "{ knot " + "{ next " * 40 + "{ __typename }" + " }" * 40 + " }"
    assert sources_of(schema, planner.plan(deep, None)) == Sources(frozenset({"root"}))
