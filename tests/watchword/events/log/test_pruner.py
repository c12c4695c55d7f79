"""The pruner keeps as much of the log as the settings say."""

from __future__ import annotations

from tests.support.clock import MovedClock
from tests.support.principals import open_services
from tests.support.toy_server import until
from watchword.config.settings import Settings
from watchword.context import Services
from watchword.events.event import BEGINNING, Event
from watchword.events.log.pruner import Pruner
from watchword.storage.database import Database
from watchword.transaction import transaction


async def happen(services: Services) -> None:
    async with transaction(services.database, services.bus, services.clock.now()) as unit:
        unit.publish(Event("toys", "bear", "made"))


async def test_old_events_are_pruned_at_intervals(database: Database, clock: MovedClock) -> None:
    services, _ = await open_services(database, clock)
    settings = Settings(_env_file=None, log_retention_seconds=3600)
    Pruner(services.event_log, clock, settings, needed={}).open(services.background)
    for count in (1, 2):
        await happen(services)
        await until(lambda: clock.waiting == 1)
        clock.move(3601)
        await until(lambda: clock.waiting == 1)
        assert (await services.event_log.heads(["toys"]))["toys"].position == count
        assert (await services.event_log.before_last("toys", None, 100)).position == count
    await services.background.close()


async def test_needed_events_are_kept_for_as_long_as_they_are_needed(
    database: Database, clock: MovedClock
) -> None:
    services, _ = await open_services(database, clock)
    settings = Settings(_env_file=None, log_retention_events=1000)
    pruner = Pruner(services.event_log, clock, settings, needed={"toys": 600})
    async with transaction(database, services.bus, clock.now()) as unit:
        for _ in range(1002):
            unit.publish(Event("toys", "bear", "made"))
    clock.move(600)
    await pruner.turn()
    assert await services.event_log.before_last("toys", None, 2000) == BEGINNING
    clock.move(1)
    await pruner.turn()
    assert (await services.event_log.before_last("toys", None, 2000)).position == 2
