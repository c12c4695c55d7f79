"""The log is pruned now and then to what the settings keep."""

from __future__ import annotations

from graph.context import Services
from graph.database import Database
from graph.events import Event
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
    pruner = Pruner(services.log, clock, settings)
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

    pruner = Pruner(services.log, clock, services.settings, forget)
    pruner.open()
    clock.move(60)
    await until(lambda: bool(times))
    assert times == [clock.now()]
    await pruner.close()
