"""One run of a subscription's resolver: from its events to answers, for one principal or for many."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from graph.context import Context, Services
from graph.course import Course
from graph.database import is_unavailable
from graph.deadline import within
from graph.execution.engine import Answer, Engine, Source, Unavailable
from graph.execution.masking import written
from graph.execution.plan import Plan
from graph.permissions.guards import recheck
from graph.principal import Holder


@dataclass(frozen=True, slots=True)
class Operation:
    """A subscription that somebody asked for."""

    plan: Plan
    variables: dict[str, Any] | None


class Sent:
    """An answer on its way: in JSON, with the cursor of whoever has seen it.

    `shapes` keeps what a transport makes of it, so that it is made once for all who get it.
    """

    __slots__ = ("cursor", "json", "shapes")

    def __init__(self, answer: Answer, cursor: str | None = None) -> None:
        if cursor is not None:
            answer["extensions"] = {"cursor": cursor}
        self.json = written(answer)
        self.cursor = cursor
        self.shapes: dict[str, bytes] = {}


async def run(
    engine: Engine, services: Services, holder: Holder, operation: Operation, course: Course
) -> AsyncGenerator[Sent, None]:
    """Yield an answer, with its cursor, for each event; each in a context of its own.

    What let the subscription open is asked again before each event. Raises `Refused` when it cannot
    be opened, `WatchwordError` when it must end, `Unavailable` when the database is away, and
    whatever else its resolver raises; the resolver has been closed by then.
    """
    context = Context(services, holder.principal, holder=holder, course=course)
    source = await engine.subscribe(operation.plan, operation.variables, context)
    try:
        async for event in source.events:
            # The event may have waited for a principal that is another by now.
            now = Context(services, holder.principal)
            if context.guards:
                seconds = services.settings.event_seconds
                await within(services.clock, seconds, recheck(context.guards, now))
            answer = await source.answer(event, now)
            yield Sent(answer, course.cursor())
    except Exception as error:
        if is_unavailable(error):
            raise Unavailable from error
        if not isinstance(error, Unavailable):
            source.failed(error, context)
        raise
    finally:
        await _close(source)


async def _close(source: Source) -> None:
    try:
        await source.close()
    except Exception as error:
        if not is_unavailable(error):
            raise
