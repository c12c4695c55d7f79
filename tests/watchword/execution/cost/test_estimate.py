"""What an operation costs: objects, pages, weights, alternatives, and what @skip and @include leave."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
import strawberry
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse
from graphql.execution import VariableValues, get_variable_values

from tests.support.paged_schema import SCHEMA
from tests.support.work import calls_in
from tests.watchword.execution.cost.weighed import WEIGHED as VALUES
from watchword import cost as costs
from watchword import list_size
from watchword.errors import BadUserInput
from watchword.execution.cost.estimate import LONGEST_KNOWN, MOST_KNOWN, Estimate, Estimator
from watchword.execution.cost.formula import UNCOUNTED
from watchword.execution.cost.sizes import PLAIN_LIST
from watchword.libraries.strawberry_parts import definition
from watchword.relay.page import DEFAULT


def estimate(query: str, schema: GraphQLSchema = SCHEMA) -> Estimate:
    document = parse(query)
    [operation] = [n for n in document.definitions if isinstance(n, OperationDefinitionNode)]
    return Estimator(schema).estimate(document, operation)


def cost(
    query: str, variables: dict[str, Any] | None = None, schema: GraphQLSchema = SCHEMA
) -> float:
    [operation] = [n for n in parse(query).definitions if isinstance(n, OperationDefinitionNode)]
    values = get_variable_values(schema, operation.variable_definitions or (), variables or {})
    assert isinstance(values, VariableValues)
    return estimate(query, schema).cost(values)


@pytest.mark.parametrize(
    ("query", "objects"),
    [
        ("{ toy { name } }", 1),
        ("{ all { name } }", PLAIN_LIST),
        ("{ all { toy { name } parts { name } } }", PLAIN_LIST * (2 + PLAIN_LIST)),
        ("{ some(first: 7) { name } }", 7),
        ("{ some(first: 7) { parts { name } } }", 7 * (1 + PLAIN_LIST)),
        ("{ some(first: 0) { parts { name } } }", 0),
        ("{ toys { count } }", 1),
        ("{ toys { nodes { name } } }", 1 + DEFAULT),
        ("{ toys(first: 7) { nodes { name } } }", 1 + 7),
        ("{ toys(last: 7) { edges { node { name } } } }", 1 + 7 * 2),
        ("{ toys(first: 7) { ...T } } fragment T on Toys { nodes { toys(first: 3) { nodes { name } } } }", 1 + 7 * (2 + 3)),
        ("{ toys(first: 7) { nodes { parts { name } } } }", 1 + 7 * (1 + PLAIN_LIST)),
        ("{ a: toys(first: 2) { nodes { name } } b: toys(first: 3) { nodes { name } } }", 7),
        ("{ toys(first: -1) { nodes { name } } }", 1),
        ("{ toys(first: 1000000) { nodes { name } } }", 1 + 1000000),
        ("{ some(first: 2147483648) { name } }", DEFAULT),
        ("{ toys(first: null) { nodes { name } } }", 1 + DEFAULT),
        ("{ __type(name: \"Toy\") { fields { type { name } } } }", pytest.approx(0.3)),
        ("{ ten { name } }", 50),
        ("{ ten(first: null) { name } }", DEFAULT),
        ("{ limited(limit: 70) { name } }", 70),
        ("{ floating(first: 7.5) { name } }", 7),
        ('{ worded(first: "7") { name } }', 7),
        ("{ huge(first: 123456789012345678901234567890) { name } }", UNCOUNTED),
        ("{ wished(below: 1000) { name } }", PLAIN_LIST),
        ("{ nodes(ids: [1, 2]) { name } }", PLAIN_LIST),
        ("{ nodes(ids: [" + "1," * 30 + "]) { name } }", 30),
        ("{ found(in: {ids: [[1, 2], [" + "1," * 30 + "]]}) { nodes { name } } }", 1 + 32),
        ("{ sized(of: {}) { name } }", 40),
        ("{ sized(of: {first: 5}) { name } }", 5),
        ("{ sized(of: {first: 5, deeper: {first: 60}}) { name } }", 60),
        ("{ sized(all: [{first: 50}, {first: 60}]) { name } }", 110),
        ("{ sized { name } }", DEFAULT),
        ("{ toys(first: 7) @include(if: true) { nodes { name } } }", 1 + 7),
        ("{ ... @skip(if: false) { toys(first: 7) { nodes { name } } } }", 1 + 7),
        ("{ toys(first: 7) { ... @defer { nodes { name } } } }", 1 + 1 + 7),
        ("{ toys(first: 7) { nodes @stream { name ... @defer { name } } } }", 1 + 1 + 7 * (1 + 1)),
    ],
)  # fmt: skip
def test_each_object_costs_one_and_pages_are_multiplied(query: str, objects: float) -> None:
    assert cost(query) == objects


@pytest.mark.parametrize(
    ("declared", "where", "variables", "objects"),
    [
        ("$n: Int", "some(first: $n)", {"n": 5}, 5),
        ("$n: Int", "some(first: $n)", {"n": 5.0}, 5),
        ("$n: Int", "some(first: $n)", {"n": 1_000_000}, 1_000_000),
        ("$n: Int", "some(first: $n)", {"n": None}, DEFAULT),
        ("$n: Int", "some(first: $n)", {}, DEFAULT),
        ("$n: Int", "ten(first: $n)", {}, 50),
        ("$n: Int = 100", "some(first: $n)", {}, 100),
        ("$n: Int = 100", "some(first: $n)", {"n": 5}, 5),
        ("$n: Float", "floating(first: $n)", {"n": 70.9}, 70),
        ("$n: String", "worded(first: $n)", {"n": "70"}, 70),
        ("$n: Big", "huge(first: $n)", {"n": 10**30}, UNCOUNTED),
        ("$n: Int = 90", "sized(of: {deeper: {first: $n}})", {}, 90),
        ("$n: Sized", "sized(of: $n)", {"n": {"deeper": {"first": 90}}}, 90),
        ("$n: Sized = {first: 90}", "sized(of: $n)", {}, 90),
        ("$n: Sized", "sized(of: $n)", {"n": {}}, 40),
        ("$n: [Sized!]", "sized(all: $n)", {"n": [{"first": 90}, {"first": 90}]}, 180),
        ("$n: [ID!]!", "nodes(ids: $n)", {"n": ["x"] * 90}, 90),
        ("$n: ID!", "nodes(ids: [$n])", {"n": "x"}, PLAIN_LIST),
        ("$n: Int", "some(first: $n) @include(if: true)", {"n": 5}, 5),
    ],
)
def test_a_page_set_by_a_variable_is_measured_as_the_resolver_gets_it(
    declared: str, where: str, variables: dict[str, Any], objects: int
) -> None:
    query = f"query({declared}) {{ {where} {{ name }} }}"
    assert estimate(query).names == ("n",)
    assert cost(query, variables) == objects


def test_variables_that_set_no_page_are_not_waited_for() -> None:
    query = "query($n: Int, $s: String) { wished(below: $n) { name } toys(after: $s) { count } }"
    assert estimate(query).names == ()


@strawberry.input
class Search:
    first: int | None = None
    words: Annotated[str, strawberry.argument()] = strawberry.field(
        default="", directives=[costs(4)]
    )


@strawberry.interface
class Thing:
    id: int


@strawberry.type(directives=[costs(3)])
class Toy(Thing):
    name: str = strawberry.field(directives=[costs(2)])


@strawberry.type
class Box(Thing):
    things: list[Thing]


@strawberry.type
class Toys:
    edges: list[Toy]
    others: list[Toy]


@strawberry.type
class Query:
    @strawberry.field(directives=[list_size(slicing_arguments=["max"], assumed_size=7)])
    def toys(
        self,
        max: int | None = None,
        sorted: Annotated[bool, strawberry.argument(directives=[costs(1.5)])] = False,
    ) -> list[Toy]:
        return []

    @strawberry.field(directives=[list_size(slicing_arguments=["by.first", "last"])])
    def found(self, by: Search | None = None, last: int | None = None) -> list[Box]:
        return []

    @strawberry.field(directives=[list_size(assumed_size=50, sized_fields=["edges"])])
    def page(self) -> Toys:
        raise NotImplementedError

    thing: Thing


WEIGHED = definition(strawberry.Schema(Query, types=[Toy, Box]))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ toys { name } }", 1.5 + 7 * (3 + 2)),
        ("{ toys(max: 2) { id } }", 1.5 + 2 * 3),
        ("{ found(by: {first: 5}) { id } }", 4 + 5),
        ('{ found(by: {first: 5, words: "x"}) { id } }', 4 + 5),
        ("{ found(last: 6) { id } }", 6),
        ("{ page { edges { id } } }", 1 + 50 * 3),
        ("{ page { others { id } } }", 1 + PLAIN_LIST * 3),
        ("{ thing { id } }", 3),
        ("{ thing { ... on Toy { name } ... on Box { things { id } } } }", 3 + 3 * PLAIN_LIST),
        ("{ thing { ... on Toy { name } } }", 3 + 2),
        ("{ thing { ...T ...B } } fragment T on Toy { name } fragment B on Box { id }", 3 + 2),
        ("{ toys(max: 2) @skip(if: true) { name } thing { id } }", 3),
        ("{ ... @include(if: false) { toys { name } } }", 0),
    ],
)
def test_weights_and_sizes_of_the_schema_are_counted(query: str, expected: float) -> None:
    assert cost(query, schema=WEIGHED) == expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"n": 4, "no": False}, 1.5 + 4 * 3),
        ({"n": 4, "no": True}, 0),
        ({"no": False}, 1.5 + 7 * 3),
    ],
)
def test_what_variables_leave_out_costs_nothing(variables: dict[str, Any], expected: float) -> None:
    query = "query($n: Int, $no: Boolean!) { toys(max: $n) @skip(if: $no) { id } }"
    assert estimate(query, WEIGHED).names == ("n", "no")
    assert cost(query, variables, WEIGHED) == expected


def test_an_input_that_a_variable_gives_costs_what_is_in_it() -> None:
    query = "query($by: Search) { found(by: $by) { id } }"
    assert cost(query, {"by": {"first": 5, "words": "x"}}, WEIGHED) == 4 + 5


@pytest.mark.parametrize("query", ["{ found { id } }", "{ found(by: {first: 1}, last: 1) { id } }"])
def test_a_field_that_needs_one_size_is_refused_with_none_or_two(query: str) -> None:
    with pytest.raises(BadUserInput, match="exactly one of by.first, last"):
        cost(query, schema=WEIGHED)


def test_costs_are_remembered_within_bounds() -> None:
    made = estimate("query($n: Int) { some(first: $n) { name } }")
    for number in range(2 * MOST_KNOWN):
        assert made.cost(VariableValues({}, {"n": number})) == number
        assert (number,) in made.known
        assert len(made.known) <= MOST_KNOWN


def test_a_long_text_is_not_kept_in_memory() -> None:
    made = estimate("query($word: String) { found(word: $word) }", VALUES)
    for word in ("x" * LONGEST_KNOWN, "x" * (LONGEST_KNOWN + 1)):
        values = VariableValues({}, {"word": word})
        assert made.cost(values) == made.cost_as_sent({"word": word}, lambda: values) == 5  # noqa: B023
    assert [*made.known] == [*made.sent] == [("x" * LONGEST_KNOWN,)]


def test_fragments_that_double_each_other_cost_the_most_that_is_counted() -> None:
    levels = 200
    fragments = " ".join(
        f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(levels)
    )
    last = f"fragment F{levels} on Query {{ some(first: $n) {{ name }} }}"
    query = f"query($n: Int) {{ ...F0 }} {fragments} {last}"
    assert cost(query, {"n": 1}) == UNCOUNTED


def test_the_list_of_all_types_costs_as_much_as_the_schema_has() -> None:
    types = len(SCHEMA.type_map)
    assert cost("{ __schema { types { name } } }") == pytest.approx(0.1 * (1 + types))


def test_types_within_types_are_measured_once_each() -> None:
    query = (
        "{ thing { "
        + "... on Box { things { ... on Toy { name } " * 12
        + "id"
        + " } }" * 12
        + " } }"
    )
    assert cost(query, schema=WEIGHED) == UNCOUNTED


@pytest.mark.parametrize(
    ("query", "objects"),
    [
        # A report costs 3, a level 2 and a stamp 4.
        ("{ reports(days: 2) { level } }", 2 * (3 + 2)),
        ("{ reports(days: 2) { levels at } }", 2 * (3 + PLAIN_LIST * 2 + 4)),
        ("{ by }", 0),
        ("{ by(level: null) }", 0),
        ("{ by(level: LOW) }", 2),
        ("{ by(levels: [LOW, LOW], at: \"x\") }", 2 * 2 + 4),
        ("query ($levels: [Level!] = [LOW]) { by(levels: $levels) }", 2),
    ],
)  # fmt: skip
def test_values_of_weighed_enums_and_scalars_cost_their_weight_where_they_are_read_or_given(
    query: str, objects: float
) -> None:
    assert cost(query, schema=VALUES) == objects


# An interface of more types than are measured each by itself; all of them say what their field costs.
CROWD = 70


def crowded() -> GraphQLSchema:
    """Make a schema in which each type of an interface has its own weight for one field."""
    types = [
        strawberry.type(
            type(
                f"T{number}",
                (_Thing,),
                {
                    "__annotations__": {"pdf": int},
                    "pdf": strawberry.field(directives=[costs(number % 3)]),
                },
            )
        )
        for number in range(CROWD)
    ]
    return definition(strawberry.Schema(_Crowd, types=types))


@strawberry.interface
class _Thing:
    id: int
    pdf: int

    @strawberry.field
    def thing(self) -> _Thing | None:
        return None


@strawberry.type
class _Crowd:
    @strawberry.field
    def thing(self) -> _Thing | None:
        return None


def test_a_weight_that_many_types_of_an_interface_have_counts_where_their_selections_are_added_up() -> (
    None
):
    schema = crowded()
    assert cost("{ thing { id } }", schema=schema) == 1
    assert cost("{ thing { pdf } }", schema=schema) == 1 + 2
    assert cost("{ thing { ...F } } fragment F on Thing { pdf thing { pdf } }", schema=schema) == 6


def test_the_work_for_fields_and_types_side_by_side_is_bounded() -> None:
    wide, types = [f"f{number}: ID" for number in range(60)], range(60)
    schema = build_schema(
        f"interface Thing {{ thing: Thing {' '.join(wide)} }} type Query {{ thing: Thing }}"
        + "".join(f" type T{n} implements Thing {{ thing: Thing {' '.join(wide)} }}" for n in types)
    )
    fragment = " ".join(f"... on T{number} {{ f1 }}" for number in types)
    fields = " ".join(f"f{number}" for number in range(60))
    levels = f"{{ ...F {fields} thing " * 14 + "{ f0 }" + "}" * 14
    query = f"{{ thing {levels} }} fragment F on Thing {{ {fragment} }}"
    assert calls_in(lambda: estimate(query, schema)) < 400_000


def listing(types: int, fields: int, size: Callable[[int, int], int]) -> GraphQLSchema:
    """Return a schema of an interface with so many lists, and of types that say how long theirs are."""
    lists = " ".join(f"l{number}: [Thing]" for number in range(fields))
    schema = build_schema(
        f"interface Thing {{ id: ID {lists} }} type Query {{ thing: Thing }}"
        + "".join(f" type T{n} implements Thing {{ id: ID {lists} }}" for n in range(types))
    )
    for n in range(types):
        kind: Any = schema.type_map[f"T{n}"]
        for number in range(fields):
            declared = list_size(assumed_size=size(n, number))
            made_from = SimpleNamespace(directives=[declared], extensions=[])
            kind.fields[f"l{number}"].extensions = {"strawberry-definition": made_from}
    return schema


@pytest.mark.parametrize(
    "size", [lambda _n, number: number, lambda n, number: 1 + (7 * n + number) % 60]
)
def test_many_lists_of_many_types_are_estimated_with_little_work(
    size: Callable[[int, int], int],
) -> None:
    schema, fields = listing(60, 100, size), range(100)
    document = parse("{ thing { " + " ".join(f"l{number} {{ id }}" for number in fields) + " } }")
    [operation] = [n for n in document.definitions if isinstance(n, OperationDefinitionNode)]
    estimator = Estimator(schema)
    found = estimator.estimate(document, operation).cost(VariableValues({}, {}))
    # The interface's own lists say nothing of their length.
    costliest = max(sum(size(n, number) for number in fields) for n in range(60))
    assert found >= 1 + max(costliest, 100 * PLAIN_LIST)
    assert calls_in(lambda: estimator.estimate(document, operation)) < 30_000


def test_a_type_that_stands_for_others_costs_what_they_cost() -> None:
    """Types with the same lists are measured once, and one with a costly list is not forgotten."""
    schema = listing(20, 3, lambda n, _number: 40 if n == 13 else 20)
    assert cost("{ thing { l0 { id } } }", schema=schema) == 1 + 40
    assert cost("{ thing { l0 { id } l2 { l1 { id } } } }", schema=schema) == 1 + 40 + 40 * 41
