"""The directives are found where an operation uses them, and removed for clients that take one answer."""

from __future__ import annotations

import pytest
from graphql import OperationDefinitionNode, parse, print_ast

from watchword.execution.incremental import comes_in_parts, in_one_piece


def read(query: str, name: str | None = None) -> tuple[object, OperationDefinitionNode]:
    document = parse(query)
    operations = [
        each for each in document.definitions if isinstance(each, OperationDefinitionNode)
    ]
    return document, next(
        each for each in operations if name is None or (each.name and each.name.value == name)
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ a }", False),
        ("{ a @include(if: true) }", False),
        ("{ ... @defer { a } }", True),
        ("{ b { ... @defer(if: false) { a } } }", True),
        ("{ b @stream { a } }", True),
        ("{ ...F @defer } fragment F on Q { a }", True),
        ("{ ...F } fragment F on Q { ...G } fragment G on Q { b @stream }", True),
        ("{ ...F } fragment F on Q { a } fragment G on Q { b @stream }", False),
        ("{ ...F ...F } fragment F on Q { ...G } fragment G on Q { a }", False),
    ],
)
def test_an_operation_comes_in_parts_if_it_or_its_fragments_say_so(
    query: str, expected: bool
) -> None:
    assert comes_in_parts(*read(query)) is expected  # type: ignore[arg-type]


def test_another_operation_of_the_document_does_not_count() -> None:
    query = "query One { a } query Two { ... @defer { a } }"
    assert not comes_in_parts(*read(query, "One"))  # type: ignore[arg-type]
    assert comes_in_parts(*read(query, "Two"))  # type: ignore[arg-type]


def test_both_directives_are_removed_and_nothing_else() -> None:
    query = """
      query One($is: Boolean) { a }
      query Two($is: Boolean) { ...F @defer(if: $is) b @stream(initialCount: 1) @skip(if: $is) { c } }
      fragment F on Q { ... @defer(label: "x") { d } }
    """
    document, operation = read(query, "Two")
    whole, same = in_one_piece(document, operation)  # type: ignore[arg-type]
    assert same is whole.definitions[1]
    assert print_ast(whole) == print_ast(
        parse(
            """
              query One($is: Boolean) { a }
              query Two($is: Boolean) { ...F b @skip(if: $is) { c } }
              fragment F on Q { ... { d } }
            """
        )
    )
    # The parsed document is shared with others, and stays as it was.
    assert "@defer" in print_ast(document)  # type: ignore[arg-type]
