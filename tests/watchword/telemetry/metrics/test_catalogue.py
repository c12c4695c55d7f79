"""The catalogue names every metric once, as OpenTelemetry and Prometheus want names."""

from __future__ import annotations

import re

import pytest

from watchword.telemetry.metrics.catalogue import ALL
from watchword.telemetry.metrics.metric import Metric
from watchword.telemetry.metrics.prometheus import UNITS, label, prometheus_name

NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+")
LABEL = re.compile(r"[a-z][a-z0-9_]*")
# Attributes that would have a value for each person, token or address.
PERSONAL = {
    "subject",
    "account",
    "session",
    "token",
    "address",
    "user",
    "email",
    "stream",
}


def test_no_two_metrics_have_one_name() -> None:
    assert len({each.name for each in ALL}) == len(ALL)
    assert len({prometheus_name(each) for each in ALL}) == len(ALL)


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_a_metric_is_well_named_and_described(metric: Metric) -> None:
    assert NAME.fullmatch(metric.name)
    assert metric.description.endswith(".")
    assert metric.unit in UNITS or metric.unit == "1" or metric.unit.startswith("{")
    assert all(LABEL.fullmatch(label(each)) for each in metric.attributes)


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_no_metric_has_a_series_for_each_caller(metric: Metric) -> None:
    words = {word for each in metric.attributes for word in each.split(".")}
    assert not words & PERSONAL
