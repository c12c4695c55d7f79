"""A tracer provider of our own, set up by OpenTelemetry's environment variables. Imported only if it is needed."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import (
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span
from opentelemetry.util.types import Attributes

from watchword.telemetry.exporters import exporter
from watchword.telemetry.resource import resource
from watchword.telemetry.traces.sampling import SAMPLER
from watchword.telemetry.traces.tracing import CHOSEN, is_traced

log = logging.getLogger("watchword.telemetry")

# Seconds for sending the last spans when the app closes.
FAREWELL_SECONDS = 3.0
EXPORTER = "OTEL_TRACES_EXPORTER"


class Chosen(Sampler):
    """Samples what `Tracing` has chosen, and below it everything; nothing in what was left out. Asks another sampler
    about the roots of others."""

    def __init__(self, others: Sampler) -> None:
        self._others = others

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        above = get_current_span(parent_context).get_span_context()
        is_chosen = parent_context is not None and CHOSEN in parent_context
        is_root = above.is_remote or not above.is_valid
        if not is_chosen and is_root and is_traced() is not False:
            return self._others.should_sample(
                parent_context, trace_id, name, kind, attributes, links, trace_state
            )
        is_sampled = is_chosen or (above.trace_flags.sampled and not is_root)
        decision = Decision.RECORD_AND_SAMPLE if is_sampled else Decision.DROP
        return SamplingResult(decision, attributes if is_sampled else None, above.trace_state)

    def get_description(self) -> str:
        return f"Watchword{{{self._others.get_description()}}}"


class Provider(TracerProvider):
    """A provider that sends its spans before the process ends, or gives them up after a time.

    The SDK's own `force_flush` and `shutdown` wait until the exporter has given up, which takes ten seconds for each
    batch if the collector is away.
    """

    def __init__(
        self, sampler: Sampler, resource: Resource, exporters: Sequence[SpanExporter]
    ) -> None:
        super().__init__(sampler=sampler, resource=resource, shutdown_on_exit=False)
        self._exporters = exporters
        for each in exporters:
            self.add_span_processor(BatchSpanProcessor(each))

    async def farewell(self) -> None:
        """Send the spans that have ended; give up after a few seconds. Afterwards nothing is sent if it gave up."""
        loop, is_sent = asyncio.get_running_loop(), asyncio.Event()

        def flush() -> None:
            try:
                self.force_flush()
            finally:
                with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                    loop.call_soon_threadsafe(is_sent.set)

        # A daemon: the process must not wait for it at its end.
        threading.Thread(target=flush, name="the last spans", daemon=True).start()
        try:
            async with asyncio.timeout(FAREWELL_SECONDS):
                await is_sent.wait()
        except TimeoutError:
            log.warning("the last spans could not be sent in %g s", FAREWELL_SECONDS)
            for exporter in self._exporters:
                exporter.shutdown()


def provider(environment: Mapping[str, str], ratio: float) -> Provider:
    """Return a provider that exports as the environment says. Spans of others are sampled as it says too, or else by
    this ratio. Raises `Unsafe` for an exporter that is not installed."""
    others: Sampler = ParentBased(TraceIdRatioBased(ratio))
    if environment.get(SAMPLER, "").strip():
        others = TracerProvider(shutdown_on_exit=False).sampler
    return Provider(Chosen(others), resource(), _exporters(environment))


def _exporters(environment: Mapping[str, str]) -> list[SpanExporter]:
    named = environment.get(EXPORTER, "").strip() or "otlp"
    names = [name.strip() for name in named.split(",")]
    return [exporter("traces", name, environment) for name in names if name != "none"]
