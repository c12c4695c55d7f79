"""Answers for the pages of a schema: its own routes ask what anybody may ask, and share what /graphql shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from starlette.requests import Request

from watchword.context import Context
from watchword.execution.masking import format_error, to_json
from watchword.execution.plan import Refused
from watchword.execution.shared.store import JsonAnswer
from watchword.principal import ANONYMOUS
from watchword.transports.pipeline import Pipeline


async def public_answer(
    request: Request, query: str, variables: Mapping[str, Any] | None = None
) -> JsonAnswer:
    """Run a query as a caller without a token, for a page that a route of `Domain.routes` renders.

    Whatever the request carries, its answer is what anybody may see. If the query's fields declare what they read, the
    answer is kept and shared as at /graphql: while it is good, every call returns the same object, so a page that was
    rendered from it is good too. `json` has `data` and `errors` as over HTTP, `is_whole` says that there are no errors,
    and `tag` is the entity tag. Raises `Unavailable` (UNAVAILABLE) while the server stops, and `TimedOut`.
    """
    pipeline = cast(Pipeline, request.app.pipeline)
    given = dict(variables or {})
    try:
        plan = pipeline.engine.plan(query, None)
        answer = await pipeline.shared.answer(plan, given, ANONYMOUS)
        if answer is None:
            context = Context(pipeline.services, ANONYMOUS)
            own = await pipeline.engine.execute(plan, given, context)
            answer = JsonAnswer(to_json(own), is_whole="errors" not in own)
    except Refused as refused:
        errors = [format_error(error) for error in refused.errors]
        return JsonAnswer(to_json({"errors": errors}), is_whole=False)
    return answer
