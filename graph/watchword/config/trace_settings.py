"""Settings of traces. `Settings` in settings.py inherits them, reads them and checks them."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class TraceSettings(BaseSettings):
    """What is traced, and how much of it."""

    traces: bool = Field(
        False,
        description="Whether to record traces and export them with OpenTelemetry; needs watchword[otel]. The"
        " OTEL_… variables say where to.",
    )
    traces_ratio: float = Field(
        0.01,
        ge=0,
        le=1,
        description="Which share of the requests and operations is traced. OTEL_TRACES_SAMPLER, if it is set, counts"
        " instead.",
    )
    traces_callers_per_second: float = Field(
        10,
        ge=0,
        le=100_000,
        description="How many requests in a second a process traces because their traceparent says that their caller"
        " does; of all beyond that, WATCHWORD_TRACES_RATIO is traced. With 0, no traceparent counts.",
    )
    traces_fields: bool = Field(
        False,
        description="Whether the resolvers of traced operations get spans, at most 200 for each execution. These"
        " operations are run by graphql-core's interpreter.",
    )
    traces_documents: bool = Field(
        False,
        description="Whether the spans of operations get their documents, with each number and string in them hidden.",
    )
