"""Where metrics go, by the settings. Imports what a way needs only if it is chosen: both are extras."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

from starlette.routing import BaseRoute

from watchword.config.settings import Settings
from watchword.errors import Unsafe
from watchword.process.background import Background
from watchword.telemetry.metrics.access import Access
from watchword.telemetry.metrics.meter import Meter
from watchword.telemetry.metrics.workers.report import Report, Total
from watchword.telemetry.metrics.workers.worker import Worker


class Outputs:
    """The outputs of one meter. Raises `Unsafe` if what the settings ask for is not installed or cannot be used."""

    def __init__(
        self, meter: Meter, settings: Settings, access: Access, supervisor: str | None = None
    ) -> None:
        """`supervisor` is the address at which the supervisor of several workers gathers their metrics."""
        self.routes: list[BaseRoute] = []
        """The routes to serve."""
        self.requests = meter.requests
        self._meter = meter
        self._sender: Any = None
        self._worker: Worker | None = None
        if settings.for_prometheus:
            self._serve(supervisor, access)
        if settings.for_collector:
            otlp = _load("otlp", "otel")
            self._seconds = otlp.interval()
            self._sender = otlp.Sender(meter.read)

    def open(self, background: Background) -> None:
        """Send metrics, and measure what takes a query, until the background is closed."""
        self._meter.open()
        if self._worker is not None:
            background.start("the reporting of metrics", self._worker.report)
        if self._sender is not None:
            background.every(self._seconds, "the sending of metrics", self._sender.send)

    async def close(self) -> None:
        """Report for the last time, and end the connection to the collector."""
        if self._worker is not None:
            await self._worker.close()
        if self._sender is not None:
            await self._sender.close()

    def _serve(self, supervisor: str | None, access: Access) -> None:
        endpoint = _load("endpoint", "metrics")
        own = endpoint.own()

        def read() -> Report:
            return Report([*self._meter.read()], own())

        async def alone() -> Total:
            report = read()
            return Total(report.readings, {"": report.own})

        self._worker = None if supervisor is None else Worker(supervisor, read)
        scrape = alone if self._worker is None else self._worker.total
        self.routes.append(endpoint.route(scrape, access))


def paths(routes: Iterable[BaseRoute]) -> Iterator[str]:
    """Yield the paths of routes, those with parameters excepted."""
    for route in routes:
        if included := getattr(route, "original_router", None):
            yield from paths(included.routes)
        elif "{" not in (path := getattr(route, "path", "{")):
            yield path


def _load(module: str, extra: str) -> Any:
    try:
        return import_module(f"watchword.telemetry.metrics.{module}")
    except ModuleNotFoundError as error:
        raise Unsafe(
            f"WATCHWORD_METRICS needs {error.name}, which is not installed: pip install 'watchword[{extra}]'"
        ) from error
