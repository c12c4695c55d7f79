"""What every measure has."""

from __future__ import annotations

from typing import Literal, Protocol

from benchmarks.operations import Operation, Subscription
from benchmarks.samples import Sample
from benchmarks.servers import Running

MICRO = 1e6
State = Literal["warm", "running", "fresh"]


class Measure(Protocol):
    """Takes one sample of one server.

    `servers` names the servers that it measures. `state` says what a sample needs: a server that has been
    asked the same before, one that runs, or a new process. `asked` is what it asks them, None if nothing: their
    answers are compared before.
    """

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def servers(self) -> tuple[str, ...]: ...

    @property
    def state(self) -> State: ...

    @property
    def asked(self) -> Operation | Subscription | None: ...

    def take(self, running: Running, seconds: float) -> Sample:
        """Measure a server for so long, and return the figures."""
