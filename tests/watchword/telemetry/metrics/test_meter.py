"""A meter reads every metric of the catalogue, and nothing else."""

from __future__ import annotations

import asyncio

from tests.support.clock import MovedClock
from tests.support.metrics import scraped
from tests.support.toy_app import CREDENTIALS, running
from watchword.telemetry.metrics.catalogue import ALL, WORKERS
from watchword.telemetry.metrics.prometheus import prometheus_name
from watchword.throttling.budgets import WINDOW


async def test_every_metric_is_read(database_url: str, clock: MovedClock) -> None:
    async with running(database_url, clock, metrics="prometheus") as app:
        async with asyncio.timeout(20):
            text = ""
            # The age of a look is there after the first one.
            while "watchword_log_look_age_seconds" not in text:
                clock.move(1)
                # The database and the collector get their turn.
                await asyncio.to_thread(int)
                text = (await app.client.get("/metrics")).text
    described = {line.split()[2] for line in text.splitlines() if line.startswith("# HELP ")}
    ours = {name for name in described if not name.startswith(("process_", "python_"))}
    # The number of workers is known to their supervisor only.
    expected = {prometheus_name(each) for each in ALL if each is not WORKERS}
    assert {name.removesuffix("_total") for name in ours} == expected


async def test_an_operation_and_its_request_are_measured(
    database_url: str, clock: MovedClock
) -> None:
    async with running(database_url, clock, metrics="prometheus") as app:
        for _ in range(3):
            await app.ask("query Greeting { hello }")
        await app.ask("query Mine { me }")
        found = scraped((await app.client.get("/metrics")).text)
    operation = "watchword_operation_duration_seconds_count"
    assert found[operation, "Greeting", "query", "ok"] == 3
    assert found[operation, "Mine", "query", "error"] == 1
    assert found["watchword_errors_total", "UNAUTHENTICATED"] == 1
    request = "http_server_request_duration_seconds_count"
    assert found[request, "POST", "200", "/graphql"] == 4


async def test_a_revocation_is_measured_after_a_while(database_url: str, clock: MovedClock) -> None:
    async with running(database_url, clock, metrics="prometheus") as app:
        body = {**CREDENTIALS, "delivery": "body"}
        signed_in = (await app.client.post("/api/auth/login", json=body)).json()
        token = {"refresh_token": signed_in["refresh_token"]}
        assert (await app.client.post("/api/auth/logout", json=token)).status_code == 204

        async def delays() -> float:
            found = scraped((await app.client.get("/metrics")).text)
            return found["watchword_revocation_delay_seconds_count",]

        async with asyncio.timeout(20):
            while await delays() < 1:
                clock.move(1)
                # The database and the collector get their turn.
                await asyncio.to_thread(int)


async def test_what_callers_spend_in_a_minute_is_measured_without_a_budget(
    database_url: str, clock: MovedClock
) -> None:
    async with running(database_url, clock, metrics="prometheus", limits="measure") as app:
        for _ in range(3):
            await app.ask("query Greeting { hello }")
        clock.move(WINDOW)
        found = scraped((await app.client.get("/metrics")).text)
    # Each costs 1, and the first one's document was read: that is part of the same 1.
    assert found["watchword_budget_spent_sum", "budget_per_address"] == 3
    assert found["watchword_budget_spent_count", "budget_per_address"] == 1
