"""The span of a transaction's events, whose name they carry."""

from __future__ import annotations

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from tests.support.spans import Recorder, attributes, context_of, inside
from watchword.events.bus.memory import MemoryBus
from watchword.events.event import BEGINNING, Event
from watchword.events.log.event_log import EventLog
from watchword.storage.database import Database, Publishing
from watchword.telemetry.traces import traceparent
from watchword.telemetry.traces.publishing import TracedPublishing
from watchword.transaction import transaction

NOW = 1_800_000_000.0


async def publish(database: Database, recorder: Recorder, *streams: str) -> list[Event]:
    """Commit events inside a request; return what the bus carried."""
    carried: list[Event] = []
    bus = MemoryBus()
    await bus.open(carried.append)
    database.publishing = Publishing(around=TracedPublishing(recorder.tracing))
    with inside(recorder):
        async with transaction(database, bus, NOW) as unit:
            for stream in streams:
                unit.publish(Event(stream, "a-key", "made", {"a": "secret"}))
    return carried


async def test_events_carry_the_span_in_their_rows_and_on_the_bus(database: Database) -> None:
    recorder = Recorder()
    carried = await publish(database, recorder, "toys", "toys")
    span = recorder.one("publish")
    event_log = EventLog(database)
    kept = await event_log.read("toys", None, BEGINNING, 10)
    assert {event.trace for event in (*carried, *kept)} == {traceparent.write(context_of(span))}
    assert (len(carried), len(kept)) == (2, 2)
    assert span.kind is SpanKind.PRODUCER
    assert attributes(span) == {
        "messaging.system": "watchword",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": "toys",
        "messaging.batch.message_count": 2,
    }


async def test_events_of_several_streams_have_one_span_that_names_none(database: Database) -> None:
    recorder = Recorder()
    carried = await publish(database, recorder, "toys", "games")
    span = recorder.one("publish")
    assert "messaging.destination.name" not in attributes(span)
    assert len({event.trace for event in carried}) == 1


async def test_events_of_a_request_that_is_not_recorded_carry_nothing(database: Database) -> None:
    recorder = Recorder(ratio=0)
    carried = await publish(database, recorder, "toys")
    assert ([event.trace for event in carried], recorder.names) == ([None], [])


async def test_a_transaction_without_events_has_no_span(database: Database) -> None:
    recorder = Recorder()
    assert await publish(database, recorder) == []
    assert "publish" not in recorder.names


async def test_a_commit_that_fails_fails_the_span_and_publishes_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr("watchword.transaction.append", fail)
    recorder = Recorder()
    with pytest.raises(RuntimeError, match="a secret"):
        await publish(database, recorder, "toys")
    span = recorder.one("publish")
    assert (span.status.status_code, attributes(span)["error.type"]) == (
        StatusCode.ERROR,
        "RuntimeError",
    )
