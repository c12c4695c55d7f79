"""The extensions of a mounted schema: what they need is looked at once, when the schema is mounted."""

from __future__ import annotations

import logging
from collections.abc import Hashable
from typing import Any

import strawberry
from graphql import FieldNode, Visitor, visit
from strawberry.extensions import SchemaExtension

from watchword.execution.extensions.needs import RunsFor, declared
from watchword.execution.plan import Draft, Plan
from watchword.libraries.strawberry_extensions import (
    Hooks,
    directives_of,
    has_extensions,
    is_directive_for_resolvers,
    is_fixed,
    is_for_directives,
    methods_of,
    neutral_key,
)

log = logging.getLogger("watchword.execution")


class Extensions:
    """Which extensions a schema has, and what may be shared although they run."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self._schema = schema
        self._is_fixed = is_fixed(schema)
        found = self._sample()
        self._keys = None if found is None else _keys(found)
        self.are_directives_only = (
            self._is_fixed and found is not None and all(map(is_for_directives, found))
        )
        """Whether there are operation directives and never any extensions: then only operations that use one are concerned."""
        self.share_subscriptions = not any(
            declared(type(each)) is RunsFor.REQUEST for each in found or ()
        )
        """Whether subscriptions may be grouped."""
        self.hear_events = found is None or any(
            methods_of(type(each)) & {"on_stream_result", "get_results"} for each in found
        )
        """Whether a hook runs for each event of a subscription, besides those around its fields."""

    @classmethod
    def of(cls, schema: strawberry.Schema) -> Extensions | None:
        """Return the extensions of a schema; None if there are none."""
        return cls(schema) if has_extensions(schema) else None

    def concern(self, plan: Plan) -> bool:
        """Tell whether any hook runs for an operation."""
        return not self.are_directives_only or self.is_directed(plan)

    def share_answers(self, plan: Plan) -> bool:
        """Tell whether answers of an operation may be shared by several requests.

        The resolver of a directive may look at anything.
        """
        if self._keys is None or isinstance(plan, Draft) or self.is_directed(plan):
            return False
        return self._is_fixed or _keys(self._schema.get_extensions()) == self._keys

    def is_directed(self, plan: Plan) -> bool:
        """Tell whether an operation has operation directives of the schema."""
        if plan.is_directed is None:
            plan.is_directed = bool(self._schema.directives) and _is_directed(plan)
        return plan.is_directed

    def begin(self, plan: Plan, variables: dict[str, Any] | None, context: Any) -> Hooks:
        """Make the extensions for one execution."""
        return Hooks(self._schema, plan.query, variables, context, plan.asked_name)

    def _sample(self) -> list[SchemaExtension] | None:
        """Make the extensions once; None if that fails outside of a request."""
        try:
            return self._schema.get_extensions()
        except Exception as error:
            log.warning(
                "extensions cannot be made without a request, so no answers are shared: %r", error
            )
            return None


def _keys(extensions: list[SchemaExtension]) -> tuple[Hashable, ...] | None:
    """Return a value that is equal for extensions with which an answer may be shared; None if it may not be."""
    keys: list[Hashable] = []
    for each in extensions:
        kind = type(each)
        key = (kind,) if declared(kind) is RunsFor.EXECUTION else neutral_key(each)
        if key is None:
            return None
        keys.append(key)
    return tuple(keys)


class _Directives(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.is_directed = False

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        self.is_directed |= any(map(is_directive_for_resolvers, directives_of(node)))


def _is_directed(plan: Plan) -> bool:
    if isinstance(plan, Draft):
        return True
    found = _Directives()
    visit(plan.document, found)
    return found.is_directed
