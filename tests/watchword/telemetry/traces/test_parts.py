"""The parts of an app, chosen when it is built."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from opentelemetry import trace

from tests.support.spans import Recorder
from tests.support.toy_app import MOUNT
from watchword.app import create_app
from watchword.config.settings import Settings
from watchword.events.log.event_log import EventLog
from watchword.execution.engine import Engine
from watchword.execution.plan import Planner
from watchword.execution.shared.answers import SharedAnswers
from watchword.storage.database import Database, Publishing
from watchword.telemetry.logged_engine import LoggedEngine
from watchword.telemetry.metrics.operations import MeasuredAnswers, MeasuredEngine
from watchword.telemetry.traces.answers import TracedAnswers
from watchword.telemetry.traces.operations import TracedEngine
from watchword.telemetry.traces.parts import Parts
from watchword.telemetry.traces.requests import TracedRequests
from watchword.telemetry.traces.statements import TracedDatabase
from watchword.transports.websocket.websocket import SocketConnection


def in_front(entry: object) -> list[type]:
    """Return the classes of the middleware in front of an app."""
    found = []
    while (
        inner := getattr(middleware := getattr(entry, "__self__", None), "_app", None)
    ) is not None:
        found.append(type(middleware))
        entry = inner
    return found


def test_an_app_that_is_not_traced_is_made_of_the_plain_parts() -> None:
    app = create_app(Settings(_env_file=None), MOUNT)
    pipeline = app.pipeline
    assert type(pipeline.engine) is Engine
    assert type(pipeline.engine.planner) is Planner
    assert type(pipeline.shared) is SharedAnswers
    assert type(pipeline.services.database) is Database
    assert pipeline.services.database.publishing.around is None
    assert TracedRequests not in in_front(app._entry)
    parts = Parts()
    assert parts.connection is SocketConnection
    assert parts.publishing(publishing := Publishing()) is publishing


def test_an_app_that_is_traced_is_made_of_parts_that_record() -> None:
    app = create_app(Settings(_env_file=None), MOUNT, tracing=Recorder().tracing)
    assert type(app.pipeline.engine) is TracedEngine
    assert type(app.pipeline.services.database) is TracedDatabase
    assert isinstance(app.pipeline.services.event_log, EventLog)
    assert app.pipeline.services.database.publishing.around is not None
    assert TracedRequests in in_front(app._entry)


def test_an_app_may_be_traced_and_measured_and_name_its_operations() -> None:
    settings = Settings(_env_file=None, metrics="prometheus", log_format="json")
    app = create_app(settings, MOUNT, tracing=Recorder().tracing)
    engine = app.pipeline.engine
    assert isinstance(engine, TracedEngine)
    assert isinstance(engine, MeasuredEngine)
    assert isinstance(engine, LoggedEngine)
    assert isinstance(app.pipeline.shared, MeasuredAnswers)
    assert isinstance(app.pipeline.shared, TracedAnswers)


def test_fastapi_records_nothing_by_itself_whatever_provider_the_process_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    provider = Recorder().provider
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    assert FastAPI()._native_telemetry.enabled()
    app = create_app(Settings(_env_file=None), MOUNT)
    assert not app._native_telemetry.enabled()
    assert not app._telemetry["auto_configure"]
