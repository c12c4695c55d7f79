"""A run: the servers, and rounds in which each measure takes a sample of each server in turn."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.compare import compare
from benchmarks.home import Home
from benchmarks.measures.measure import Measure
from benchmarks.samples import Samples
from benchmarks.servers import SERVERS, SHARED, Running, Server, running


@dataclass(slots=True)
class Run:
    """What is measured, for `seconds` each time, after `warm` seconds that are not counted."""

    home: Home
    servers: Sequence[str]
    measures: Sequence[Measure]
    rounds: int
    seconds: float
    warm: float
    samples: Samples = field(default_factory=Samples)

    def measure(self) -> None:
        """Start the servers, compare their answers, and measure them in turn in each round.

        Raises `Different` if they do not answer the same.
        """
        with ExitStack() as stack:
            alike = {
                name: stack.enter_context(running(SERVERS[name], self.home))
                for name in self._needed()
                if name in SHARED
            }
            compare(list(alike.values()), self.home)
            others = {
                name: stack.enter_context(running(SERVERS[name], self.home))
                for name in self._needed()
                if name not in SHARED
            }
            self._measure(alike | others)

    def _measure(self, started: dict[str, Running]) -> None:
        for measure in self.measures:
            for name in self._measured(measure):
                if self.warm and not measure.needs_fresh:
                    measure.take(started[name], self.home, self.warm)
        for number in range(self.rounds):
            print(f"round {number + 1} of {self.rounds}", file=sys.stderr, flush=True)
            for measure in self.measures:
                names = list(self._measured(measure))
                for name in names if number % 2 == 0 else names[::-1]:
                    self._sample(measure, SERVERS[name], started)

    def _sample(self, measure: Measure, server: Server, started: dict[str, Running]) -> None:
        with ExitStack() as stack:
            if measure.needs_fresh:
                measured = stack.enter_context(running(server, self.home))
            else:
                measured = started[server.name]
            sample = measure.take(measured, self.home, self.seconds)
        self.samples.titles[measure.name] = measure.title
        self.samples.add(measure.name, server.name, sample)

    def _measured(self, measure: Measure) -> Iterable[str]:
        return (name for name in self.servers if name in measure.servers)

    def _needed(self) -> Iterator[str]:
        # A server that is measured by fresh processes only is not started, unless it is compared.
        for name in self.servers:
            measures = [each for each in self.measures if name in each.servers]
            if name in SHARED or any(not each.needs_fresh for each in measures):
                yield name
