"""The server as routes of a schema see it: its pages ask what anybody may ask, and share what /graphql shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

from starlette.requests import Request

from watchword.asgi.types import address_of
from watchword.config.settings import Settings
from watchword.context import Context
from watchword.execution.masking import format_error, to_json
from watchword.execution.plan import Plan, Refused
from watchword.execution.shared.store import JsonAnswer
from watchword.formats.exact_json import canonical_bytes
from watchword.principal import ANONYMOUS
from watchword.throttling.budgets import LEAST
from watchword.transports.pipeline import Pipeline


class Server:
    """The server behind a request to a route of `Domain.routes`, which may render pages from its answers."""

    def __init__(self, request: Request) -> None:
        pipeline = getattr(request.app, "pipeline", None)
        if pipeline is None:
            raise RuntimeError(
                "This request did not come to a route of Domain.routes, but to one of another app."
            )
        self._pipeline = cast(Pipeline, pipeline)
        self._address = address_of(request.scope.get("client"))

    @property
    def settings(self) -> Settings:
        """The settings that the server was started with."""
        return self._pipeline.settings

    @property
    def now(self) -> float:
        """The time in Unix seconds."""
        return self._pipeline.services.clock.now()

    async def public_answer(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        after: Sequence[str] = (),
    ) -> JsonAnswer:
        """Run a query as a caller without a token, whatever the request carries.

        If the query's fields declare what they read, the answer is kept and shared as at /graphql: while it is good,
        every call returns the same object, so a page that was rendered from it is good too. It is not older than any of
        the cursors `after`. `json` has `data` and `errors` as over HTTP, `is_whole` says that there are no errors, and
        `tag` is the entity tag.

        What is not kept is executed within the limits of the client's address, as at /graphql: open operations, and
        the budget of a minute. Raises `RateLimited` beyond them, `Unavailable` (UNAVAILABLE) while the server stops,
        and `TimedOut`.
        """
        pipeline, given = self._pipeline, dict(variables or {})
        try:
            plan = pipeline.engine.plan(query, None, ANONYMOUS)
            take_place = partial(pipeline.operations.take, self._address)
            charge = partial(self._charge, plan, given)
            asked = plan, given, ANONYMOUS, after, None, take_place, charge
            answer = await pipeline.shared.answer(*asked)
            if answer is None:
                # Nothing in such an execution is about a caller, so those who come meanwhile may share the next one.
                key = (plan.number, canonical_bytes(given))
                execute = partial(self._execute, plan, given)
                charge()
                with take_place():
                    answer = await pipeline.shared.turns.share(key, execute)
        except Refused as refused:
            errors = [format_error(error) for error in refused.errors]
            return JsonAnswer(to_json({"errors": errors}), is_whole=False)
        return answer

    def _charge(self, plan: Plan, variables: dict[str, Any]) -> None:
        """Charge an execution to the budget of the client's address."""
        pipeline = self._pipeline
        budgets = pipeline.services.budgets
        if budgets.is_set:
            cost = max(LEAST, pipeline.engine.planner.cost(plan, variables))
            budgets.charge(ANONYMOUS, self._address, cost)

    async def _execute(self, plan: Plan, variables: dict[str, Any]) -> JsonAnswer:
        pipeline = self._pipeline
        context = Context(pipeline.services, ANONYMOUS)
        own = await pipeline.engine.execute(plan, variables, context)
        return JsonAnswer(to_json(own), is_whole="errors" not in own)
