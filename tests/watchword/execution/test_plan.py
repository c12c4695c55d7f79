"""A plan is made once and kept within bounds. A document that cannot be planned is refused with the reason."""

from __future__ import annotations

from dataclasses import replace

import pytest
from graphql import parse
from graphql.execution import VariableValues
from strawberry.extensions import MaxAliasesLimiter

from tests.support.toy_schema import schema
from watchword.errors import TooComplex
from watchword.execution.limits import Limits
from watchword.execution.plan import (
    MOST_ADOPTED,
    MOST_PASSED,
    Draft,
    Planner,
    Refused,
)
from watchword.execution.plan_memory import LONGEST_REMEMBERED

LIMITS = Limits(1000, 10, 10, 1000)


def planner(memory: int = 2) -> Planner:
    return Planner(schema._schema, LIMITS, memory)


def test_a_document_is_planned_once() -> None:
    made = planner()
    assert made.plan("{ hello }", None) is made.plan("{ hello }", None)


def test_an_operation_has_the_variables_that_it_declares_and_no_others() -> None:
    made = planner()
    plan = made.plan("query ($a: Boolean!) { hello @skip(if: $a) }", None)
    assert plan.declared({"a": 1, "b": [2]}) == {"a": 1}
    assert plan.declared({}) == {}
    assert plan.declared(None) is None
    assert made.plan("{ hello }", None).declared({"a": 1}) == {}


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


def test_the_length_of_all_that_is_remembered_is_bounded() -> None:
    made = planner()
    for number in range(3):
        made.plan(f"{{ hello }} # {number} " + "x" * 800, None)
        assert len(made._plans) == 1
    made.plan("{ hello }", None)
    assert len(made._plans) == 2


def test_other_documents_never_take_the_place_of_trusted_ones() -> None:
    made = planner()
    long = "{ hello }" + " " * LONGEST_REMEMBERED
    made.trust(frozenset({"{ hello }", long}))
    first = made.plan("{ hello }", None)
    for number in range(5):
        made.plan(f"{{ a{number}: hello }}", None)
    assert made.plan("{ hello }", None) is first
    assert len(made._plans) == 3


def test_a_page_that_a_variable_makes_too_long_is_refused_with_that_variable() -> None:
    made = Planner(schema._schema, Limits(1000, 10, 10, 9), 2)
    plan = made.plan("query($n: Int) { toys(first: $n) { id } }", None)
    for _ in range(2):
        made.check(plan, VariableValues({}, {"n": 9}))
        with pytest.raises(Refused, match="costs 10;"):
            made.check(plan, VariableValues({}, {"n": 10}))
    known = [made.is_known_to_pass(plan, {"n": number}) for number in (8, 9, 10)]
    assert known == [False, True, False]


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
        ("{ count(below: " + "9" * 5000 + ") }", None, "too many digits"),
        ("{ " + "hello " * 250 + "}", None, "comparisons of fields of one name"),
        ("{ toys(first: 1000) { inner { id } } }", None, "costs 2000;"),
    ],
)
def test_a_document_that_cannot_be_planned_is_refused_with_the_reason(
    query: str, name: str | None, words: str
) -> None:
    with pytest.raises(Refused) as refused:
        planner().plan(query, name)
    assert any(words in error.message for error in refused.value.errors)
    assert not planner()._plans


def test_a_document_that_is_too_long_is_refused_whatever_is_in_it() -> None:
    limits = replace(LIMITS, characters=100)
    made = Planner(schema._schema, limits, 2)
    query = "{ hello } # "
    made.plan(query.ljust(100, "x"), None)
    with pytest.raises(Refused) as refusal:
        made.plan(query.ljust(101, "x"), None)
    [error] = refusal.value.errors
    assert isinstance(error.original_error, TooComplex)
    shown = error.original_error.extensions
    assert (shown["cost"], shown["limit"]) == (101, 100)


def test_a_draft_says_why_there_is_no_plan() -> None:
    made = planner()
    assert made.draft("{ hello }", None, None) is made.plan("{ hello }", None)
    for query, is_parsed, is_invalid, is_oversized in (
        ("{ hello", False, False, False),
        ("{ goodbye }", True, True, False),
        ("query A { hello } query B { hello }", True, False, False),
        ("{ " + "hello " * 1001 + "}", False, False, True),
        ("{ hello }" + " " * 100_000, False, False, True),
        (f"{{ hello(n: {'9' * 5000}) }}", False, False, True),
    ):
        draft = made.draft(query, None, None)
        assert isinstance(draft, Draft)
        assert draft.query == query
        assert draft.errors
        found = (draft.is_parsed, draft.is_invalid, draft.is_oversized)
        assert found == (is_parsed, is_invalid, is_oversized), query[:50]
    assert len(made._plans) == 1


def test_documents_of_extensions_are_kept_within_bounds() -> None:
    made = planner(memory=1000)
    asked = made.plan("{ hello }", None)
    first = parse("{ first: hello }")
    kept = made.adopt(first, asked)
    assert made.adopt(first, asked) is kept
    assert made.adopt(parse("{ hello }"), asked) is asked
    long = parse("{ long: hello }" + " " * LONGEST_REMEMBERED)
    assert made.adopt(long, asked) is not made.adopt(long, asked)
    assert isinstance(made.adopt(parse("{ goodbye }"), asked), Draft)
    for number in range(MOST_ADOPTED + 5):
        made.adopt(parse(f"{{ a{number}: hello }}"), asked)
    assert len(made._adopted) == MOST_ADOPTED
    assert made.adopt(first, asked) is not kept


def test_what_a_document_has_passed_is_remembered_within_bounds() -> None:
    made = planner()
    plan = made.plan("{ hello }", None)
    for most in range(10, 10 + 2 * MOST_PASSED):
        [rule] = MaxAliasesLimiter(most).validation_rules
        assert made.errors(plan, [rule]) == []
        assert made.parse_again(plan, {"max_tokens": most}) == []
        assert len(plan.passed) <= MOST_PASSED
    [rule] = MaxAliasesLimiter(-1).validation_rules
    [error] = made.errors(plan, [rule])
    assert error.message == "0 aliases found. Allowed: -1"
    [error] = made.parse_again(plan, {"max_tokens": 1})
    assert "more than 1 tokens" in error.message
