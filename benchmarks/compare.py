"""Compares the servers' answers before anything is measured."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Sequence

from benchmarks.home import Home
from benchmarks.load.http import once
from benchmarks.operations import COMPARED, LIST, VIEWER
from benchmarks.servers import Running


class Different(Exception):
    """A server's answer is not that of the first server; the text names both and the operation."""


def compare(servers: Sequence[Running], home: Home) -> None:
    """Raise `Different` if servers answer differently, or if one of them takes a bad token.

    Leaves the answer to the list of incidents in answer.json, for the server that returns a constant.
    """
    token = home.tokens()[3]
    for operation in COMPARED:
        answers = {
            running.server.name: once(running.port, operation.body(), token) for running in servers
        }
        _same(operation.name, answers)
        if operation is LIST:
            (home.path / "answer.json").write_bytes(next(iter(answers.values())))
    for running in servers:
        _refuses(running, token[:-8] + "AAAAAAAA")


def _same(operation: str, answers: dict[str, bytes]) -> None:
    first, expected = next(iter(answers.items()))
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
