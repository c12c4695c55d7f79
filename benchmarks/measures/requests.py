"""Measures queries and mutations over HTTP: processor time of the server for each, and latencies."""

from __future__ import annotations

from benchmarks.home import Home
from benchmarks.load.http import ask, request
from benchmarks.operations import Operation
from benchmarks.samples import Sample
from benchmarks.servers import Running

MICRO = 1e6


def measure(running: Running, home: Home, operation: Operation, seconds: float) -> Sample:
    """Send the operation for so many seconds with the tokens of all users in turn."""
    requests = [request(operation.body(), token) for token in home.tokens()]
    before = running.cpu()
    answers = ask(running.port, requests, operation.connections, seconds)
    return {
        "cpu": (running.cpu() - before) / len(answers) * MICRO,
        "median": answers.quantile(0.5) * MICRO,
        "p99": answers.quantile(0.99) * MICRO,
        "rate": len(answers) / answers.seconds,
    }
