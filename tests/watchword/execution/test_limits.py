"""A document that asks for too much is refused by the limit that it exceeds, with both numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from graphql import GraphQLError, OperationDefinitionNode, get_introspection_query

from tests.support.paged_schema import SCHEMA
from watchword.config.settings import Settings
from watchword.errors import BadUserInput, TooComplex
from watchword.execution.limits import (
    SAFETY,
    Limits,
    Oversized,
    check_directives,
    check_operation,
    check_text,
    parsed,
)

PLENTY = 10**12
LIMITS = Limits(PLENTY, PLENTY, PLENTY, PLENTY, PLENTY, PLENTY, PLENTY, PLENTY)


def check(query: str, limits: Limits) -> None:
    document = parsed(query, limits)
    [operation] = [n for n in document.definitions if isinstance(n, OperationDefinitionNode)]
    check_directives(document, limits)
    check_operation(SCHEMA, document, operation, limits)


@pytest.mark.parametrize(
    ("name", "query", "number"),
    [
        ("depth", "{ toy { toy { name } } all { name } }", 3),
        ("aliases", "{ x: toy { y: name } z: toy { name } }", 3),
        ("root_fields", "{ toy { name } x: toy { name } }", 2),
        ("directives", "query @a { toy @b { name @c @d } }", 4),
        ("characters", "{ toy { name } }  # é", 21),
    ],
)
def test_what_is_beyond_a_limit_is_refused_and_what_is_at_it_is_not(
    name: str, query: str, number: int
) -> None:
    check(query, replace(LIMITS, **{name: number}))
    with pytest.raises((TooComplex, Oversized)) as raised:
        check(query, replace(LIMITS, **{name: number - 1}))
    refused = raised.value.why if isinstance(raised.value, Oversized) else raised.value
    assert refused.extensions == {"code": "TOO_COMPLEX", "cost": number, "limit": number - 1}


def test_the_schema_may_be_asked_as_deep_as_tools_do_whatever_the_limit_of_depth() -> None:
    shallow = replace(
        LIMITS, depth=0, introspection=Limits.of(Settings(_env_file=None)).introspection
    )
    whole = get_introspection_query(
        directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
    )
    check(whole, shallow)
    deep = "{ __schema { types { ofType " + "{ ofType " * 100 + "{ name }" + " }" * 103
    with pytest.raises(TooComplex) as refused:
        check(deep, shallow)
    assert refused.value.extensions["limit"] == 20


@pytest.mark.parametrize("query", ["{ " + "a " * 100 + "}", "{ a }" + "\n#" * 100])
def test_a_document_with_too_many_tokens_or_comments_is_refused_as_the_other_limits_do(
    query: str,
) -> None:
    parsed(query, LIMITS)
    with pytest.raises(Oversized) as refused:
        parsed(query, replace(LIMITS, tokens=50))
    assert refused.value.why.extensions == {"code": "TOO_COMPLEX", "cost": 51, "limit": 50}


def test_a_number_that_python_cannot_read_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(Oversized) as refused:
        check_text("{ a(b: " + "9" * 4_300 + ") }", LIMITS)
    assert isinstance(refused.value.why, BadUserInput)
    check_text("{ a(b: " + "9" * 4_299 + ") }", LIMITS)


def test_what_is_no_document_is_an_error_of_its_own() -> None:
    with pytest.raises(GraphQLError, match="Syntax Error"):
        parsed("{ a", LIMITS)


def test_a_cost_is_refused_above_the_limit_only() -> None:
    limits = replace(LIMITS, cost=9)
    limits.check("cost", 9)
    with pytest.raises(TooComplex, match="The operation costs 10; 9 is allowed") as refused:
        limits.check("cost", 9.1)
    assert refused.value.extensions == {"code": "TOO_COMPLEX", "cost": 10, "limit": 9}


@pytest.mark.parametrize("name", ["depth", "aliases", "directives", "root_fields", "cost"])
def test_while_limits_are_measured_what_is_beyond_them_is_counted_and_logged(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    limits = replace(LIMITS, **{name: 5}, enforced=False, exceeded=Counter())
    limits.check(name, 5)
    assert not limits.exceeded
    limits.check(name, 5 * SAFETY)
    assert limits.exceeded == {name: 1}
    assert f"exceeds {name}: 50, and 5 is the limit" in caplog.text
    for _ in range(1_000):
        limits.check(name, 6)
    # However often that happens, the log stays short.
    assert len(caplog.records) == 10
    with pytest.raises(TooComplex):
        limits.check(name, 5 * SAFETY + 1)


@pytest.mark.parametrize("name", ["characters", "tokens", "comparisons", "introspection"])
def test_what_keeps_the_server_safe_is_refused_while_limits_are_measured_too(name: str) -> None:
    with pytest.raises(TooComplex):
        replace(LIMITS, **{name: 5}, enforced=False).check(name, 6)
