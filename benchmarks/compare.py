"""Compares the servers' answers before anything is measured."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Sequence

from benchmarks.load.http import once
from benchmarks.operations import VIEWER, Operation
from benchmarks.servers import Running


class Different(Exception):
    """A server's answer is not that of the first server; the text names both and the operation."""


def compare(servers: Sequence[Running], operations: Sequence[Operation]) -> None:
    """Raise `Different` if servers answer one of the operations differently.

    Leaves each answer of the first server in OPERATION.json in its home. The shared schema's servers must
    also refuse a token with a bad signature.
    """
    for operation in operations:
        answers = {
            each.server.name: once(each.port, operation.body(), _token(each)) for each in servers
        }
        same(operation.name, answers)
        for each in servers[:1]:
            (each.home.path / f"{operation.name}.json").write_bytes(answers[each.server.name])
    for each in servers:
        if VIEWER in operations:
            _refuses(each, _token(each)[:-8] + "AAAAAAAA")


def _token(running: Running) -> str:
    return running.home.tokens()[3]


def same(operation: str, answers: dict[str, bytes]) -> None:
    """Raise `Different` if the answers differ as JSON."""
    first, expected = next(iter(answers.items()), ("", b""))
    for name, answer in answers.items():
        if json.loads(answer) != json.loads(expected):
            raise Different(
                f"{name} answers {operation} differently from {first}:\n"
                f"{answer[:1000].decode()}\n{expected[:1000].decode()}"
            )


def _refuses(running: Running, token: str) -> None:
    asked = urllib.request.Request(
        f"http://127.0.0.1:{running.port}/graphql",
        VIEWER.body(),
        {"content-type": "application/json", "authorization": f"Bearer {token}"},
    )
    try:
        with urllib.request.urlopen(asked, timeout=30) as response:
            answer = response.read()
    except urllib.error.HTTPError as refusal:
        answer = refusal.read()
    if b'"User ' in answer:
        raise Different(f"{running.server.name} takes a token with a bad signature")
