"""Logs as JSON: one object in one line for each record."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any, Literal

from opentelemetry.trace import get_current_span

from watchword.formats.exact_json import encode
from watchword.process import log_context
from watchword.process.log_setup import redact


def trace_fields() -> dict[str, str]:
    """Return the ids of the present trace and span, as OpenTelemetry writes them; empty without one."""
    context = get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


class JsonFormatter(logging.Formatter):
    """Formats a record as a JSON object, and hides everything that looks like a secret.

    Members: `time` (RFC 3339, UTC), `level`, `logger`, `message`; `exception` with the traceback; `trace_id` and
    `span_id` of OpenTelemetry; `operation_id`, `operation_name` and `connection_id`.
    """

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        said: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            # Before it becomes JSON: afterwards the quotes of what surrounds a secret are escaped.
            "message": redact(record.getMessage()),
        }
        if record.exc_info:
            said["exception"] = redact(self.formatException(record.exc_info))
        if record.stack_info:
            said["stack"] = redact(self.formatStack(record.stack_info))
        return encode(said | trace_fields() | log_context.fields()).decode()


def formatter(log_format: Literal["text", "json"]) -> logging.Formatter | None:
    """Return the formatter for a setting; None for that of `log_setup`."""
    return JsonFormatter() if log_format == "json" else None
