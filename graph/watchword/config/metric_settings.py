"""Settings of metrics. `Settings` in settings.py inherits them, reads them and checks them."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

from watchword.config.auth_settings import json_list


class MetricSettings(BaseSettings):
    """How this process is measured, and from where that may be read."""

    metrics: Literal["off", "prometheus", "otlp", "both"] = Field(
        "off",
        description="Whether to measure, and who gets the metrics: Prometheus, which reads them at /metrics (needs"
        " watchword[metrics]), or an OpenTelemetry collector, to which they are sent (needs watchword[otel];"
        " OTEL_EXPORTER_OTLP_ENDPOINT and OpenTelemetry's other variables say where to and how often).",
    )
    metrics_networks: Annotated[tuple[str, ...], NoDecode] = Field(
        ("127.0.0.0/8", "::1/128"),
        description="Networks from which /metrics may be read without a token, as JSON:"
        ' ["10.0.0.0/8"]. From elsewhere it takes a token with the scope metrics:read. The same callers see at'
        " /health/ready why something is not well.",
    )

    @property
    def for_prometheus(self) -> bool:
        """Whether /metrics is served."""
        return self.metrics in ("prometheus", "both")

    @property
    def for_collector(self) -> bool:
        """Whether metrics are sent by OTLP."""
        return self.metrics in ("otlp", "both")

    @field_validator("metrics_networks", mode="before")
    @classmethod
    def _networks_are_a_json_list(cls, items: Any) -> Any:
        return json_list(items)

    @field_validator("metrics_networks")
    @classmethod
    def _networks_are_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for each in networks:
            try:
                ip_network(each)
            except ValueError as error:
                raise ValueError(f"must hold networks such as 10.0.0.0/8: {error}") from None
        return networks
