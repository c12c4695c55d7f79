"""The weights of a schema, and directives that name what does not exist."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from graphql import GraphQLSchema, build_schema

from watchword import Unsafe, cost, list_size
from watchword.execution.cost.weights import INTROSPECTION, Weights
from watchword.libraries.strawberry_parts import definition


@strawberry.interface
class Thing:
    id: int


@strawberry.type(directives=[cost(5)])
class Toy(Thing):
    pass


@strawberry.type
class Box(Thing):
    pass


@strawberry.input
class Inner:
    circle: Inner | None = None
    heavy: int = strawberry.field(default=0, directives=[cost(2)])


@strawberry.input
class Outer:
    inners: list[Inner]


@strawberry.type
class Query:
    thing: Thing

    @strawberry.field
    def ask(self, outer: Outer, light: int = 0) -> int:
        return 0


def test_types_weigh_what_they_declare_and_abstract_ones_the_most_that_they_may_be() -> None:
    schema = definition(strawberry.Schema(Query, types=[Toy, Box]))
    weights = Weights(schema)
    found = {n: weights.of_type(schema.type_map[n]) for n in ("Toy", "Box", "Thing", "Int")}
    assert found == {"Toy": 5, "Box": 1, "Thing": 5, "Int": 0}
    assert weights.of_type(schema.type_map["__Type"]) == INTROSPECTION


def test_input_fields_weigh_for_each_value_of_them() -> None:
    schema = definition(strawberry.Schema(Query, types=[Toy, Box]))
    weights = Weights(schema)
    arguments = schema.query_type.fields["ask"].args  # type: ignore[union-attr]
    assert weights.can_weigh(arguments["outer"].type)
    assert not weights.can_weigh(arguments["light"].type)
    value = {"inners": [{"heavy": 1}, {"heavy": 1, "circle": {"heavy": 2}}]}
    assert weights.in_value(arguments["outer"].type, value) == 6


@pytest.mark.parametrize(
    ("sizes", "named"),
    [
        (list_size(slicing_arguments=["page_size"]), "page_size"),
        (list_size(slicing_arguments=["pageSize.first"]), "pageSize.first"),
        (list_size(assumed_size=1, sized_fields=["edges"]), "edges"),
    ],
)
def test_a_size_that_names_what_does_not_exist_is_refused(sizes: object, named: str) -> None:
    @strawberry.type
    class Sized:
        @strawberry.field(directives=[sizes])
        def box(self, page_size: int) -> Box:
            raise NotImplementedError

    with pytest.raises(Unsafe, match=rf"^Sized\.box: .*'{named}'"):
        Weights(definition(strawberry.Schema(Sized)))


def listed(*sizes: tuple[float, int | None]) -> tuple[Weights, GraphQLSchema]:
    """Return the weights of a schema whose types have a list of these weights and assumed sizes."""
    types = " ".join(f"type T{n} implements Thing {{ all: [ID] }}" for n in range(len(sizes)))
    schema = build_schema(f"interface Thing {{ all: [ID] }} type Query {{ thing: Thing }} {types}")
    for n, (weight, size) in enumerate(sizes):
        kind: Any = schema.type_map[f"T{n}"]
        directives = [cost(weight), *([list_size(assumed_size=size)] if size is not None else [])]
        made_from = SimpleNamespace(directives=directives, extensions=[])
        kind.fields["all"].extensions = {"strawberry-definition": made_from}
    return Weights(schema), schema


@pytest.mark.parametrize(
    ("sizes", "dearest"),
    [
        ([(1, 10), (1, 30), (1, 20)], {"T1"}),
        ([(1, 30), (5, 10), (3, 20), (2, 10)], {"T0", "T1", "T2"}),
        ([(1, 30), (1, 30)], {"T0"}),
        # The length of the last is not declared: it may cost more than any of them.
        ([(1, 30), (2, 40), (1, None)], {"T1", "T2"}),
    ],
)
def test_a_field_that_is_smaller_in_weight_and_size_than_another_is_not_measured(
    sizes: list[tuple[float, int | None]], dearest: set[str]
) -> None:
    weights, schema = listed(*sizes)
    found = weights.dearest(schema.type_map["Thing"], "all")
    assert len(found) == len(dearest)
    assert {kind.name for kind in found} <= {f"T{n}" for n in range(len(sizes))}
    numbers = {sizes[int(kind.name[1:])] for kind in found}
    assert numbers == {sizes[int(name[1:])] for name in dearest}


def test_fields_are_alike_if_all_that_says_something_of_their_costs_is() -> None:
    weights, schema = listed((1, 10), (1, 10), (2, 10), (1, 11), (1, None))
    kinds: list[Any] = [schema.type_map[f"T{n}"] for n in range(5)]
    numbers = [weights.alike(kind.fields["all"]) for kind in kinds]
    assert numbers[0] == numbers[1]
    assert len({*numbers}) == 4
