"""The page of metrics: the catalogue, with the names that Prometheus shows."""

from __future__ import annotations

from docs.generator import markdown
from docs.generator.markdown import code, table
from watchword.telemetry.metrics.catalogue import ALL
from watchword.telemetry.metrics.metric import Kind, Metric
from watchword.telemetry.metrics.prometheus import label, prometheus_name

ABOUT = """\
What `/metrics` shows and OTLP sends; see [metrics, logs and health](../how-to/metrics.md). OpenTelemetry's names are the
same with dots: `watchword.errors` is `watchword_errors_total` in Prometheus. `/metrics` adds up the processes of
`serve --workers`; by OTLP each process sends its own. No label has a value
for each caller, token or address. `/metrics` also has the processor time, memory, open files and garbage collections of
the process (`process_…`, `python_gc_…`)."""
ENDINGS = {Kind.COUNTER: "_total", Kind.GAUGE: "", Kind.HISTOGRAM: "_bucket"}


def page() -> str:
    """Return the page."""
    head = ["in Prometheus", "kind", "labels", "what it is"]
    return markdown.page("Metrics", ABOUT, table(head, map(_row, ALL)))


def _row(metric: Metric) -> list[str]:
    labels = ", ".join(code(label(each)) for each in metric.attributes)
    name = prometheus_name(metric) + ENDINGS[metric.kind]
    return [code(name), metric.kind.value, labels, metric.description]
