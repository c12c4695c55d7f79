"""Shared answers whose executions belong to the trace of the request that began them."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from opentelemetry.trace import Span

from watchword.execution.shared.answers import SharedAnswers
from watchword.telemetry.traces.tracing import current, recording


class TracedAnswers(SharedAnswers):
    """The execution runs in no request's context. Its span, and those below it, are of the request that began it;
    those that wait for it too show only that they wait."""

    def _run(self, *parts: Any) -> Coroutine[Any, Any, None]:
        running, span = super()._run(*parts), recording()
        return running if span is None else _within(span, running)


async def _within(span: Span, running: Coroutine[Any, Any, None]) -> None:
    with current(span):
        await running
