"""Documents are validated by all rules, with what is added, and at a bounded cost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from graphql import ASTValidationRule, GraphQLError, parse

from tests.support.paged_schema import SCHEMA
from watchword.errors import TooComplex
from watchword.execution.limits import Limits
from watchword.execution.validation import MOST_ERRORS, Validator

LIMITS = Limits(2_000, 15, 50, 20_000)


class NoNames(ASTValidationRule):
    """Refuses each field `name`."""

    def enter_field(self, node: Any, *_: Any) -> None:
        if node.name.value == "name":
            self.report_error(GraphQLError("no names"))


def errors(text: str, *added: type[ASTValidationRule]) -> list[str]:
    found = Validator(SCHEMA, LIMITS).validate(parse(text), added, None)
    return [each.message for each in found]


def test_all_rules_are_asked_and_those_that_are_added() -> None:
    assert errors("{ toy { name } }") == []
    assert errors("{ toy { name } }", NoNames) == ["no names"]
    assert errors("{ toy { nam } }", NoNames) == [
        "Cannot query field 'nam' on type 'Toy'. Did you mean 'name'?"
    ]
    assert len(errors("{ toy { name: parts { name } name } }")) == 1


def test_a_validator_that_hides_suggestions_names_nothing() -> None:
    found = Validator(SCHEMA, LIMITS, hides_suggestions=True).validate(
        parse("{ toy { nam } }"), (), None
    )
    assert [each.message for each in found] == ["Cannot query field 'nam' on type 'Toy'."]


def test_only_the_first_errors_are_looked_for() -> None:
    found = errors("{" + " ".join(f"a{n}" for n in range(60)) + "}")
    assert len(found) == MOST_ERRORS + 1


def test_a_document_that_takes_too_many_comparisons_is_refused_with_the_limit() -> None:
    query = parse("{" + "all { name } " * 20 + "}")
    with pytest.raises(TooComplex, match="101 comparisons of fields of one name") as refused:
        Validator(SCHEMA, replace(LIMITS, comparisons=100)).validate(query, (), None)
    assert refused.value.extensions == {"code": "TOO_COMPLEX", "cost": 101, "limit": 100}
    assert Validator(SCHEMA, LIMITS).validate(query, (), None) == []
