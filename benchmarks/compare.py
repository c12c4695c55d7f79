"""Compares the servers' answers before anything is measured."""

from __future__ import annotations

import json
import urllib.request

from benchmarks.home import Home
from benchmarks.load.http import once
from benchmarks.operations import OPERATIONS
from benchmarks.servers import Running


class Different(Exception):
    """A server's answer is not that of the first server; the text names both and the operation."""


def compare(servers: list[Running], home: Home) -> None:
    """Raise `Different` if servers answer differently, or if one of them takes a bad token."""
    token = home.tokens()[3]
    for operation in OPERATIONS.values():
        answers = {
            running.server.name: json.loads(once(running.port, operation.body(), token))
            for running in servers
            if not operation.only or running.server.name in operation.only
        }
        _same(operation.name, answers)
    for running in servers:
        _refuses(running, token[:-8] + "AAAAAAAA")


def _same(operation: str, answers: dict[str, object]) -> None:
    if not answers:
        return
    first, expected = next(iter(answers.items()))
    for name, answer in answers.items():
        if answer != expected:
            raise Different(
                f"{name} answers {operation} differently from {first}:\n"
                f"{json.dumps(answer)[:1000]}\n{json.dumps(expected)[:1000]}"
            )


def _refuses(running: Running, token: str) -> None:
    asked = urllib.request.Request(
        f"http://127.0.0.1:{running.port}/graphql",
        OPERATIONS["viewer"].body(),
        {"content-type": "application/json", "authorization": f"Bearer {token}"},
    )
    try:
        with urllib.request.urlopen(asked, timeout=30) as response:
            answer = response.read()
    except urllib.error.HTTPError as refusal:
        answer = refusal.read()
    if b'"User ' in answer:
        raise Different(f"{running.server.name} takes a token with a bad signature")
