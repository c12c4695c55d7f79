"""The guarded inputs of a schema are found by their coordinates, with the rules of classes and interfaces."""

from __future__ import annotations

from typing import Annotated

import strawberry
from graphql import GraphQLObjectType

from tests.support.payroll import payroll
from watchword.domain import Domain
from watchword.libraries.strawberry_parts import definition
from watchword.permissions.coverage import cover
from watchword.permissions.field import HasRole, HasScope, Public, SignedIn
from watchword.permissions.guarded import guarded_by
from watchword.permissions.inputs import Inputs
from watchword.permissions.rules import RoleRule, ScopeRule, SignedInRule

One = Annotated[int, strawberry.argument(directives=[guarded_by(HasScope("one"))])]
Two = Annotated[int, strawberry.argument(directives=[guarded_by(HasRole("two"))])]


@guarded_by(Public)
@strawberry.interface
class Shape:
    @strawberry.field
    def area(self, scale: One = 1, plain: int = 1) -> int | None:
        return scale


@guarded_by(Public)
@strawberry.type
class Circle(Shape):
    @strawberry.field
    def area(self, scale: Two = 1, plain: Annotated[int, strawberry.argument()] = 1) -> int | None:
        return scale


@guarded_by(SignedIn)
@strawberry.input
class Base:
    a: int = strawberry.field(directives=[guarded_by(Public)], default=1)


@guarded_by(HasRole("two"), SignedIn)
@strawberry.input
class Derived(Base):
    b: int = strawberry.field(directives=[guarded_by(HasScope("one"))], default=1)


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def shape(self, given: Derived | None = None) -> Circle:
        return Circle()


def test_every_guarded_input_is_found_by_its_coordinate() -> None:
    inputs = Inputs(definition(payroll()))
    assert {each.name for each in inputs} == {
        *("Page", "Filter.bonus", "Between.low", "Level.BOARD", "Grade.ONE", "Grade.TWO")
    }
    assert [name for name in ("Filter", "Between", "Level", "Page") if inputs.leads(_kind(name))]


def _kind(name: str) -> object:
    return definition(payroll()).type_map[name]


def test_a_class_adds_its_guard_to_that_of_its_base_and_public_guards_nothing() -> None:
    inputs = Inputs(definition(strawberry.Schema(Query)))
    assert inputs.types["Derived"].rules == (SignedInRule(), RoleRule("two"))
    assert inputs.fields["Derived", "b"].rules == (ScopeRule("one"),)
    assert ("Derived", "a") not in inputs.fields


def test_an_argument_keeps_the_guard_that_it_has_in_an_interface() -> None:
    made = definition(strawberry.Schema(Query, types=[Circle]))
    circle = made.type_map["Circle"]
    assert isinstance(circle, GraphQLObjectType)
    arguments = Inputs(made).of_field(circle, "area", circle.fields["area"])
    assert set(arguments) == {"scale"}
    guard = arguments["scale"].guard
    assert guard is not None
    assert guard.name == "Circle.area(scale:)"
    assert guard.rules == (RoleRule("two"), ScopeRule("one"))


def test_the_guards_are_in_the_sdl_in_words() -> None:
    text = strawberry.Schema(Query, types=[Circle]).as_str()
    assert 'b: Int! = 1 @guardedBy(needs: "scope one")' in text
    assert 'scale: Int! = 1 @guardedBy(needs: "role two")' in text


def test_a_schema_may_be_covered_twice() -> None:
    schema = strawberry.Schema(Query)
    for _ in range(2):
        cover(schema, Domain())
    field = definition(schema).type_map["Circle"].fields["area"]  # type: ignore[attr-defined]
    made = field.extensions["strawberry-definition"]
    assert len(made.extensions) == 1
