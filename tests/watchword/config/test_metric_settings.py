"""Settings of metrics."""

from __future__ import annotations

import pytest

from watchword.config.settings import Settings, read
from watchword.errors import Unsafe


def test_nothing_is_measured_unless_somebody_asks_for_it() -> None:
    settings = Settings(_env_file=None)
    assert (settings.metrics, settings.for_prometheus, settings.for_collector) == (
        "off",
        False,
        False,
    )


@pytest.mark.parametrize(
    ("metrics", "ways"),
    [("prometheus", (True, False)), ("otlp", (False, True)), ("both", (True, True))],
)
def test_metrics_go_one_way_or_both(metrics: str, ways: tuple[bool, bool]) -> None:
    settings = Settings(_env_file=None, metrics=metrics)
    assert (settings.for_prometheus, settings.for_collector) == ways


@pytest.mark.parametrize("given", ["10.0.0.0/8", '["10.0.0.1/8"]', '["example.com"]', '[""]'])
def test_networks_that_are_none_are_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_METRICS_NETWORKS", given)
    with pytest.raises(Unsafe, match="WATCHWORD_METRICS_NETWORKS must"):
        read()


def test_no_network_may_be_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_METRICS_NETWORKS", "[]")
    assert read().metrics_networks == ()
