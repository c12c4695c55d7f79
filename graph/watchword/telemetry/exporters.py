"""OpenTelemetry's exporters, found by their entry points as its environment variables name them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any, Literal

from watchword.errors import Unsafe

PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
HTTP = "http/protobuf"
OTLP = {HTTP: "otlp_proto_http", "grpc": "otlp_proto_grpc"}

Signal = Literal["traces", "metrics"]


def exporter(signal: Signal, name: str, environment: Mapping[str, str]) -> Any:
    """Return a new exporter of this name; `otlp` goes by the protocol that the environment names, or by HTTP.

    Raises `Unsafe` if it is not installed.
    """
    own = f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL"
    if name == "otlp":
        protocol = environment.get(own) or environment.get(PROTOCOL) or HTTP
        name = OTLP.get(protocol, protocol)
    found = [*entry_points(group=f"opentelemetry_{signal}_exporter", name=name)]
    if not found:
        choice = (
            "" if signal == "metrics" else "set OTEL_TRACES_EXPORTER to otlp, console or none, and "
        )
        raise Unsafe(
            f"There is no exporter of {signal} named {name!r}: install its package, or {choice}set {PROTOCOL} to {HTTP}."
        )
    return found[0].load()()
