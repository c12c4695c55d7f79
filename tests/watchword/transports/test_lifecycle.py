"""A connection ends for the first reason that there is, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.clock import MovedClock
from tests.support.connection import Connection
from tests.support.toy_server import principal, toy_pipeline
from watchword.errors import Ending, RateLimited
from watchword.transports.pipeline import Pipeline
from watchword.transports.state import ConnectionState, Transition

DRAIN_SECONDS = 10


@pytest.fixture
async def pipeline(clock: MovedClock) -> AsyncIterator[Pipeline]:
    settings: dict[str, Any] = {"drain_seconds": DRAIN_SECONDS, "max_connections_per_principal": 1}
    async with toy_pipeline(clock, **settings) as (made, _):
        yield made


@pytest.fixture
def connection(pipeline: Pipeline, clock: MovedClock) -> Connection:
    made = Connection(pipeline)
    made.lifecycle.take_lease(principal("alice", clock.now()))
    made.lifecycle.go(Transition.OPEN)
    return made


def test_the_end_of_the_lease_ends_the_connection(
    connection: Connection, clock: MovedClock, pipeline: Pipeline
) -> None:
    clock.move(pipeline.settings.access_token_seconds)
    assert connection.endings == [Ending.EXPIRED]
    assert connection.lifecycle.state is ConnectionState.CLOSED


def test_a_client_that_reads_nothing_is_dropped(
    connection: Connection, clock: MovedClock, pipeline: Pipeline
) -> None:
    connection.wire.write(1)
    assert connection.wire.on_write is not None
    connection.wire.on_write(*connection.wire.unsent)
    clock.move(pipeline.settings.slow_seconds * 1.5)
    assert connection.endings == [Ending.SLOW]


def test_a_connection_that_is_not_open_yet_ends_at_once_when_the_server_stops(
    pipeline: Pipeline,
) -> None:
    early = Connection(pipeline)
    early.lifecycle.drain()
    assert early.endings == [Ending.DRAINING]


def test_a_quiet_connection_drains_within_its_time(
    connection: Connection, clock: MovedClock
) -> None:
    assert connection.wire.on_shutdown is not None
    connection.wire.on_shutdown()
    assert connection.lifecycle.state is ConnectionState.DRAINING
    clock.move(DRAIN_SECONDS)
    assert connection.endings == [Ending.DRAINING]


def test_a_busy_connection_waits_for_its_answer(connection: Connection) -> None:
    connection.is_busy = True
    connection.lifecycle.drain()
    connection.lifecycle.finish()
    assert connection.endings == []
    connection.is_busy = False
    connection.lifecycle.operation_answered()
    assert connection.endings == [Ending.DRAINING]


def test_a_busy_connection_ends_with_the_time_to_drain(
    connection: Connection, clock: MovedClock
) -> None:
    connection.is_busy = True
    connection.lifecycle.drain()
    connection.lifecycle.finish()
    clock.move(DRAIN_SECONDS)
    assert connection.endings == [Ending.DRAINING]


def test_a_timer_is_cancelled_when_the_state_changes(pipeline: Pipeline, clock: MovedClock) -> None:
    made, called = Connection(pipeline), list[bool]()
    made.lifecycle.call_later(5, lambda: called.append(True))
    made.lifecycle.go(Transition.OPEN)
    clock.move(10)
    assert called == []


def test_closing_releases_the_lease_the_timers_and_the_callbacks(
    connection: Connection, clock: MovedClock, pipeline: Pipeline
) -> None:
    with pytest.raises(RateLimited):
        Connection(pipeline).lifecycle.take_lease(principal("alice", clock.now()))
    before = clock.waiting
    assert connection.lifecycle.close()
    assert not connection.lifecycle.close()
    assert clock.waiting < before
    assert (connection.wire.on_write, connection.wire.on_shutdown) == (None, None)
    Connection(pipeline).lifecycle.take_lease(principal("alice", clock.now()))


def test_a_connection_is_among_the_live_ones_until_it_closes(
    connection: Connection, pipeline: Pipeline
) -> None:
    early = Connection(pipeline)
    assert [*pipeline.live] == [connection.lifecycle, early.lifecycle]
    assert (connection.lifecycle.session, early.lifecycle.session) == ("alice", None)
    assert connection.lifecycle.is_quiet
    connection.wire.write(1)
    assert not connection.lifecycle.is_quiet
    connection.lifecycle.close()
    early.lifecycle.close()
    assert not len(pipeline.live)
