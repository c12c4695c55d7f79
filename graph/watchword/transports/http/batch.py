"""Batches: several operations in one POST, where the schema's `StrawberryConfig(batching_config=…)` allows them.

The answer is a list in the same order, as of Strawberry's own view (GraphQL over HTTP, appendix "Request Batching").
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from math import ceil
from typing import Any, NamedTuple

import strawberry

from watchword.asgi.types import Headers, Response
from watchword.errors import BadUserInput, RateLimited, TooComplex, WatchwordError
from watchword.execution.masking import format_error, mask, to_json
from watchword.execution.plan import Draft, Plan, Refused
from watchword.execution.size import directives_of, size_of
from watchword.formats.exact_json import decode
from watchword.libraries.strawberry_parts import definition
from watchword.principal import Principal
from watchword.process.eager import in_task
from watchword.transports.http.responses import CONTENT_TYPES, Failure
from watchword.transports.pipeline import Pipeline, Priced
from watchword.transports.request import GraphQLRequest, read


class Batch(NamedTuple):
    """The operations of one POST."""

    requests: list[GraphQLRequest]


class Done(NamedTuple):
    """The answer to one operation, and the headers by which it demands a recent sign-in."""

    json: bytes
    demand: Headers = ()


Run = Callable[[Plan, GraphQLRequest], Awaitable[Done]]
"""Runs one operation over plain HTTP."""


class Batches:
    """Reads and answers the batches of one schema."""

    def __init__(self, pipeline: Pipeline, most: int) -> None:
        """A batch has at most `most` operations."""
        self._pipeline = pipeline
        self._most = most
        self._schema = definition(pipeline.engine.schema)

    def read(self, body: bytes) -> Batch:
        """Read a batch from JSON. Raises `BadUserInput` if it is too long, or names its first malformed operation."""
        values = decode(body)
        self._pipeline.ceiling.check("batch", len(values), most=self._most)
        needs_query = self._pipeline.engine.needs_query
        requests = []
        for number, value in enumerate(values):
            try:
                requests.append(read(value, needs_query=needs_query))
            except BadUserInput as error:
                said = f"Operation {number + 1} of the batch: {error.message}"
                path = [number, *error.extensions.get("path", ())]
                raise BadUserInput(said, path) from error
        return Batch(requests)

    async def answer(
        self, batch: Batch, principal: Principal, address: str, media_type: str, run: Run
    ) -> Response:
        """Run all operations of a batch at the same time, as Strawberry's view does, and answer with a list.

        What refuses one operation is in its answer. Raises `Failure` if all together are over a limit of one operation,
        or the client wants no JSON, and `OverBudget`; then nothing is run.
        """
        if media_type not in CONTENT_TYPES:
            raise Failure(
                400, BadUserInput("A batch is answered with JSON: accept application/json.")
            )
        await in_task()
        asked = [(self._price(each, principal, address), each) for each in batch.requests]
        self._check_together(asked)
        self._charge([found for found, _ in asked], principal, address)
        done = await asyncio.gather(*(_answered(found, request, run) for found, request in asked))
        demands = dict.fromkeys(header for each in done for header in each.demand)
        json = b"[" + b",".join(each.json for each in done) + b"]"
        return Response(200, json, (*CONTENT_TYPES[media_type][1], *demands))

    def _price(
        self, request: GraphQLRequest, principal: Principal, address: str
    ) -> Priced | Refused:
        try:
            return self._pipeline.priced(request, principal, address)
        except Refused as refused:
            return refused

    def _charge(
        self, found: Iterable[Priced | Refused], principal: Principal, address: str
    ) -> None:
        """Charge a batch as one operation. Raises `OverBudget`, and charges nothing, if too little is left."""
        priced = [each for each in found if isinstance(each, Priced)]
        if cost := sum(each.cost for each in priced):
            paid = sum(each.paid for each in priced)
            self._pipeline.services.budgets.charge(principal, address, cost, paid)

    def _check_together(self, asked: Iterable[tuple[Priced | Refused, GraphQLRequest]]) -> None:
        """Raise `Failure` if a batch asks for more than one operation may."""
        planner, total = self._pipeline.engine.planner, Counter[str]()
        for found, request in asked:
            if isinstance(found, Refused) or isinstance(plan := found.plan, Draft):
                continue
            size = size_of(self._schema, plan.document, plan.operation)
            total["characters"] += len(plan.query or "")
            total["tokens"] += plan.document.token_count or 0
            total["directives"] += directives_of(plan.document)
            total["aliases"] += size.aliases
            total["root_fields"] += size.root_fields
            total["cost"] += ceil(planner.cost(plan, request.variables))
        try:
            for name, number in total.items():
                planner.limits.check(name, number, "batch")
        except TooComplex as error:
            raise Failure(400, error) from error


def make_batches(pipeline: Pipeline) -> Batches | None:
    """Return what reads and answers batches; None if the schema allows none."""
    schema: strawberry.Schema = pipeline.engine.schema
    config = schema.config.batching_config
    return None if config is None else Batches(pipeline, config["max_operations"])


def is_batch(body: bytes) -> bool:
    """Tell whether a body of JSON holds a list."""
    return body[:1] != b"{" and body.lstrip(b" \t\r\n")[:1] == b"["


async def _answered(found: Priced | Refused, request: GraphQLRequest, run: Run) -> Done:
    if isinstance(found, Refused):
        return _refused(found)
    try:
        return await run(found.plan, request)
    except Refused as refused:
        return _refused(refused)
    except RateLimited as error:
        return _failed(error)
    except Failure as failure:
        return _failed(failure.error)
    except Exception as error:
        return _failed(mask(error))


def _refused(refused: Refused) -> Done:
    answer: dict[str, Any] = {"errors": [format_error(error) for error in refused.errors]}
    return Done(
        to_json(answer | ({"extensions": refused.extensions} if refused.extensions else {}))
    )


def _failed(error: WatchwordError) -> Done:
    return Done(to_json({"errors": [error.as_dict()]}))
