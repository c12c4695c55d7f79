"""The weights of a schema, and directives that name what does not exist."""

from __future__ import annotations

import pytest
import strawberry

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
