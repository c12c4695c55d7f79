"""The open operations of one socket are counted, answered once, and stopped without a message."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.clock import MovedClock
from tests.support.connection import Connection
from tests.support.toy_server import principal, toy_pipeline, until
from watchword.principal import Principal
from watchword.transports.pipeline import Pipeline
from watchword.transports.request import GraphQLRequest
from watchword.transports.state import Transition
from watchword.transports.websocket.operations import Operations

SUBSCRIPTION = "subscription { made { name } }"


class Socket:
    """Records the messages that operations send, and the ids that they free."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.forgotten: list[str] = []

    def send(self, *parts: bytes) -> None:
        self.sent.append(json.loads(b"".join(parts)))

    def forget(self, id: str) -> None:
        self.forgotten.append(id)

    async def drained(self) -> None:
        pass

    @property
    def types(self) -> list[tuple[str, str]]:
        return [(message["id"], message["type"]) for message in self.sent]


async def renew(token: str, proof: str | None) -> Principal:
    raise NotImplementedError


@pytest.fixture
async def pipeline(clock: MovedClock) -> AsyncIterator[Pipeline]:
    async with toy_pipeline(clock, max_operations=2) as (made, _):
        yield made


@pytest.fixture
def socket() -> Socket:
    return Socket()


@pytest.fixture
def operations(pipeline: Pipeline, socket: Socket, clock: MovedClock) -> Operations:
    lifecycle = Connection(pipeline).lifecycle
    lifecycle.take_lease(principal("alice", clock.now()))
    lifecycle.go(Transition.OPEN)
    return Operations(pipeline, socket, lifecycle, "192.0.2.1", renew)


async def test_a_query_is_answered_and_its_id_is_free(
    operations: Operations, socket: Socket, pipeline: Pipeline
) -> None:
    operations.start("1", GraphQLRequest("{ me }"))
    assert operations.is_busy
    await until(lambda: not operations.is_busy)
    assert socket.types == [("1", "next"), ("1", "complete")]
    assert (socket.forgotten, len(pipeline.operations)) == (["1"], 0)


async def test_an_operation_that_cannot_be_run_is_answered_with_an_error(
    operations: Operations, socket: Socket, pipeline: Pipeline
) -> None:
    operations.start("1", GraphQLRequest("{ nothing }"))
    assert socket.types == [("1", "error")]
    assert len(pipeline.operations) == 0


async def test_one_operation_too_many_is_refused_and_the_others_go_on(
    operations: Operations, socket: Socket, pipeline: Pipeline
) -> None:
    for id in ("1", "2", "3"):
        operations.start(id, GraphQLRequest(SUBSCRIPTION))
    assert socket.types == [("3", "error")]
    assert socket.sent[0]["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
    operations.stop("1")
    operations.start("3", GraphQLRequest(SUBSCRIPTION))
    assert len(pipeline.operations) == 2
    operations.close()


async def test_stopping_and_closing_send_nothing_and_free_everything(
    operations: Operations, socket: Socket, pipeline: Pipeline
) -> None:
    operations.start("1", GraphQLRequest(SUBSCRIPTION))
    operations.start("2", GraphQLRequest("{ me }"))
    operations.stop("2")
    operations.close()
    assert (socket.sent, operations.is_busy, len(pipeline.operations)) == ([], False, 0)
