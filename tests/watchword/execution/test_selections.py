"""Fragments are resolved with the types that they are made on, and conditions by their variables."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import (
    GraphQLObjectType,
    InlineFragmentNode,
    OperationDefinitionNode,
    build_schema,
    get_named_type,
    parse,
)

from watchword.execution.selections import (
    Fragment,
    Fragments,
    Objects,
    Selections,
    conditions,
    is_included,
    narrowed,
)

SCHEMA = build_schema(
    """
    interface Named { name: String }
    type Cat implements Named { name: String }
    type Dog implements Named { name: String }
    type Rock { weight: Int }
    union Thing = Cat | Rock
    type Query { named: Named thing: Thing }
    """
)


def names(objects: Objects) -> set[str]:
    return {each.name for each in objects}


def fields(query: str, leaves_out: str = "") -> list[tuple[str, str]]:
    """Return the fields of an operation's selection, each with the conditions around it."""
    document = parse(query)
    [operation] = [n for n in document.definitions if isinstance(n, OperationDefinitionNode)]

    def enter(fragment: Fragment, around: str) -> str | None:
        condition = fragment.type_condition
        name = condition.name.value if condition else ""
        return None if name == leaves_out else f"{around}/{name}"

    found = Fragments(document).fields([operation.selection_set], "", enter)
    return [(node.name.value, around) for around, node in found]


def test_the_fields_of_a_selection_are_those_of_its_fragments_too() -> None:
    query = "{ a ... on Cat { b ...F } } fragment F on Named { name }"
    assert fields(query) == [("a", ""), ("b", "/Cat"), ("name", "/Cat/Named")]
    assert fields(query, leaves_out="Cat") == [("a", "")]


def test_a_named_fragment_is_entered_once_and_one_that_is_written_each_time() -> None:
    query = "{ ...F ...F ... on Cat { a } ... on Cat { a } } fragment F on Named { name }"
    assert fields(query) == [("name", "/Named"), ("a", "/Cat"), ("a", "/Cat")]


@pytest.mark.parametrize(
    ("on", "condition", "kind"),
    [
        ("Cat", "Cat", "Cat"),
        ("Cat", "Named", "Cat"),
        ("Cat", "Thing", "Cat"),
        ("Dog", "Thing", None),
        ("Dog", "Cat", None),
        ("Named", "Cat", "Cat"),
        ("Named", "Thing", "Thing"),
        ("Named", None, "Named"),
    ],
)
def test_a_fragment_narrows_the_type_that_its_fields_are_read_of(
    on: str, condition: str | None, kind: str | None
) -> None:
    document = parse(f"{{ ... {f'on {condition}' if condition else ''} {{ name }} }}")
    [operation] = [n for n in document.definitions if isinstance(n, OperationDefinitionNode)]
    [fragment] = operation.selection_set.selections
    assert isinstance(fragment, InlineFragmentNode)
    found = narrowed(SCHEMA, fragment, SCHEMA.type_map[on])
    assert (found and found.name) == kind


def test_a_selection_is_made_on_the_types_that_an_object_may_have() -> None:
    selections = Selections(SCHEMA, parse("{ __typename }"))
    query = SCHEMA.type_map["Query"]
    assert isinstance(query, GraphQLObjectType)
    assert names(selections.objects(query)) == {"Query"}
    assert names(selections.objects(SCHEMA.type_map["Named"])) == {"Cat", "Dog"}
    assert names(selections.objects(get_named_type(query.fields["thing"].type))) == {"Cat", "Rock"}
    assert selections.objects(SCHEMA.type_map["String"]) == selections.objects(None) == frozenset()


@pytest.mark.parametrize(
    ("spread", "on"),
    [
        ("... on Cat { name }", {"Cat"}),
        ("... on Thing { __typename }", {"Cat"}),
        ("... { name }", {"Cat", "Dog"}),
        ("... on Rock { weight }", set()),
        ("...F", {"Dog"}),
    ],
)
def test_a_fragment_narrows_the_types(spread: str, on: set[str]) -> None:
    document = parse(f"{{ named {{ {spread} }} }} fragment F on Dog {{ name }}")
    [operation, _] = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    [node] = operation.selection_set.selections[0].selection_set.selections  # type: ignore[attr-defined]
    selections = Selections(SCHEMA, document)
    objects = selections.objects(SCHEMA.type_map["Named"])
    assert names(selections.within(node, objects)[1]) == on


@pytest.mark.parametrize(
    ("directive", "values", "is_in"),
    [
        ("", {}, True),
        ("@skip(if: true)", {}, False),
        ("@skip(if: false)", {}, True),
        ("@include(if: false)", {}, False),
        ("@include(if: true)", {}, True),
        ("@skip(if: $a)", {"a": True}, False),
        ("@include(if: $a)", {"a": False}, False),
        ("@include(if: $a) @skip(if: $b)", {"a": True, "b": True}, False),
        ("@include(if: $a)", {}, True),
        ("@skip(if: $a)", {"a": None}, True),
        ("@other(if: false)", {}, True),
    ],
)
def test_conditions_leave_out_what_they_say(
    directive: str, values: dict[str, Any], is_in: bool
) -> None:
    document = parse(f"query($a: Boolean!, $b: Boolean!) {{ name {directive} }}")
    [operation] = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    assert is_included(operation.selection_set.selections[0], values) is is_in


def test_only_variables_of_the_operation_in_skip_and_include_are_conditions() -> None:
    document = parse(
        "query A($a: Boolean!, $b: Boolean!) { x @skip(if: $a) ...F }"
        " query B($c: Boolean!) { x @include(if: $c) }"
        " fragment F on Query { y @include(if: $b) z @other(if: $d) }"
    )
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    assert conditions(document, operation) == ("a", "b")
