"""Shared answers that are executed in the trace of the request that began them."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from opentelemetry.trace import Span, get_current_span

from watchword.execution.shared.answers import SharedAnswers
from watchword.telemetry.traces.tracing import current, is_traced


class TracedAnswers(SharedAnswers):
    """The execution runs in no request's context. Its span, and those below it, are of the request that began it;
    those that wait for it too show only that they wait."""

    def _run(self, *parts: Any) -> Coroutine[Any, Any, None]:
        running = super()._run(*parts)
        return _within(get_current_span(), running) if is_traced() else running


async def _within(span: Span, running: Coroutine[Any, Any, None]) -> None:
    with current(span):
        await running
