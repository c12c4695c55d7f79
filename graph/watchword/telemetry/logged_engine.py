"""An engine that says in each line of the log which operation it belongs to. Used only if the log is JSON."""

from __future__ import annotations

from typing import Any

from watchword.context import Context
from watchword.execution.engine import Engine
from watchword.execution.plan import Plan
from watchword.execution.response import Answer
from watchword.execution.source import Source
from watchword.process import log_context


class LoggedEngine(Engine):
    """An engine that gives each operation an id and its name in the log."""

    async def execute(
        self,
        plan: Plan,
        variables: dict[str, Any] | None,
        context: Context,
        *,
        is_streamed: bool = False,
    ) -> Answer:
        before = log_context.operation.set(log_context.named(plan.operation_name))
        try:
            return await super().execute(plan, variables, context, is_streamed=is_streamed)
        finally:
            log_context.operation.reset(before)

    async def subscribe(
        self, plan: Plan, variables: dict[str, Any] | None, context: Context
    ) -> Source:
        # For the rest of the task: it is the task of this run, which answers its events too.
        log_context.operation.set(log_context.named(plan.operation_name))
        return await super().subscribe(plan, variables, context)
