"""Plans are made once, remembered within bounds, and say why they cannot be made."""

from __future__ import annotations

import pytest

from graph.execution.limits import Limits
from graph.execution.plan import LONGEST_REMEMBERED, Planner, Refused
from tests.support.toy_schema import schema

LIMITS = Limits(1000, 10, 10)


def planner(memory: int = 2) -> Planner:
    return Planner(schema._schema, LIMITS, memory)


def test_a_document_is_planned_once() -> None:
    made = planner()
    assert made.plan("{ hello }", None) is made.plan("{ hello }", None)


def test_the_plan_used_longest_ago_is_forgotten_first() -> None:
    made = planner()
    first = made.plan("{ hello }", None)
    made.plan("{ a: hello }", None)
    assert made.plan("{ hello }", None) is first
    made.plan("{ b: hello }", None)
    assert made.plan("{ hello }", None) is first
    assert len(made._plans) == 2


def test_a_huge_document_is_not_remembered() -> None:
    made = planner()
    made.plan("{ hello }" + " " * LONGEST_REMEMBERED, None)
    assert not made._plans


def test_operations_of_one_document_are_different_plans() -> None:
    made = planner()
    query = (
        'query A { hello } subscription B { numbers(to: 1) } mutation C { make(name: "x") { id } }'
    )
    assert made.plan(query, "A").operation_name == "A"
    assert made.plan(query, "B").is_subscription
    assert made.plan(query, "C").is_mutation


@pytest.mark.parametrize(
    ("query", "name", "words"),
    [
        ("{", None, "Syntax Error"),
        ("{ nothing }", None, "Cannot query field"),
        ("query A { hello }", "B", "no operation named 'B'"),
        ("query A { hello } query B { hello }", None, "several operations"),
        ("fragment F on Query { hello } query A { ...F }", "F", "no operation named"),
        ("", None, "Syntax Error"),
        ("{ hello " + "hello " * 1000 + "}", None, "tokens"),
        ("{ hello } " + "#\n" * 1001, None, "comments"),
    ],
)
def test_what_cannot_be_planned_says_why(query: str, name: str | None, words: str) -> None:
    with pytest.raises(Refused) as refused:
        planner().plan(query, name)
    assert any(words in error.message for error in refused.value.errors)
    assert not planner()._plans
