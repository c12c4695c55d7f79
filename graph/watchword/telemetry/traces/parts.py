"""The parts of a traced or measured app that differ from those of another one. They are chosen when it is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from watchword.execution.engine import Engine
from watchword.execution.shared.answers import SharedAnswers
from watchword.storage.database import Database, Publishing
from watchword.telemetry.metrics.operations import MeasuredAnswers, MeasuredEngine, Operations
from watchword.telemetry.traces.answers import TracedAnswers
from watchword.telemetry.traces.operations import TracedEngine, TracedFieldsEngine
from watchword.telemetry.traces.publishing import TracedPublishing
from watchword.telemetry.traces.sockets import TracedConnection
from watchword.telemetry.traces.statements import TracedDatabase
from watchword.telemetry.traces.tracing import Tracing
from watchword.transports.websocket.websocket import SocketConnection


class _MeasuredTracedEngine(MeasuredEngine, TracedEngine):
    """An engine that does both."""


class _MeasuredTracedAnswers(MeasuredAnswers, TracedAnswers):
    """Shared answers that do both."""


class Parts:
    """What makes the parts of an app. Those of a traced or measured one take the same arguments, and record spans or
    durations."""

    def __init__(
        self, tracing: Tracing | None = None, operations: Operations | None = None
    ) -> None:
        self.tracing = tracing
        self.database: Callable[..., Database] = Database
        self.engine: Callable[..., Engine] = Engine
        self.answers: Callable[..., SharedAnswers] = SharedAnswers
        self.connection: Callable[..., SocketConnection] = SocketConnection
        self.publishing: Callable[[Publishing], Publishing] = lambda publishing: publishing
        if tracing is not None:
            self.database = partial(TracedDatabase, tracing=tracing)
            engine = TracedFieldsEngine if tracing.details.fields else TracedEngine
            self.engine = partial(engine, tracing=tracing)
            self.answers = TracedAnswers
            self.connection = partial(TracedConnection, tracing)
            self.publishing = partial(replace, around=TracedPublishing(tracing))
        if operations is not None:
            self._measure(operations)

    def _measure(self, operations: Operations) -> None:
        if self.tracing is None:
            self.engine = partial(MeasuredEngine, operations=operations)
            self.answers = partial(MeasuredAnswers, operations=operations)
        else:
            engine = partial(_MeasuredTracedEngine, tracing=self.tracing)
            self.engine = partial(engine, operations=operations)
            self.answers = partial(_MeasuredTracedAnswers, operations=operations)
