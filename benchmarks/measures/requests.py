"""Measures queries and mutations over HTTP: processor time of the server for each, and latencies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, cycle

from benchmarks.load.http import ask, request
from benchmarks.measures.measure import MICRO, State
from benchmarks.operations import Operation
from benchmarks.samples import Sample
from benchmarks.servers import ALIKE, Running

# Numbers of documents, none of which comes twice in a run.
NUMBERS = count(1)


@dataclass(frozen=True, slots=True)
class Requests:
    """Sends one operation with the tokens of all users in turn."""

    asked: Operation
    servers: tuple[str, ...] = ALIKE
    state: State = "warm"
    place: str = ""

    @property
    def name(self) -> str:
        return f"{self.asked.name}-{self.place}" if self.place else self.asked.name

    @property
    def title(self) -> str:
        return f"{self.asked.title}, {self.place}" if self.place else self.asked.title

    def take(self, running: Running, seconds: float) -> Sample:
        """Send requests for so long."""
        body = self.asked.body()
        requests = [request(body, token) for token in running.home.tokens()]
        return sample(running, cycle(requests), self.asked.connections, seconds)


@dataclass(frozen=True, slots=True)
class NewDocuments:
    """Sends documents that the server has never seen, and takes off what seen ones cost."""

    asked: Operation
    # Strawberry and Ariadne parse and validate each request anyway: the difference would be noise.
    servers: tuple[str, ...] = ("watchword", "mercurius", "yoga", "apollo", "tuned", "core")
    state: State = "running"
    name: str = "document"
    title: str = "a document never seen before"

    def take(self, running: Running, seconds: float) -> Sample:
        """Send a seen document for half of the time, and new ones for the other half."""
        tokens, body = running.home.tokens(), self.asked.body()
        seen = [request(body, token) for token in tokens]
        new = (request(self.asked.renamed(number), tokens[0]) for number in NUMBERS)
        ask(running.port, cycle(seen), self.asked.connections, 0)
        known = sample(running, cycle(seen), self.asked.connections, seconds / 2)
        found = sample(running, new, self.asked.connections, seconds / 2)
        return {"cpu": found["cpu"] - known["cpu"], "median": found["median"], "p99": found["p99"]}


@dataclass(frozen=True, slots=True)
class Documents:
    """Sends so many different documents in turn."""

    name: str
    title: str
    asked: Operation
    number: int
    servers: tuple[str, ...] = ALIKE
    state: State = "running"

    def take(self, running: Running, seconds: float) -> Sample:
        """Send every document twice, because some servers compile it at its second use; then all in turn for so long."""
        token = running.home.tokens()[0]
        different = [request(self.asked.renamed(n), token) for n in range(self.number)]
        requests, connections = cycle(different), self.asked.connections
        for _ in range(0, 2 * self.number, connections):
            ask(running.port, requests, connections, 0)
        return sample(running, requests, connections, seconds)


def sample(running: Running, requests: Iterator[bytes], connections: int, seconds: float) -> Sample:
    """Send requests over so many connections for so long, and return the figures."""
    before = running.cpu()
    answers = ask(running.port, requests, connections, seconds)
    return {
        "cpu": (running.cpu() - before) / len(answers) * MICRO,
        "median": answers.quantile(0.5) * MICRO,
        "p99": answers.quantile(0.99) * MICRO,
        "rate": len(answers) / answers.seconds,
    }
