"""The operation to run is the one that is named, or the only one."""

from __future__ import annotations

import pytest
from graphql import parse

from watchword.errors import BadUserInput
from watchword.execution.choice import choose

BOTH = parse("query One { __typename } query Two { __typename }")


@pytest.mark.parametrize(("index", "name"), [(0, "One"), (1, "Two")])
def test_operation_of_the_name_is_chosen(index: int, name: str) -> None:
    assert choose(BOTH, name) is BOTH.definitions[index]


def test_only_operation_needs_no_name() -> None:
    document = parse("query One { ...F } fragment F on Query { __typename }")
    assert choose(document, None) is document.definitions[0]


@pytest.mark.parametrize(
    ("document", "name", "message"),
    [
        (BOTH, None, "several operations"),
        (BOTH, "Three", "no operation named 'Three'"),
        (parse("fragment F on Query { __typename }"), None, "only fragments"),
    ],
)
def test_no_choice_is_told_in_words(document: object, name: str | None, message: str) -> None:
    with pytest.raises(BadUserInput, match=message) as refused:
        choose(document, name)  # type: ignore[arg-type]
    assert refused.value.extensions["path"] == ["operationName"]
