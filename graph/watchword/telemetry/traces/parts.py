"""The parts of a traced or measured app that differ from those of another one. They are chosen when it is built."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from watchword.execution.engine import Engine
from watchword.execution.shared.answers import SharedAnswers
from watchword.storage.database import Database, Publishing
from watchword.telemetry.logged_engine import LoggedEngine
from watchword.telemetry.metrics.operations import MeasuredAnswers, MeasuredEngine, Operations
from watchword.telemetry.traces.answers import TracedAnswers
from watchword.telemetry.traces.operations import TracedEngine, TracedFieldsEngine
from watchword.telemetry.traces.publishing import TracedPublishing
from watchword.telemetry.traces.sockets import TracedConnection
from watchword.telemetry.traces.statements import TracedDatabase
from watchword.telemetry.traces.tracing import Tracing
from watchword.transports.websocket.websocket import SocketConnection

T = TypeVar("T")


class Parts:
    """What makes the parts of an app.

    Those of an app that is traced or measured, or names operations in its log, take the same arguments, and do that
    too.
    """

    def __init__(
        self,
        tracing: Tracing | None = None,
        operations: Operations | None = None,
        *,
        names_operations: bool = False,
    ) -> None:
        self.tracing = tracing
        self.database: Callable[..., Database] = Database
        self.connection: Callable[..., SocketConnection] = SocketConnection
        self.publishing: Callable[[Publishing], Publishing] = lambda publishing: publishing
        engines: list[type[Engine]] = [LoggedEngine] if names_operations else []
        answers: list[type[SharedAnswers]] = []
        measured: dict[str, Any] = {}
        traced: dict[str, Any] = {}
        if operations is not None:
            engines.append(MeasuredEngine)
            answers.append(MeasuredAnswers)
            measured["operations"] = operations
        if tracing is not None:
            engines.append(TracedFieldsEngine if tracing.details.fields else TracedEngine)
            answers.append(TracedAnswers)
            traced["tracing"] = tracing
            self.database = partial(TracedDatabase, tracing=tracing)
            self.connection = partial(TracedConnection, tracing)
            self.publishing = partial(replace, around=TracedPublishing(tracing))
        engine: Callable[..., Engine] = _together(Engine, engines)
        self.engine = partial(engine, **measured, **traced)
        shared: Callable[..., SharedAnswers] = _together(SharedAnswers, answers)
        self.answers = partial(shared, **measured)


def _together(plain: type[T], observing: Sequence[type[T]]) -> type[T]:
    """Return a class that does what all of these do, each around the next one."""
    if len(observing) < 2:
        return observing[0] if observing else plain
    return type(f"Observed{plain.__name__}", tuple(observing), {})
