"""OpenTelemetry's API has the private part that is used."""

from __future__ import annotations

from opentelemetry.context import attach, detach, get_current, set_value

from watchword.libraries.opentelemetry_parts import current_context


def test_the_current_context_is_read_without_a_function_of_opentelemetry() -> None:
    assert current_context is not get_current
    token = attach(set_value("a key", "a value"))
    try:
        assert current_context() is get_current()
        assert current_context()["a key"] == "a value"
    finally:
        detach(token)
