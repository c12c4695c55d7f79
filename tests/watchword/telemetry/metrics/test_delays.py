"""How late an event is heard is measured by the time in its row."""

from __future__ import annotations

from tests.support import toy_schema
from tests.support.clock import MovedClock
from tests.support.toy_server import toy_server
from watchword.events.event import Event
from watchword.telemetry.metrics.delays import MOST, Delays


async def test_the_time_from_the_commit_to_the_hearing_is_recorded(clock: MovedClock) -> None:
    async with toy_server(clock) as server:
        log = server.pipeline.services.event_log
        delays = Delays(log)
        await server.publish("early", "late")
        now = clock.now()
        for position, late in ((1, 0.2), (2, 3.0), (3, 9.0)):
            delays.note(Event(toy_schema.STREAM, "", "made", position=position), now + late)
        await delays.measure()
        found = delays.histogram.distribution
        # The third is not in the log: it was pruned, or rolled back with the database.
        assert (sum(found.counts), round(found.sum, 6)) == (2, 3.2)
        await delays.measure()
        assert delays.histogram.distribution == found


async def test_a_clock_that_is_ahead_makes_no_negative_delay(clock: MovedClock) -> None:
    async with toy_server(clock) as server:
        delays = Delays(server.pipeline.services.event_log)
        await server.publish("ball")
        delays.note(Event(toy_schema.STREAM, "", "made", position=1), clock.now() - 5)
        await delays.measure()
        assert delays.histogram.distribution.sum == 0


async def test_a_storm_is_measured_in_part(clock: MovedClock) -> None:
    async with toy_server(clock) as server:
        delays = Delays(server.pipeline.services.event_log)
        for position in range(3 * MOST):
            delays.note(Event(toy_schema.STREAM, "", "made", position=position), clock.now())
        assert len(delays._heard) == MOST
