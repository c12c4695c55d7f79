"""What every measure has."""

from __future__ import annotations

from typing import Protocol

from benchmarks.samples import Sample
from benchmarks.servers import Running

MICRO = 1e6


class Measure(Protocol):
    """Takes one sample of one server.

    `servers` names the servers that it measures beside those of the schema that all share; `needs_fresh`
    says that each sample needs a process of its own.
    """

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def servers(self) -> tuple[str, ...]: ...

    @property
    def needs_fresh(self) -> bool: ...

    def take(self, running: Running, seconds: float) -> Sample:
        """Measure a server for so long, and return the figures."""
