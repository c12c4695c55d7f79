"""What the Python peers share: the data, the check of tokens, and a queue for each subscriber.

`BENCH_HOME` is the folder that benchmarks/home.py has written.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_public_key

HOME = Path(os.environ["BENCH_HOME"])
TRUST = json.loads((HOME / "trust.json").read_text())
# Read once: PyJWT would parse the text of the key for each token, as it does not with a key set.
KEY = load_pem_public_key(TRUST["key"].encode())
REQUIRED = ["exp", "nbf", "iss", "aud", "sub"]
# The most remembered tokens; the measured servers get 200 different ones.
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Person:
    """The person that a token speaks for."""

    id: str
    name: str
    roles: list[str]
    scopes: frozenset[str]
    expires_at: float


def verified(authorization: str | None) -> Person | None:
    """Check a bearer token as PyJWT's documentation shows; return None for a bad one."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme != "Bearer":
        return None
    try:
        claims = jwt.decode(
            token,
            KEY,
            algorithms=["RS256"],
            audience=TRUST["audience"],
            issuer=TRUST["issuer"],
            options={"require": REQUIRED},
        )
    except jwt.PyJWTError:
        return None
    scopes = frozenset(claims["scope"].split())
    return Person(claims["sub"], claims["name"], claims["roles"], scopes, claims["exp"])


_remembered: dict[str, Person] = {}


def remembered(authorization: str | None) -> Person | None:
    """Check a bearer token, but each token's signature only once."""
    if authorization is None:
        return None
    person = _remembered.get(authorization)
    if person is not None and person.expires_at > time.time():
        return person
    person = verified(authorization)
    if person is not None and len(_remembered) < MOST:
        _remembered[authorization] = person
    return person


class Bus:
    """Passes events on through a queue for each subscriber, as the tutorials do."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Any]] = set()

    def publish(self, event: Any) -> None:
        for queue in self._queues:
            queue.put_nowait(event)

    async def subscribe(self) -> AsyncIterator[Any]:
        queue: asyncio.Queue[Any] = asyncio.Queue()
        self._queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._queues.discard(queue)

    async def publish_many(self, make: Callable[[str], Any], times: int, rate: float) -> int:
        """Publish `times` events, `rate` a second, or one for each turn of the loop if it is 0."""
        began = time.monotonic()
        for number in range(times):
            due = began + number / rate - time.monotonic() if rate else 0
            await asyncio.sleep(max(0, due))
            self.publish(make(stamped()))
        return times


def stamped() -> str:
    """Return an event's body, which says when it was published."""
    return f"T{time.monotonic_ns():020d} we are looking into it"


class Data:
    """The data of data.json, as objects of the given classes."""

    def __init__(
        self,
        user: Callable[..., Any],
        service: Callable[..., Any],
        incident: Callable[..., Any],
        update: Callable[..., Any],
    ) -> None:
        read = json.loads((HOME / "data.json").read_text())
        self.users = {row["id"]: user(**row) for row in read["users"]}
        self.services = {row["id"]: service(**row) for row in read["services"]}
        self.incidents = [
            incident(**{**row, "posted": [update(**each) for each in row["posted"]]})
            for row in read["incidents"]
        ]
        self.by_id = {each.id: each for each in self.incidents}
