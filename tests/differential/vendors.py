"""Stand-ins for the modules of vendors that tracing extensions send to: each records the spans in a list."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import isawaitable
from types import ModuleType
from typing import Any

from opentelemetry import trace
from strawberry.extensions import SchemaExtension
from strawberry.extensions.tracing.utils import should_skip_tracing

Spans = list[tuple[Any, ...]]


class Span(trace.NonRecordingSpan):
    """A span that notes what is said of it; DataDog's and OpenTelemetry's in one."""

    def __init__(self, spans: Spans, name: str) -> None:
        super().__init__(trace.INVALID_SPAN_CONTEXT)
        self.spans = spans
        self.name = name
        spans.append(("start", name))

    def set_tag(self, key: str, value: Any) -> None:
        self.spans.append((self.name, key, value))

    set_attribute = set_tag

    def update_name(self, name: str) -> None:
        self.spans.append(("rename", self.name, name))
        self.name = name

    def end(self, *_: Any) -> None:
        self.spans.append(("end", self.name))

    def __enter__(self) -> Span:
        return self

    def __exit__(self, *_: Any) -> None:
        self.end()


class Provider(trace.TracerProvider):
    """Makes OpenTelemetry's tracers."""

    def __init__(self, spans: Spans) -> None:
        self.spans = spans

    def get_tracer(self, *_: Any, **__: Any) -> trace.Tracer:
        return Tracer(self.spans)


class Tracer(trace.NoOpTracer):
    def __init__(self, spans: Spans) -> None:
        self.spans = spans

    def start_span(self, name: str, *_: Any, **__: Any) -> Span:
        return Span(self.spans, name)

    @contextmanager
    def _current(self, name: str) -> Iterator[Span]:
        with trace.use_span(Span(self.spans, name), end_on_exit=True) as span:
            yield span  # type: ignore[misc]

    def start_as_current_span(self, name: str, *_: Any, **__: Any) -> Any:
        return self._current(name)

    def trace(self, name: str, **_: Any) -> Span:
        """Do as DataDog's `tracer.trace`."""
        return Span(self.spans, name)


@contextmanager
def stand_in(modules: dict[str, dict[str, Any]]) -> Iterator[None]:
    """Let imports find these modules, each with these names, for a block."""
    before = {name: sys.modules.get(name) for name in modules}
    for name, names in modules.items():
        sys.modules[name] = made = ModuleType(name)
        vars(made).update(names)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def datadog(spans: Spans) -> dict[str, dict[str, Any]]:
    return {
        "ddtrace": {"__version__": "3.0.0"},
        "ddtrace.trace": {"Span": Span, "tracer": Tracer(spans)},
    }


def pyinstrument(spans: Spans) -> dict[str, dict[str, Any]]:
    class Profiler:
        def start(self) -> None:
            spans.append(("start",))

        def stop(self) -> None:
            spans.append(("stop",))

        def output_html(self) -> str:
            return "<html>"

    return {"pyinstrument": {"Profiler": Profiler}}


def sentry(spans: Spans, is_async: bool) -> type[SchemaExtension]:
    """Make an extension of the shape of Sentry's for Strawberry (sentry_sdk.integrations.strawberry, MIT license)."""

    class SentryShape(SchemaExtension):
        def on_operation(self) -> Iterator[None]:
            name = self.execution_context.operation_name
            kind = "query"
            if (self.execution_context.query or "").strip().startswith("mutation"):
                kind = "mutation"
            self.graphql_span = Span(spans, f"{kind} {name}" if name else kind)
            self.graphql_span.set_tag("graphql.document", self.execution_context.query)
            with self.graphql_span:
                yield

        def on_validate(self) -> Iterator[None]:
            with Span(spans, "validation"):
                yield

        def on_parse(self) -> Iterator[None]:
            with Span(spans, "parsing"):
                yield

    async def resolve_async(
        self: Any, _next: Any, root: Any, info: Any, *args: Any, **kwargs: Any
    ) -> Any:
        if should_skip_tracing(_next, info):
            result = _next(root, info, *args, **kwargs)
            return await result if isawaitable(result) else result
        with Span(spans, f"resolving {info.parent_type}.{info.field_name}"):
            result = _next(root, info, *args, **kwargs)
            return await result if isawaitable(result) else result

    def resolve_sync(self: Any, _next: Any, root: Any, info: Any, *args: Any, **kwargs: Any) -> Any:
        if should_skip_tracing(_next, info):
            return _next(root, info, *args, **kwargs)
        with Span(spans, f"resolving {info.parent_type}.{info.field_name}"):
            return _next(root, info, *args, **kwargs)

    SentryShape.resolve = resolve_async if is_async else resolve_sync  # type: ignore[method-assign]
    return SentryShape
