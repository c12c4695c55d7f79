"""The examples of the GraphQL Cost Directives specification (https://ibm.github.io/graphql-specs/cost-spec.html).

The specification counts objects and fields apart, as type cost and field cost. Here both are one number: each object of an
answer costs 1 or the weight of its type, and a field only the weight that it declares.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import pytest
import strawberry
from graphql import GraphQLSchema, OperationDefinitionNode, parse
from graphql.execution import VariableValues, get_variable_values

from watchword import Unsafe, cost, list_size
from watchword.config.cost_directives import Cost
from watchword.errors import BadUserInput
from watchword.execution.cost.estimate import Estimator
from watchword.libraries.strawberry_directives import leave_to_types
from watchword.libraries.strawberry_parts import definition


@strawberry.enum
class Approximate(Enum):
    YES = "yes"


@strawberry.input
class Filter:
    approx: Approximate | None = strawberry.field(default=None, directives=[cost(-12)])
    name: str | None = None
    max: int | None = None


@strawberry.type
class User:
    name: str | None
    age: int | None = strawberry.field(directives=[cost(2)])


@strawberry.type
class Product:
    name: str | None


@strawberry.type
class Film:
    title: str | None


@strawberry.type
class FilmEdge:
    cursor: strawberry.ID | None
    node: Film | None


@strawberry.type
class FilmConnection:
    edges: list[FilmEdge | None] | None
    others: list[Film | None] | None


@strawberry.type
class Query:
    @strawberry.field(directives=[list_size(slicing_arguments=["max"])])
    def users(self, max: int | None = None) -> list[User | None] | None:
        return None

    @strawberry.field(directives=[list_size(slicing_arguments=["filter.max"])])
    def filtered(self, filter: Filter | None = None) -> list[User | None] | None:
        return None

    @strawberry.field(directives=[list_size(slicing_arguments=["max"])])
    def usual(self, max: int = 10) -> list[User | None] | None:
        return None

    @strawberry.field(directives=[cost(5), list_size(assumed_size=10)])
    def top_products(
        self,
        filter: Annotated[Filter | None, strawberry.argument(directives=[cost(15)])] = None,
    ) -> list[str | None] | None:
        return None

    @strawberry.field(directives=[list_size(assumed_size=10)])
    def listed_products(self) -> list[Product | None] | None:
        return None

    @strawberry.field(directives=[cost(5)])
    def most_popular_product(
        self,
        approx: Annotated[Approximate | None, strawberry.argument(directives=[cost(-3)])] = None,
        guess: Annotated[bool | None, strawberry.argument(directives=[cost(-30)])] = None,
    ) -> Product | None:
        return None

    @strawberry.field(
        directives=[list_size(slicing_arguments=["first", "last"], sized_fields=["edges"])]
    )
    def films(
        self,
        first: int | None = None,
        after: strawberry.ID | None = None,
        last: int | None = None,
        before: strawberry.ID | None = None,
    ) -> FilmConnection | None:
        return None

    @strawberry.field(
        directives=[
            list_size(
                slicing_arguments=["first", "last"],
                require_one_slicing_argument=False,
                assumed_size=25,
            )
        ]
    )
    def either(self, first: int | None = None, last: int | None = None) -> list[Film | None] | None:
        return None


SCHEMA: GraphQLSchema = definition(strawberry.Schema(Query))


def measured(
    query: str, variables: dict[str, Any], data: Any, schema: GraphQLSchema = SCHEMA
) -> tuple[float, float | None]:
    """Return the estimate of a query, and the actual cost of an answer to it."""
    document, estimator = parse(query), Estimator(schema)
    [operation] = [n for n in document.definitions if isinstance(n, OperationDefinitionNode)]
    values = get_variable_values(schema, operation.variable_definitions or (), variables)
    assert isinstance(values, VariableValues)
    estimate = estimator.estimate(document, operation).cost(values)
    actual = estimator.actual(document, operation, values, data) if data else None
    return estimate, actual


PRODUCT = {"mostPopularProduct": {"name": "a"}}
TOP = {"topProducts": ["a", "b"]}


@pytest.mark.parametrize(
    ("query", "data", "estimated", "actual"),
    [
        # Examples 1 to 3: five users with an age were asked for, and three came.
        ("{ users(max: 5) { age } }", {"users": [{"age": 33}, {"age": 45}, {"age": 27}]}, 5 * (1 + 2), 3 * (1 + 2)),
        # Example 10: weights of arguments.
        ("{ topProducts }", TOP, 5, 5),
        ('{ topProducts(filter: {name: "a"}) }', TOP, 5 + 15, 5 + 15),
        # Example 11: weights below 0.
        ("{ mostPopularProduct { name } }", PRODUCT, 1 + 5, 1 + 5),
        ("{ mostPopularProduct(approx: YES) { name } }", PRODUCT, 1 + 5 - 3, 1 + 5 - 3),
        # A field never costs less than nothing, and its objects cost what they cost.
        ("{ mostPopularProduct(guess: true) { name } }", PRODUCT, 1, 1),
        # Example 12: weights of input fields.
        ("{ topProducts(filter: {approx: YES}) }", TOP, 5 + 15 - 12, 5 + 15 - 12),
        # Example 16: an assumed size.
        ("{ listedProducts { name } }", {"listedProducts": [{"name": "a"}]}, 10, 1),
        # Example 18: the size is that of a list below the field.
        ("{ films(first: 7) { edges { node { title } } } }", None, 1 + 7 * 2, None),
        ("{ films(last: 7) { others { title } } }", None, 1 + 10, None),
        # Of several slicing arguments, the largest counts. Without any, the assumed size does.
        ("{ either(first: 3, last: 8) { title } }", None, 8, None),
        ("{ either { title } }", None, 25, None),
        # An argument with a default is given, and a member of an input object may be a slicing argument.
        ("{ usual { name } }", None, 10, None),
        ("{ usual(max: 4) { name } }", None, 4, None),
        ("{ filtered(filter: {max: 6}) { name } }", None, 6, None),
    ],
)  # fmt: skip
def test_each_example_costs_what_the_specification_says(
    query: str, data: Any, estimated: float, actual: float | None
) -> None:
    assert measured(query, {}, data) == (estimated, actual)


@pytest.mark.parametrize(
    ("declared", "field", "variables", "expected"),
    [
        ("$filter: Filter", "topProducts(filter: $filter)", {"filter": {"approx": "YES"}}, 8),
        ("$filter: Filter", "topProducts(filter: $filter)", {"filter": {"name": "a"}}, 20),
        ("$filter: Filter", "topProducts(filter: $filter)", {}, 5),
        ("$guess: Boolean", "mostPopularProduct(guess: $guess) { name }", {"guess": True}, 1),
        ("$guess: Boolean", "mostPopularProduct(guess: $guess) { name }", {}, 6),
        ("$first: Int", "films(first: $first) { edges { cursor } }", {"first": 30}, 31),
    ],
)
def test_variables_count_as_what_they_stand_for(
    declared: str, field: str, variables: dict[str, Any], expected: float
) -> None:
    assert measured(f"query ({declared}) {{ {field} }}", variables, None)[0] == expected


@pytest.mark.parametrize(
    "query", ["{ films { edges { cursor } } }", "{ films(first: 1, last: 1) { edges { cursor } } }"]
)
def test_exactly_one_slicing_argument_is_required_unless_the_field_says_otherwise(
    query: str,
) -> None:
    with pytest.raises(BadUserInput, match="exactly one of first, last"):
        measured(query, {}, None)


@strawberry.type(directives=[cost(-1)])
class Gift:
    name: str


def test_a_type_may_not_cost_less_than_nothing() -> None:
    @strawberry.type(name="Query")
    class Giving:
        gift: Gift

    with pytest.raises(Unsafe, match=r"^Gift: cost\(-1\)"):
        Estimator(definition(strawberry.Schema(Giving)))


@strawberry.interface
class Vessel:
    name: str = strawberry.field(directives=[cost(10)])
    crew: list[User] = strawberry.field(directives=[list_size(assumed_size=2)])


@strawberry.type
class Ship(Vessel):
    pass


@strawberry.type
class Boat(Vessel):
    name: str = strawberry.field(directives=[cost(3)])


@strawberry.type
class Raft(Vessel):
    name: str
    crew: list[User]


def fleet(*kinds: type) -> GraphQLSchema:
    @strawberry.type(name="Query")
    class Sailing:
        vessel: Vessel

    schema = strawberry.Schema(Sailing, types=kinds)
    leave_to_types(definition(schema), Cost)
    return definition(schema)


@pytest.mark.parametrize(
    ("kinds", "query", "expected"),
    [
        # Section 9.1.1: the cost of an interface's field is that of the types' fields.
        ([Ship, Boat, Raft], "{ vessel { name } }", 1 + 10),
        ([Boat, Raft], "{ vessel { name } }", 1 + 3),
        ([Raft], "{ vessel { name } }", 1),
        ([Ship, Boat, Raft], "{ vessel { ... on Boat { name } ... on Raft { name } } }", 1 + 3),
        # A type that writes the field anew says its own size.
        ([Ship], "{ vessel { crew { name } } }", 1 + 2),
        ([Ship, Raft], "{ vessel { crew { name } } }", 1 + 10),
    ],
)
def test_a_field_of_an_interface_costs_what_it_costs_of_the_costliest_type(
    kinds: list[type], query: str, expected: float
) -> None:
    schema = fleet(*kinds)
    assert measured(query, {}, None, schema)[0] == expected


def test_an_answer_that_does_not_tell_its_type_counts_as_the_costliest() -> None:
    schema, told = fleet(Ship, Boat), {"name": "a", "__typename": "Boat"}
    assert measured("{ vessel { name } }", {}, {"vessel": {"name": "a"}}, schema) == (11, 11)
    assert measured("{ vessel { name __typename } }", {}, {"vessel": told}, schema) == (11, 4)
    query = "{ vessel { ... on Boat { name } } }"
    assert measured(query, {}, {"vessel": {"name": "a"}}, schema) == (4, 4)


Craft = Annotated[Ship | Boat, strawberry.union("Craft", directives=[cost(4)])]


@strawberry.interface(directives=[cost(4)])
class Weighed:
    name: str


@pytest.mark.parametrize(("kind", "named"), [(Craft, "Craft"), (Weighed, "Weighed")])
def test_a_union_or_an_interface_has_no_weight_of_its_own(kind: Any, named: str) -> None:
    root = strawberry.type(type("Query", (), {"__annotations__": {"craft": kind}}))
    with pytest.raises(Unsafe, match=rf"^{named}: cost\(4\) is for a union or an interface"):
        Estimator(definition(strawberry.Schema(root)))
