"""Runs an operation by graphql-core's interpreter and compiled, and compares everything that can be seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import strawberry
from graphql import GraphQLError

from watchword.context import Context
from watchword.domain import Domain
from watchword.execution.engine import Engine
from watchword.execution.limits import Limits
from watchword.execution.response import Answer
from watchword.principal import ANONYMOUS, Principal
from watchword.process.clock import SystemClock

LIMITS = Limits(5_000, 15, 500, 1_000_000, 5_000, 500)
# The time limits are so long that a slow machine reaches none.
_SETTINGS = SimpleNamespace(
    operation_seconds=3_600, event_seconds=3_600, step_up_seconds=60, refusals="each"
)
SERVICES: Any = SimpleNamespace(clock=SystemClock(), settings=_SETTINGS, domain=Domain())

Seen = tuple[str, Any, Any, str, Any]


class _Recording(strawberry.Schema):
    """A schema that keeps the errors of the last answer, before they are masked."""

    seen: list[Seen]

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        self.seen = [_shape(each) for each in errors]


def _shape(error: GraphQLError) -> Seen:
    places = [tuple(each) for each in error.locations or ()]
    return error.message, error.path, places, type(error.original_error).__name__, error.extensions


class Both:
    """One schema, executed in both ways.

    `before` is called before each execution, and `added` with the schema, to which it may add permissions.
    """

    def __init__(
        self,
        query: type,
        mutation: type | None = None,
        before: Callable[[], object] = lambda: None,
        added: Callable[[strawberry.Schema], object] = lambda schema: None,
        **options: Any,
    ) -> None:
        self.schema = _Recording(query, mutation, **options)
        added(self.schema)
        self.compiled = Engine(self.schema, LIMITS, 10)
        self.core = Engine(self.schema, LIMITS, 10, "graphql-core")
        self._before = before

    async def execute(
        self,
        document: str,
        variables: dict[str, Any] | None = None,
        principal: Principal = ANONYMOUS,
        falls_back: str | None = None,
    ) -> tuple[Any, list[Seen]]:
        """Return the data and the errors, which are the same in both ways.

        `falls_back` is the reason for which graphql-core is expected to run the compiled engine's operation.
        """
        expected = await self._run(self.core, document, variables, principal)
        found = await self._run(self.compiled, document, variables, principal)
        assert found == expected
        assert [*self.compiled.fallbacks] == ([falls_back] if falls_back else [])
        return found

    async def _run(
        self,
        engine: Engine,
        document: str,
        variables: dict[str, Any] | None,
        principal: Principal,
    ) -> tuple[Any, list[Seen]]:
        plan = engine.plan(document, None)
        # As if it had been used before: only then is it compiled.
        plan.uses += 1
        self.schema.seen = []
        self._before()
        context = Context(SERVICES, principal)
        answer: Answer = await engine.execute(plan, variables, context)
        # What an error interrupted ends in the background.
        for _ in range(5):
            await asyncio.sleep(0)
        return answer["data"], cast(list[Seen], self.schema.seen)

    def text(self, document: str) -> str:
        """Return the generated text of an operation that was executed."""
        [variant] = self.compiled.plan(document, None).program._variants.values()
        return str(variant.root.__globals__["__loader__"].get_source(""))
