"""Metrics go where the settings say; what is not installed is named at the start."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import APIRouter, FastAPI

from tests.support.clock import MovedClock
from tests.support.toy_app import MOUNT, prepared, running
from tests.watchword.telemetry.metrics.test_otlp import Collector, collector
from watchword.app import create_app
from watchword.errors import Unsafe
from watchword.telemetry.metrics import outputs
from watchword.telemetry.metrics.outputs import paths

__all__ = ["collector"]


@pytest.mark.parametrize(
    ("metrics", "module", "advice"),
    [
        ("prometheus", "endpoint", r"needs a_library, .*watchword\[metrics\]"),
        ("otlp", "otlp", r"needs a_library, .*watchword\[otel\]"),
    ],
)
async def test_a_library_that_is_not_installed_is_named(
    metrics: str,
    module: str,
    advice: str,
    sqlite_url: str,
    clock: MovedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = await prepared(sqlite_url, clock, metrics=metrics)

    def missing(name: str) -> None:
        assert name == f"watchword.telemetry.metrics.{module}"
        raise ModuleNotFoundError(name="a_library")

    monkeypatch.setattr(outputs, "import_module", missing)
    with pytest.raises(Unsafe, match=advice):
        create_app(settings, MOUNT, clock)


async def test_a_collector_is_sent_the_metrics_at_the_interval(
    collector: Collector, sqlite_url: str, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "15000")
    async with running(sqlite_url, clock, metrics="otlp") as app:
        await app.ask("query Greeting { hello }")
        assert (await app.client.get("/metrics")).status_code == 404
        async with asyncio.timeout(20):
            while not collector.taken:
                clock.move(1)
                # The database and the collector get their turn.
                await asyncio.to_thread(int)
                await app.ask("{ hello }")
    operations = collector.metrics["watchword.operation.duration"].histogram.data_points
    names = {each.value.string_value for point in operations for each in point.attributes}
    assert {"Greeting", "query", "ok"} <= names
    assert "http.server.request.duration" in collector.metrics


def test_paths_are_those_of_all_routes_without_parameters() -> None:
    app, router = FastAPI(openapi_url=None), APIRouter(prefix="/inner")
    app.get("/here")(lambda: None)
    app.get("/orders/{number}")(lambda: None)
    router.get("/there")(lambda: None)
    app.include_router(router)
    assert {*paths(app.router.routes)} == {"/here", "/inner/there"}
