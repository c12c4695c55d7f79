"""Compares the servers' answers before anything is measured."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence

from benchmarks.load.crowd import TEXT, Crowd, Subscriber
from benchmarks.load.http import once
from benchmarks.operations import VIEWER, Operation, Subscription
from benchmarks.servers import Running

# A server interprets an operation at its first use, compiles it at the second, and keeps its answer from then on.
USES = 3
# Subscribers of different users whose events are compared.
SUBSCRIBERS = 3
EVENTS = 2
# When an event was published.
STAMP = re.compile(rb'"T\d{20}')


class Different(Exception):
    """A server's answer is not that of the first server; the text names both and the operation."""


def compare(
    servers: Sequence[Running], asked: Operation | Subscription, measured: Collection[str]
) -> None:
    """Raise `Different` if servers answer an operation differently, or get different events of a subscription.

    `measured` names the servers that are measured with it. Leaves the answer of the first server to an operation
    in OPERATION.json in its home.
    """
    if isinstance(asked, Subscription):
        same(asked.query, _each(servers, lambda running: _events(running, asked)))
        return
    for _ in range(USES):
        answers = _each(servers, lambda running: _answer(running, asked, measured))
        same(asked.name, answers)
    for each in servers[:1]:
        (each.home.path / f"{asked.name}.json").write_bytes(answers[each.server.name])


def _each(servers: Sequence[Running], ask: Callable[[Running], bytes]) -> dict[str, bytes]:
    return {each.server.name: ask(each) for each in servers}


def _answer(running: Running, asked: Operation, measured: Collection[str]) -> bytes:
    like = asked.like
    sent = like if like and running.server.name not in measured else asked
    answer = once(running.port, sent.body(), _token(running))
    return answer if like is None else json.dumps([*json.loads(answer)["data"].values()]).encode()


def _events(running: Running, asked: Subscription) -> bytes:
    """Return what subscribers of different users get of a few events, as JSON."""
    tokens = running.home.tokens(asked.classes)
    heard = _Heard(running.port, tokens)
    heard.connect([asked.of(number) for number in range(SUBSCRIBERS)])
    heard.go_live()
    heard.events.clear()
    heard.hear(EVENTS)
    heard.close()
    return json.dumps([heard.events[token] for token in tokens[:SUBSCRIBERS]]).encode()


class _Heard(Crowd):
    """A few subscribers, and what each got, by its token."""

    def __init__(self, port: int, tokens: list[str]) -> None:
        super().__init__(port, tokens)
        self.events: defaultdict[str, list[dict[str, object]]] = defaultdict(list)

    def _take(self, subscriber: Subscriber, opcode: int, payload: bytes) -> None:
        super()._take(subscriber, opcode, payload)
        if opcode == TEXT and STAMP.search(payload):
            got = json.loads(STAMP.sub(b'"T', payload))["payload"]
            got.pop("extensions", None)
            self.events[subscriber.token].append(got)


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


def check_refusal(running: Running) -> None:
    """Raise `Different` if a server of the shared schema takes a token with a bad signature."""
    token = _token(running)[:-8] + "AAAAAAAA"
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
