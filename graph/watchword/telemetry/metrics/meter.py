"""All metrics of one app: the state of its parts, and what is measured beside."""

from __future__ import annotations

from collections.abc import Iterator

from watchword.auth.revocation.follower import RevocationFollower
from watchword.auth.service import AuthService
from watchword.telemetry.metrics import catalogue
from watchword.telemetry.metrics.delays import EVERY_SECONDS, Delays
from watchword.telemetry.metrics.histogram import LARGE_SIZES, Histograms
from watchword.telemetry.metrics.identity import read_identity
from watchword.telemetry.metrics.live import read_live
from watchword.telemetry.metrics.metric import Point, Reading, one
from watchword.telemetry.metrics.operations import Operations
from watchword.telemetry.metrics.requests import Requests
from watchword.telemetry.metrics.work import read_documents, read_execution, read_process
from watchword.throttling.budgets import Rates
from watchword.transports.pipeline import Pipeline


class Meter:
    """Measures operations and requests, and reads everything else when it is asked."""

    def __init__(
        self,
        pipeline: Pipeline,
        auth: AuthService,
        follower: RevocationFollower,
        operations: Operations,
    ) -> None:
        self.requests = Requests()
        self._operations = operations
        self._pipeline = pipeline
        self._auth = auth
        self._follower = follower
        self._spent = Histograms(LARGE_SIZES, len(Rates._fields))
        self._delays = Delays(pipeline.services.event_log)
        follower.on_heard = self._delays.note
        pipeline.services.budgets.on_spent = self._note_spent

    def _note_spent(self, kind: str, cost: float) -> None:
        self._spent.record((f"budget_per_{kind}",), cost)

    def open(self) -> None:
        """Measure how late revocations are, until the background is closed."""
        background = self._pipeline.services.background
        background.every(EVERY_SECONDS, "the measuring of revocations", self._delays.measure)

    def read(self) -> Iterator[Reading]:
        """Read every metric. Does no I/O; call it in the event loop."""
        yield Reading(catalogue.REQUESTS, self.requests.durations.points)
        yield one(catalogue.ACTIVE_REQUESTS, self.requests.active)
        yield Reading(catalogue.OPERATIONS, self._operations.durations.points)
        yield Reading(catalogue.SIZES, self._operations.sizes.points)
        # Without a request since, nothing else has noticed that a minute is over.
        self._pipeline.services.budgets.turn()
        yield Reading(catalogue.SPENT, self._spent.points)
        errors = self._operations.errors.items()
        yield Reading(catalogue.ERRORS, [Point(count, (code,)) for code, count in errors])
        yield from read_live(self._pipeline)
        yield from read_identity(self._auth, self._follower)
        yield Reading(catalogue.REVOCATION_DELAY, [Point(self._delays.histogram.distribution)])
        yield from read_execution(
            self._pipeline.engine, self._pipeline.shared, self._pipeline.services.budgets
        )
        yield from read_documents(self._pipeline.documents)
        yield from read_process(self._pipeline.services)
