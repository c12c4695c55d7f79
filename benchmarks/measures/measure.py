"""What every measure has."""

from __future__ import annotations

from typing import Literal, Protocol

from benchmarks.samples import Sample
from benchmarks.servers import Running

MICRO = 1e6
State = Literal["warm", "running", "fresh"]


class Measure(Protocol):
    """Takes one sample of one server.

    `servers` names the servers that it measures. `state` says what a sample needs: a server that has been
    asked the same before, one that runs, or a new process.
    """

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def servers(self) -> tuple[str, ...]: ...

    @property
    def state(self) -> State: ...

    def take(self, running: Running, seconds: float) -> Sample:
        """Measure a server for so long, and return the figures."""
