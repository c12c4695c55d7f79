"""graphql-core's rule that fields of one name must be the same, with a bound on how much it compares.

The rule compares fields and fragments in pairs, so its work may grow with the square of a document. graphql-core has
a bound too, for all servers together: to reach it takes most of a second.
"""

from __future__ import annotations

from typing import Any

from graphql import ASTValidationRule, OverlappingFieldsCanBeMergedRule, ValidationContext
from graphql.validation.validate import ValidationAbortedError


class TooManyComparisons(Exception):
    """A document would need more comparisons than it may have."""


def bounded_merging(most: int) -> type[ASTValidationRule]:
    """Return the rule for documents that may need so many comparisons.

    Most are of two fields or two fragments, and count as two. The rule raises `TooManyComparisons` for a document that
    needs more, however many of its fields conflict.
    """

    class Bounded(OverlappingFieldsCanBeMergedRule):
        def __init__(self, context: ValidationContext) -> None:
            super().__init__(context)
            self.rule_context.remaining_complexity_budget = most

        def enter_selection_set(self, *args: Any) -> None:
            try:
                super().enter_selection_set(*args)
            except ValidationAbortedError:
                # Validation also ends this way after too many errors.
                if self.rule_context.remaining_complexity_budget >= 0:
                    raise
                raise TooManyComparisons from None

    return Bounded
