"""Readings are written as Prometheus reads them, by the names of OpenTelemetry's rules."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from watchword.telemetry.metrics.histogram import Histogram
from watchword.telemetry.metrics.metric import Kind, Metric, Point, Reading
from watchword.telemetry.metrics.prometheus import OwnMetrics, prometheus_name, write
from watchword.telemetry.metrics.workers.report import Total

REQUESTS = Metric("http.requests", Kind.HISTOGRAM, "s", "Requests.", ("http.route",))
ERRORS = Metric("errors", Kind.COUNTER, "{error}", 'Errors "by code".', ("code",))
KEPT = Metric("kept", Kind.GAUGE, "By", "Memory.")


def total() -> Total:
    own = OwnMetrics().read()
    return Total(readings(), {"": own})


def readings() -> list[Reading]:
    histogram = Histogram((0.5, 1.0))
    for value in (0.1, 0.2, 0.7, 3.0):
        histogram.record(value)
    return [
        Reading(REQUESTS, [Point(histogram.distribution, ("/graphql",))]),
        Reading(ERRORS, [Point(2, ("NOT_FOUND",)), Point(1, ('a"b\\c\nd',))]),
        Reading(KEPT, [Point(17)]),
    ]


def test_each_kind_is_read_back_as_it_was() -> None:
    text, content_type = write(total(), "text/plain")
    assert content_type.startswith("text/plain")
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }
    assert found["http_requests_seconds_bucket", "/graphql", "0.5"] == 2
    assert found["http_requests_seconds_bucket", "/graphql", "1.0"] == 3
    assert found["http_requests_seconds_bucket", "/graphql", "+Inf"] == 4
    assert found["http_requests_seconds_count", "/graphql"] == 4
    assert found["http_requests_seconds_sum", "/graphql"] == pytest.approx(4.0)
    assert found["errors_total", "NOT_FOUND"] == 2
    assert found["errors_total", 'a"b\\c\nd'] == 1
    assert found["kept_bytes",] == 17


def test_the_process_itself_is_measured() -> None:
    text, _ = write(total(), "")
    assert b"\nprocess_resident_memory_bytes " in text
    assert b"\nprocess_cpu_seconds_total " in text


def test_each_worker_has_its_own_memory_and_processor_time() -> None:
    own = OwnMetrics().read()
    text, _ = write(Total([], {"1": own, "2": own}), "text/plain")
    families = [*text_string_to_metric_families(text.decode())]
    memory = [each for each in families if each.name == "process_resident_memory_bytes"]
    assert [each.labels for each in memory[0].samples] == [{"worker": "1"}, {"worker": "2"}]
    # A family that came twice would make the scrape fail.
    assert len({each.name for each in families}) == len(families)


def test_open_metrics_are_written_to_a_prometheus_that_asks_for_them() -> None:
    accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2"
    text, content_type = write(total(), accept)
    assert content_type.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        (REQUESTS, "http_requests_seconds"),
        (ERRORS, "errors"),
        (KEPT, "kept_bytes"),
        (Metric("old.bytes", Kind.GAUGE, "By", ""), "old_bytes"),
    ],
)
def test_a_unit_is_the_end_of_a_name_once(metric: Metric, name: str) -> None:
    assert prometheus_name(metric) == name
