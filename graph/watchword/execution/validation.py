"""Validates documents: by the rules of the specification, by Strawberry's and ours, and by those of views and extensions."""

from __future__ import annotations

from collections.abc import Sequence

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OverlappingFieldsCanBeMergedRule,
    specified_rules,
)

from watchword.execution.limits import Limits
from watchword.execution.numbers import ExactNumbers
from watchword.execution.views.view import View
from watchword.libraries.graphql_merging import TooManyComparisons, bounded_merging
from watchword.libraries.graphql_rules import Rules, validate
from watchword.libraries.strawberry_parts import VALIDATION_RULES

OUR_RULES = (*VALIDATION_RULES, ExactNumbers)
RULES = (*specified_rules, *OUR_RULES)
ALWAYS = frozenset(RULES)
"""The rules that each document is asked by; that which compares fields has a bound on its work."""
# A client is told of so many errors of validation: each looks for similar names, which takes a millisecond.
MOST_ERRORS = 25


class Validator:
    """Validates the documents of one schema within its limits."""

    def __init__(
        self, schema: GraphQLSchema, limits: Limits, *, hides_suggestions: bool = False
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._hides_suggestions = hides_suggestions
        merging = bounded_merging(limits.comparisons)
        specified = [
            merging if rule is OverlappingFieldsCanBeMergedRule else rule
            for rule in specified_rules
        ]
        self._all = Rules((*specified, *OUR_RULES)).as_rule
        self._specified, self._ours = Rules(specified).as_rule, Rules(OUR_RULES).as_rule

    def validate(
        self, document: DocumentNode, added: Sequence[type[ASTValidationRule]], view: View | None
    ) -> list[GraphQLError]:
        """Return the errors of a document for callers with a view, by all rules and those that are added.

        Raises `TooComplex` if it takes too many comparisons to find them.
        """
        if view is not None:
            added = (*view.rules, *added)
        rules = (self._specified, *added, self._ours) if added else (self._all,)
        return self.ask(document, rules, view)

    def ask(
        self, document: DocumentNode, rules: Sequence[type[ASTValidationRule]], view: View | None
    ) -> list[GraphQLError]:
        """Return the errors of a document by these rules only."""
        schema, hides = self._schema, self._hides_suggestions
        if view is not None:
            schema, hides = view.shown, hides or view.hides_suggestions
        try:
            return validate(schema, document, rules, MOST_ERRORS, hides)
        except TooManyComparisons:
            self._limits.check("comparisons", self._limits.comparisons + 1)
            raise
