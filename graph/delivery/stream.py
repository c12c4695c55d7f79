"""From an open subscription to answers: each event in a fresh context, each failure named."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from graph.context import Context, Services
from graph.delivery.lease import Lease
from graph.execution.engine import Answer, Engine
from graph.execution.plan import Plan


async def stream(
    engine: Engine,
    services: Services,
    lease: Lease,
    plan: Plan,
    variables: dict[str, Any] | None,
) -> AsyncGenerator[Answer, None]:
    """Yield the answer of each event until the subscription ends.

    Raises `Refused` when it cannot be opened, `Ended` when it must end, and whatever else its
    resolver raises; the resolver has been closed by then.
    """
    source = await engine.subscribe(plan, variables, Context(services, lease.principal, lease.end))
    try:
        async for event in source.events:
            yield await source.answer(event, Context(services, lease.principal))
    finally:
        await source.close()
