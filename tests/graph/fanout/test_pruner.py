"""The log is pruned now and then to what the settings keep."""

from __future__ import annotations

from graph.context import Services
from graph.database import Database
from graph.events import Event
from graph.fanout.log import Log
from graph.fanout.pruner import Pruner
from graph.settings import Settings
from graph.transaction import transaction
from tests.support.clock import MovedClock
from tests.support.principals import open_services
from tests.support.toy_server import until


async def happen(services: Services) -> None:
    async with transaction(services.database, services.bus, services.clock.now()) as unit:
        unit.publish(Event("toys", "bear", "made"))


async def test_what_is_too_old_is_forgotten_again_and_again(
    database: Database, clock: MovedClock
) -> None:
    services, _ = await open_services(database, clock)
    settings = Settings(_env_file=None, log_retention_seconds=3600)
    pruner = Pruner(services.log, clock, settings, needed={})
    pruner.open()
    for count in (1, 2):
        await happen(services)
        before = pruner._task
        clock.move(3601)
        await until(lambda before=before: pruner._task is not before)  # type: ignore[misc]
        assert pruner._task is not None
        await pruner._task
        assert await services.log.heads(["toys"]) == {"toys": count}
        assert await services.log.before_last("toys", None, 100) == count
    await pruner.close()


async def test_what_else_grows_old_is_forgotten_with_it(
    database: Database, clock: MovedClock
) -> None:
    services, _ = await open_services(database, clock)
    times: list[float] = []

    async def forget(now: float) -> None:
        times.append(now)

    pruner = Pruner(services.log, clock, services.settings, forget, needed={})
    pruner.open()
    clock.move(60)
    await until(lambda: bool(times))
    assert times == [clock.now()]
    await pruner.close()


async def test_what_is_needed_is_kept_for_as_long_as_it_is(
    database: Database, clock: MovedClock
) -> None:
    services, _ = await open_services(database, clock)
    settings = Settings(_env_file=None, log_retention_events=1000)
    pruner = Pruner(services.log, clock, settings, needed={"toys": 600})
    async with transaction(database, services.bus, clock.now()) as unit:
        for _ in range(1002):
            unit.publish(Event("toys", "bear", "made"))
    clock.move(600)
    await pruner.turn()
    assert await services.log.before_last("toys", None, 2000) == 0
    clock.move(1)
    await pruner.turn()
    assert await services.log.before_last("toys", None, 2000) == 2


async def test_what_is_in_memory_is_forgotten_while_the_database_is_away(
    clock: MovedClock,
) -> None:
    times: list[float] = []

    class Away(Log):
        async def prune(self, *_: object) -> int:
            raise OSError

    async def forget(now: float) -> None:
        times.append(now)

    away = Away(Database("sqlite+aiosqlite://"))
    pruner = Pruner(away, clock, Settings(_env_file=None), forget, needed={})
    await pruner.turn()
    assert times == [clock.now()]
