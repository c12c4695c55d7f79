"""Whether an app is traced, and with whose tracer provider."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from watchword.config.settings import Settings
from watchword.errors import Unsafe
from watchword.telemetry.traces import provider
from watchword.telemetry.traces.tracing import Details

NONE = {"OTEL_TRACES_EXPORTER": "none"}


@pytest.fixture(autouse=True)
def set_providers(monkeypatch: pytest.MonkeyPatch) -> list[TracerProvider]:
    """Keep the global provider from being set in this process; return those that would have been."""
    made: list[TracerProvider] = []
    monkeypatch.setattr(trace, "set_tracer_provider", made.append)
    return made


def settings(**given: Any) -> Settings:
    return Settings(_env_file=None, **{"traces": True, **given})


def now() -> float:
    return 0.0


def test_nothing_is_traced_unless_a_setting_says_so() -> None:
    assert provider.tracing(settings(traces=False), now, NONE) is None
    assert not Settings(_env_file=None).traces


def test_otel_sdk_disabled_counts() -> None:
    for value, is_traced in (("true", False), (" True ", False), ("false", True), ("1", True)):
        environment = {**NONE, "OTEL_SDK_DISABLED": value}
        assert (provider.tracing(settings(), now, environment) is not None) is is_traced


def test_without_another_provider_ours_is_made_and_set(set_providers: list[Any]) -> None:
    made = provider.tracing(settings(traces_ratio=1, traces_fields=True), now, NONE)
    assert made is not None
    assert made.details == Details(fields=True, documents=False)
    assert len(set_providers) == 1
    assert made.begin("a", None, {}).is_recording()


def test_the_provider_of_the_app_around_is_used_with_its_sampler(
    monkeypatch: pytest.MonkeyPatch, set_providers: list[Any]
) -> None:
    theirs = TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: theirs)
    made = provider.tracing(settings(traces_ratio=0), now, {"OTEL_TRACES_EXPORTER": "unknown"})
    assert made is not None
    span: Any = made.begin("a", None, {})
    assert span.is_recording()
    assert span.resource is theirs.resource
    assert set_providers == []


def test_without_the_sdk_the_start_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "watchword.telemetry.traces.sdk", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(Unsafe, match=r"pip install 'watchword\[otel\]'"):
        provider.tracing(settings(), now, NONE)
