"""A run: the servers, and rounds in which each measure takes a sample of each server in turn."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field

from benchmarks.compare import check_refusal, compare
from benchmarks.home import Home
from benchmarks.measures.measure import Measure
from benchmarks.operations import LIST, Operation, Subscription
from benchmarks.samples import Samples
from benchmarks.servers import FLOORS, SERVERS, Running, Server, running


@dataclass(slots=True)
class Run:
    """What is measured, for `seconds` each time, after `warm` seconds that are not counted.

    `keep` is called after each round, because a run may be stopped before the last one.
    """

    homes: Mapping[str, Home]
    servers: Sequence[str]
    measures: Sequence[Measure]
    rounds: int
    seconds: float
    warm: float
    samples: Samples = field(default_factory=Samples)
    keep: Callable[[Samples], object] = lambda samples: None

    def measure(self) -> None:
        """Start the servers, compare their answers, and measure them in turn in each round.

        Raises `Different` if they do not answer the same.
        """
        with ExitStack() as stack:
            started = {
                name: stack.enter_context(self._running(name))
                for name in self._needed()
                if name not in FLOORS
            }
            self._compare(started)
            # They answer what was compared.
            floors = [name for name in self._needed() if name in FLOORS]
            started |= {name: stack.enter_context(self._running(name)) for name in floors}
            self._measure(started)

    def _compare(self, started: dict[str, Running]) -> None:
        """Compare all answers that are measured, among the servers of a place."""
        for place in self.homes:
            alike = [each for each in started.values() if each.server.place == place]
            for asked in self._asked(place):
                compare(alike, asked, self._servers(asked))
            for each in alike if not place else ():
                check_refusal(each)

    def _asked(self, place: str) -> list[Operation | Subscription]:
        """Return what the servers of a place are asked. The shared schema's list is what a constant is made of."""
        found: list[Operation | Subscription] = [] if place else [LIST]
        for measure in self.measures:
            is_here = any(SERVERS[name].place == place for name in measure.servers)
            if is_here and measure.asked is not None and measure.asked not in found:
                found.append(measure.asked)
        return found

    def _servers(self, asked: Operation | Subscription) -> set[str]:
        """Return the servers that are measured with an operation."""
        return {name for each in self.measures if each.asked == asked for name in each.servers}

    def _measure(self, started: dict[str, Running]) -> None:
        for measure in self.measures:
            for name in self._measured(measure):
                if self.warm and measure.state == "warm":
                    measure.take(started[name], self.warm)
        for number in range(self.rounds):
            print(f"round {number + 1} of {self.rounds}", file=sys.stderr, flush=True)
            for measure in self.measures:
                names = self._measured(measure)
                for name in names if number % 2 == 0 else names[::-1]:
                    self._sample(measure, SERVERS[name], started)
            self.keep(self.samples)

    def _sample(self, measure: Measure, server: Server, started: dict[str, Running]) -> None:
        with ExitStack() as stack:
            if measure.state == "fresh":
                measured = stack.enter_context(self._running(server.name))
            else:
                measured = started[server.name]
            sample = measure.take(measured, self.seconds)
        self.samples.titles[measure.name] = measure.title
        self.samples.add(measure.name, server.name, sample)

    def _running(self, name: str) -> AbstractContextManager[Running]:
        server = SERVERS[name]
        return running(server, self.homes[server.place])

    def _measured(self, measure: Measure) -> list[str]:
        return [name for name in self.servers if name in measure.servers]

    def _needed(self) -> list[str]:
        # A server that fresh processes alone are measured of is not started, unless it is compared.
        return [
            name
            for name in self.servers
            if any(
                name in measure.servers and (_is_compared(name) or measure.state != "fresh")
                for measure in self.measures
            )
        ]


def _is_compared(name: str) -> bool:
    return not SERVERS[name].place and name not in FLOORS
