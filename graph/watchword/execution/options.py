"""The options and hooks of a Strawberry schema: what is honoured, and what is refused at the start by name.

Strawberry's own execution is not used: what it would run is done here, or stops the server at the start.
"""

from __future__ import annotations

import logging
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.schema.schema import DEFAULT_ALLOWED_OPERATION_TYPES

from watchword.errors import Unsafe
from watchword.principal import IdentityAsked

log = logging.getLogger("watchword.execution")

# Methods of `strawberry.Schema` that only its own execution calls.
BYPASSED = (
    *("execute", "execute_sync", "subscribe", "stream", "create_extensions_runner"),
    *("_execute_operation", "_get_custom_context_kwargs", "_get_execute_function"),
    *("_get_middleware_manager", "_handle_execution_result", "_prepare_operation_async"),
    *("_prepare_operation_sync", "_stream", "_stream_non_subscription"),
)
HEARING = ("process_errors", "_process_errors")


def check(schema: strawberry.Schema) -> None:
    """Raise `Unsafe` when the schema relies on what is not run here."""
    if schema.get_extensions():
        raise Unsafe(
            "The schema has extensions or operation directives, which Strawberry's own views run"
            " and Watchword does not. Remove them: limits, masking and caching are built in."
        )
    if schema.config.enable_experimental_incremental_execution:
        raise Unsafe(
            "StrawberryConfig(enable_experimental_incremental_execution=True): answers are not sent in"
            " pieces (@defer, @stream). Remove the option."
        )
    if schema.config.batching_config is not None:
        raise Unsafe(
            "StrawberryConfig(batching_config=…): a request holds one operation. Remove the option."
        )
    if names := [name for name in BYPASSED if _is_overridden(schema, name)]:
        raise Unsafe(
            f"{type(schema).__name__} overrides {', '.join(names)}, which Strawberry's own views call"
            " and Watchword does not. Remove the override."
        )


class ErrorHook:
    """Calls a schema's own `process_errors` with each error before it is masked."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self._schema = schema
        # Strawberry's default hook only logs errors with their messages; masking.py logs them already.
        self._is_wanted = any(_is_overridden(schema, name) for name in HEARING)

    def tell(
        self,
        errors: list[GraphQLError],
        query: str | None,
        variables: dict[str, Any] | None = None,
        context: Any = None,
    ) -> None:
        """Call `Schema.process_errors`, which may change the errors. Raises nothing."""
        is_shared = any(isinstance(each.original_error, IdentityAsked) for each in errors)
        # `IdentityAsked` ends a group and reaches no client, so the schema does not hear of it.
        if not self._is_wanted or is_shared:
            return
        try:
            execution = self._schema._create_execution_context(
                query, DEFAULT_ALLOWED_OPERATION_TYPES, variables, context
            )
            self._schema._process_errors(errors, execution)
        except Exception:
            log.exception("the schema's process_errors failed")


def _is_overridden(schema: strawberry.Schema, name: str) -> bool:
    owner = next(kind for kind in type(schema).__mro__ if name in vars(kind))
    return owner.__module__.partition(".")[0] != "strawberry"
