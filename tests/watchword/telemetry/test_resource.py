"""A process is named in its telemetry, and an operator may name it otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from watchword.telemetry.resource import resource


@pytest.fixture(autouse=True)
def _read_again() -> Iterator[None]:
    """The resource of a process is made once."""
    resource.cache_clear()
    yield
    resource.cache_clear()


def test_a_process_has_a_name_a_version_and_an_id_of_its_own() -> None:
    found = resource().attributes
    assert found["service.name"] == "watchword"
    assert found["service.version"]
    assert found["service.instance.id"]


def test_the_standard_variables_have_precedence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "incidents")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging")
    found = resource().attributes
    assert found["service.name"] == "incidents"
    assert found["deployment.environment.name"] == "staging"
