"""Hooks around an answer in parts run as Strawberry runs them for its own streams."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError
from strawberry.extensions import MaskErrors, SchemaExtension
from strawberry.schema.config import StrawberryConfig

from tests.support.clock import MovedClock
from tests.support.toy_server import principal, toy_pipeline
from watchword import Public
from watchword.context import Context
from watchword.execution.parts import AnswerParts, Part
from watchword.execution.plan import Refused
from watchword.transports.pipeline import Pipeline


@strawberry.type
class Thing:
    name: str = "thing"

    @strawberry.field
    async def late(self) -> str:
        await asyncio.sleep(0)
        return "late"

    @strawberry.field
    def broken(self) -> str | None:
        raise RuntimeError("a secret")


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def thing(self) -> Thing:
        return Thing()

    @strawberry.field(permission_classes=[Public])
    async def numbers(self) -> strawberry.Streamable[int]:
        for number in range(3):
            yield number


def extended(*extensions: Any) -> strawberry.Schema:
    config = StrawberryConfig(enable_experimental_incremental_execution=True)
    return strawberry.Schema(Query, config=config, extensions=extensions)


def noting(noted: list[str]) -> type[SchemaExtension]:
    class Noting(SchemaExtension):
        async def on_operation(self) -> AsyncIterator[None]:
            noted.append("operation")
            yield
            noted.append("operation ended")

        def on_execute(self) -> Iterator[None]:
            noted.append("execute")
            yield
            noted.append("executed")

        def on_stream_result(self, result: Any) -> Iterator[None]:
            noted.append(f"{type(result).__name__} {result.has_next}")
            yield
            noted.append("made")

        def get_results(self) -> dict[str, Any]:
            noted.append("results")
            return {"noted": True}

    return Noting


def context(pipeline: Pipeline) -> Context:
    return Context(pipeline.services, principal("alice", pipeline.services.clock.now()))


async def parts_of(pipeline: Pipeline, query: str, send: Any = None) -> list[Part]:
    sent: list[Part] = []

    async def keep(part: Part) -> None:
        sent.append(part)
        if send is not None:
            await send(part)

    plan = pipeline.engine.plan(query, None)
    await pipeline.engine.execute_in_parts(plan, None, context(pipeline), AnswerParts(keep))
    return sent


DEFERRED = "{ thing { name ... @defer { late } } }"


@pytest.mark.parametrize(
    "query",
    [DEFERRED, "{ numbers @stream(initialCount: 1) }", "{ thing { ... @defer { broken } } }"],
)
async def test_hooks_run_in_the_order_of_strawberrys_own_stream(
    query: str, clock: MovedClock
) -> None:
    noted: list[str] = []
    schema = extended(noting(noted))
    async with toy_pipeline(clock, schema) as (pipeline, _):
        sent = await parts_of(pipeline, query)
        ours, theirs = [*noted], noted
        theirs.clear()
        stream = await schema.stream(query, context_value=context(pipeline))
        shown = [part async for part in stream]
    assert ours == theirs
    assert len(sent) == len(shown) > 1
    assert sent[0]["extensions"] == {"noted": True}
    assert ours[-1] == "operation ended"


async def test_mask_errors_hides_the_errors_of_every_part(
    clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with toy_pipeline(clock, extended(MaskErrors)) as (pipeline, _):
        _, last = await parts_of(pipeline, "{ thing { ... @defer { broken late } } }")
    [entry] = last["incremental"]
    assert entry["data"] == {"broken": None, "late": "late"}
    assert [(error["message"], error["path"]) for error in entry["errors"]] == [
        ("Unexpected error.", ["thing", "broken"])
    ]
    assert "extensions" not in entry["errors"][0]
    # What it hides from the client is still in the log, once.
    assert caplog.text.count("RuntimeError: a secret") == 1


class AtPart(SchemaExtension):
    """Raises at the second part, before or after it is made."""

    is_before = True
    ended: list[str]

    def on_operation(self) -> Iterator[None]:
        try:
            yield
        finally:
            self.ended.append("operation")

    def on_stream_result(self, result: Any) -> Iterator[None]:
        is_second = not hasattr(result, "data")
        if is_second and self.is_before:
            raise GraphQLError("not this part")
        yield
        if is_second:
            raise RuntimeError("a secret")


@pytest.mark.parametrize(
    ("before", "message", "code"),
    [(True, "not this part", None), (False, None, "INTERNAL")],
)
async def test_a_hook_that_fails_at_a_part_ends_what_is_pending_with_its_error(
    before: bool, message: str | None, code: str | None, clock: MovedClock
) -> None:
    ended: list[str] = []
    failing = type("Failing", (AtPart,), {"is_before": before, "ended": ended})
    sent: list[Part] = []

    async def send(part: Part) -> None:
        sent.append(part)

    parts = AnswerParts(send)
    async with toy_pipeline(clock, extended(failing)) as (pipeline, _):
        plan = pipeline.engine.plan(DEFERRED, None)
        with pytest.raises(Refused) as raised:
            await pipeline.engine.execute_in_parts(plan, None, context(pipeline), parts)
    [error] = raised.value.errors
    assert message is None or error.message == message
    assert getattr(error.original_error, "code", None) == code
    assert ended == ["operation"]
    assert [each["hasNext"] for each in sent] == [True]
    last = parts.failed([{"message": "stop"}])
    assert before is False or last == {
        "hasNext": False,
        "completed": [{"id": "0", "errors": [{"message": "stop"}]}],
    }


async def test_an_error_after_the_last_part_is_only_logged(
    clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    class Late(SchemaExtension):
        def on_operation(self) -> Iterator[None]:
            yield
            raise RuntimeError("too late")

    async with toy_pipeline(clock, extended(Late)) as (pipeline, _):
        sent = await parts_of(pipeline, DEFERRED)
    assert [each["hasNext"] for each in sent] == [True, False]
    assert "too late" in caplog.text


async def test_a_client_that_leaves_between_parts_ends_the_operation(clock: MovedClock) -> None:
    noted: list[str] = []
    reached = asyncio.Event()

    async def wait(_part: Part) -> None:
        reached.set()
        await asyncio.Event().wait()

    class Ending(SchemaExtension):
        def on_operation(self) -> Iterator[None]:
            try:
                yield
            finally:
                noted.append("ended")

    async with toy_pipeline(clock, extended(Ending)) as (pipeline, _):
        task = asyncio.create_task(parts_of(pipeline, DEFERRED, wait))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert noted == ["ended"]


async def test_a_hook_that_refuses_before_the_first_part_is_a_refusal(
    clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    class Refusing(SchemaExtension):
        def on_operation(self) -> Iterator[None]:
            raise GraphQLError("not today")
            yield

    async with toy_pipeline(clock, extended(Refusing)) as (pipeline, _):
        with pytest.raises(Refused) as raised:
            await parts_of(pipeline, DEFERRED)
    assert [error.message for error in raised.value.errors] == ["not today"]
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


async def test_a_document_that_an_extension_finds_is_answered_in_parts_if_it_asks_for_them(
    clock: MovedClock,
) -> None:
    class Stored(SchemaExtension):
        def on_operation(self) -> Iterator[None]:
            asked: Any = self.execution_context
            asked.query = documents[asked.operation_extensions["id"]]
            yield

    documents = {"parts": DEFERRED, "whole": "{ thing { name } }"}
    async with toy_pipeline(clock, extended(Stored)) as (pipeline, _):
        engine = pipeline.engine

        async def answered(id: str) -> list[Part]:
            sent: list[Part] = []

            async def send(part: Part) -> None:
                sent.append(part)

            plan = engine.plan(None, None)
            assert plan.gives_parts
            alice = principal("alice", clock.now())
            asked = Context(pipeline.services, alice, extensions={"id": id})
            await engine.execute_in_parts(plan, None, asked, AnswerParts(send))
            return sent

        assert [each["hasNext"] for each in await answered("parts")] == [True, False]
        assert engine.fallbacks.total() == 1
        for _ in range(3):
            assert await answered("whole") == [{"data": {"thing": {"name": "thing"}}}]
        # It is compiled as it would be without the extension.
        assert engine.fallbacks.total() == 1
