"""The name of this process in the telemetry that it sends. Needs `watchword[otel]`."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version

from opentelemetry.sdk.resources import Resource


@cache
def resource() -> Resource:
    """Return the resource of this process: its name and its version, and the id that the SDK gives each process.

    `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` have precedence.
    """
    ours = {"service.name": "watchword", "service.version": version("watchword")}
    named = Resource.create()
    # The SDK calls a service without a name "unknown_service".
    given = {
        name: value
        for name, value in named.attributes.items()
        if not str(value).startswith("unknown_service")
    }
    return Resource({**ours, **given}, named.schema_url)
