"""The actual cost is that of the answer: what it holds, by the weights of the schema."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse
from graphql.execution import VariableValues, execute_sync, get_variable_values

from tests.support.paged_schema import SCHEMA
from tests.watchword.execution.cost.weighed import WEIGHED
from watchword.execution.cost.estimate import Estimator

TOYS = {"toys": {"nodes": [{"name": "a"}, {"name": "b"}, None], "count": 3}}
PETS = build_schema("""
type Query { pets: [Pet!]! matrix: [[Cat]] }
interface Pet { name: String }
type Cat implements Pet { name: String lives: Int friend: Pet }
type Dog implements Pet { name: String }
""")


def actual(
    query: str, data: Any, variables: dict[str, Any] | None = None, schema: GraphQLSchema = SCHEMA
) -> float:
    document = parse(query)
    [operation] = [n for n in document.definitions if isinstance(n, OperationDefinitionNode)]
    values = get_variable_values(schema, operation.variable_definitions or (), variables or {})
    assert isinstance(values, VariableValues)
    return Estimator(schema).actual(document, operation, values, data)


@pytest.mark.parametrize(
    ("query", "data", "cost"),
    [
        ("{ toy { name } }", {"toy": {"name": "a"}}, 1),
        ("{ toy { name } }", {"toy": None}, 0),
        ("{ toy { name } }", None, 0),
        ("{ toys(first: 50) { nodes { name } count } }", TOYS, 3),
        ("{ t: toys { nodes { name } } }", {"t": TOYS["toys"]}, 3),
        ("{ ...F toys { count } } fragment F on Query { toys { nodes { name } } }", TOYS, 3),
        ("{ toys { ... on Toys { nodes { name } } ... @include(if: false) { edges { node { name } } } } }", TOYS, 3),
        ("{ toy { toy { toy { name } } } }", {"toy": {"toy": {"toy": {"name": "a"}}}}, 3),
        ("{ all { name } }", {"all": []}, 0),
    ],
)  # fmt: skip
def test_each_object_in_the_answer_counts_and_nothing_that_is_null(
    query: str, data: Any, cost: float
) -> None:
    assert actual(query, data) == cost


def test_it_is_what_the_same_schema_says_of_itself() -> None:
    query = "{ __schema { types { name } } }"
    data = execute_sync(SCHEMA, parse(query)).data
    assert actual(query, data) == pytest.approx(0.1 * (1 + len(SCHEMA.type_map)))


@pytest.mark.parametrize(
    ("query", "data", "cost"),
    [
        ("{ pets { name } }", {"pets": [{"name": "a"}, {"name": "b"}]}, 2),
        (
            "{ pets { kind: __typename ... on Cat { friend { name } } } }",
            {"pets": [{"kind": "Cat", "friend": {"name": "b"}}, {"kind": "Dog"}]},
            3,
        ),
        ("{ pets { ... on Cat { friend { name } } } }", {"pets": [{"friend": {"name": "b"}}, {}]}, 3),
        ("{ matrix { lives } }", {"matrix": [[{"lives": 1}, None], None, [{"lives": 2}]]}, 2),
    ],
)  # fmt: skip
def test_objects_of_interfaces_and_of_lists_in_lists_count(
    query: str, data: Any, cost: float
) -> None:
    assert actual(query, data, schema=PETS) == cost


@pytest.mark.parametrize(
    ("query", "variables", "data", "cost"),
    [
        # A report costs 3 and its pdf 20; a level costs 2, a stamp 4.
        ("{ reports(days: 9) { pdf } }", {}, {"reports": [{"pdf": "x"}, {"pdf": "y"}]}, 46),
        ("{ reports(days: 9) { title } }", {}, {"reports": [{"title": "x"}]}, 3),
        ("{ reports(days: 9) { level at } }", {}, {"reports": [{"level": "LOW", "at": "x"}]}, 9),
        ("{ reports(days: 9) { level } }", {}, {"reports": [{"level": None}]}, 3),
        ("{ found(word: \"x\") }", {}, {"found": 1}, 5),
        ("query ($word: String) { found(word: $word) }", {"word": "x"}, {"found": 1}, 5),
        ("query ($word: String) { found(word: $word) }", {}, {"found": 1}, 0),
    ],
)  # fmt: skip
def test_weights_of_types_fields_arguments_enums_and_scalars_count(
    query: str, variables: dict[str, Any], data: Any, cost: float
) -> None:
    assert actual(query, data, variables, WEIGHED) == cost


def test_fragments_that_double_each_other_are_read_once() -> None:
    levels = 200
    fragments = " ".join(
        f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(levels)
    )
    query = f"{{ ...F0 }} {fragments} fragment F{levels} on Query {{ toy {{ name }} }}"
    assert actual(query, {"toy": {"name": "a"}}) == 1
