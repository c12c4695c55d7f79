"""Makes the `Tracing` of an app: with the tracer provider of the app around it, or with one of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from opentelemetry import trace

from watchword.config.settings import Settings
from watchword.errors import Unsafe
from watchword.telemetry.traces.sampling import Budget, Choice, Sampling, choice
from watchword.telemetry.traces.tracing import Details, Tracing

if TYPE_CHECKING:
    from watchword.telemetry.traces.sdk import Provider

DISABLED = "OTEL_SDK_DISABLED"


def tracing(
    settings: Settings,
    now: Callable[[], float],
    environment: Mapping[str, str] = os.environ,
) -> Tracing | None:
    """Return what traces an app; None if nothing is traced.

    A tracer provider that the app around this one has set is used as it is, with its sampler. Raises `Unsafe` if
    OpenTelemetry's SDK is not installed, or cannot be set up as its environment variables say.
    """
    if not settings.traces or environment.get(DISABLED, "").strip().lower() == "true":
        return None
    callers = Budget(settings.traces_callers_per_second, now)
    details = Details(settings.traces_fields, settings.traces_documents)
    theirs = trace.get_tracer_provider()
    if not isinstance(theirs, trace.ProxyTracerProvider):
        return Tracing(theirs, Sampling(Choice(None), callers), details)
    chosen = choice(environment, settings.traces_ratio)
    ours = _own(environment, settings.traces_ratio)
    # So that the spans of resolvers' own tracers belong to it too.
    trace.set_tracer_provider(ours)
    return Tracing(ours, Sampling(chosen, callers), details, ours.farewell, is_own=True)


def _own(environment: Mapping[str, str], ratio: float) -> Provider:
    try:
        from watchword.telemetry.traces.sdk import provider
    except ModuleNotFoundError as error:
        raise Unsafe(
            "WATCHWORD_TRACES needs OpenTelemetry's SDK: pip install 'watchword[otel]'"
        ) from error
    return provider(environment, ratio)
