"""The options and hooks of a Strawberry schema: each is honoured, or refused by name when the server starts.

Strawberry's own execution is not used, so options and hooks that only it would honour are refused.
"""

from __future__ import annotations

import logging
from typing import Any

import strawberry
from graphql import GraphQLError

from watchword.errors import Unsafe
from watchword.libraries.strawberry_parts import (
    BYPASSED,
    ERROR_HOOKS,
    overridden,
    process_errors,
)
from watchword.principal import IdentityAsked

log = logging.getLogger("watchword.execution")


def check(schema: strawberry.Schema) -> None:
    """Raise `Unsafe` when the schema has an option or an override that would have no effect."""
    batching = schema.config.batching_config
    if batching is not None and not _is_positive(batching.get("max_operations")):
        raise Unsafe(
            "StrawberryConfig(batching_config=…) must say how many operations a batch may have:"
            ' {"max_operations": 10}.'
        )
    if names := overridden(schema, BYPASSED):
        raise Unsafe(
            f"{type(schema).__name__} overrides {', '.join(names)}, which Strawberry's own views call"
            " and Watchword does not. Remove the override. What it does for each operation belongs into a"
            " SchemaExtension (Schema(extensions=[…])), and what it does with errors into process_errors."
        )


def _is_positive(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number > 0


class ErrorHook:
    """Calls a schema's own `process_errors` with each error before it is masked."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self._schema = schema
        # Strawberry's default hook only logs the errors, and masking.py does that already.
        self._is_wanted = bool(overridden(schema, ERROR_HOOKS))

    def report(
        self,
        errors: list[GraphQLError],
        query: str | None,
        variables: dict[str, Any] | None = None,
        context: Any = None,
    ) -> None:
        """Call `Schema.process_errors`, which may change the errors. Raises nothing."""
        is_shared = any(isinstance(each.original_error, IdentityAsked) for each in errors)
        # `IdentityAsked` only dissolves a group and reaches no client, so it is not reported.
        if not self._is_wanted or is_shared:
            return
        try:
            process_errors(self._schema, errors, query, variables, context)
        except Exception:
            log.exception("the schema's process_errors failed")
