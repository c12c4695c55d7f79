"""The spans of resolvers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import isawaitable
from typing import Any

from graphql import GraphQLResolveInfo
from graphql.execution import MiddlewareManager
from opentelemetry.trace import Span, SpanKind

from watchword.libraries.strawberry_parts import definition_of, is_attribute
from watchword.telemetry.traces.tracing import Tracing, current, ended, fail

MOST = 200
"""The most resolvers of one execution that get spans. A list of a thousand objects calls a thousand for each field."""


class FieldSpans(MiddlewareManager):
    """Gives each resolver of one execution a span; not a field that shows an attribute of its object.

    `inner` is what extensions of the schema run around each field: it is inside of the span.
    """

    def __init__(self, tracing: Tracing, inner: MiddlewareManager | None = None) -> None:
        super().__init__()
        self._tracing = tracing
        self.inner = inner
        self._left = MOST

    def get_field_resolver(self, field_resolver: Callable[..., Any]) -> Callable[..., Any]:
        if self.inner is not None:
            field_resolver = self.inner.get_field_resolver(field_resolver)
        return partial(self._resolve, field_resolver)

    def _resolve(
        self,
        resolver: Callable[..., Any],
        source: Any,
        info: GraphQLResolveInfo[Any],
        **arguments: Any,
    ) -> Any:
        if not self._left or _is_plain(info):
            return resolver(source, info, **arguments)
        self._left -= 1
        span = self._begin(info)
        try:
            with current(span):
                value = resolver(source, info, **arguments)
        except BaseException as error:
            fail(span, type(error).__name__)
            span.end()
            raise
        if isawaitable(value):
            return _awaited(span, value)
        span.end()
        return value

    def _begin(self, info: GraphQLResolveInfo[Any]) -> Span:
        name = f"{info.parent_type.name}.{info.field_name}"
        path = ".".join(map(str, info.path.as_list()))
        return self._tracing.start(name, SpanKind.INTERNAL, {"watchword.field.path": path})


async def _awaited(span: Span, value: Any) -> Any:
    with ended(span), current(span):
        return await value


def _is_plain(info: GraphQLResolveInfo[Any]) -> bool:
    field = info.parent_type.fields.get(info.field_name)
    return field is None or definition_of(field) is None or is_attribute(field)
