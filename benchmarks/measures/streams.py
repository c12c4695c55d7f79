"""Measures what one look at the log costs a process that follows many streams, on SQLite."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from benchmarks.inside.streams import idle_look
from benchmarks.measures.measure import MICRO, State
from benchmarks.samples import Sample
from benchmarks.servers import Running


@dataclass(frozen=True, slots=True)
class Streams:
    """Looks at a log of so many streams, in this process: the server's own look is the same code."""

    size: int
    servers: tuple[str, ...] = ("watchword",)
    state: State = "running"
    asked: None = None

    @property
    def name(self) -> str:
        return f"streams-{self.size}"

    @property
    def title(self) -> str:
        return f"a look at {self.size} streams"

    def take(self, running: Running, seconds: float) -> Sample:
        """Measure the processor time of a look while nothing happens."""
        return {"cpu": asyncio.run(idle_look(self.size)) / 1_000 * MICRO}
