"""Adapters of watchword-client at work, in one script: what each of them has heard."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from tests.clients.script import Script, Step
from tests.support.site import Site

ADAPTERS = ("apollo", "urql", "relay", "graphql-ws", "tanstack-query")


def address(kind: str) -> str:
    """Return the address of the person who uses an adapter."""
    return f"{kind}@example.com"


def number(name: str) -> str:
    """Return the number of an incident of a site's."""
    return name.split()[-1]


class Crowd:
    """Tells a script what all of its adapters do, and keeps what each is told."""

    def __init__(self, script: Script, site: Site, kinds: Iterable[str]) -> None:
        self.kinds = tuple(kinds)
        self.heard: dict[tuple[str, str], list[str]] = defaultdict(list)
        """What came on a stream of an adapter, in order: incidents' numbers and notes, and the code of the end."""
        self.shown: dict[str, Any] = {}
        """What an adapter's query shows last."""
        self.steps: Counter[tuple[str, str]] = Counter()
        self._script, self._site = script, site

    def tell(self, do: str, **options: Any) -> None:
        """Let every adapter do something."""
        self._script.tell(do, **options)

    @asynccontextmanager
    async def expecting(self, step: str, times: int = 1) -> AsyncIterator[None]:
        """Wait at the end of the block until every adapter has reported a step so often since its beginning."""
        before = self.steps.copy()
        yield
        await self.until(lambda kind: self.steps[kind, step] >= before[kind, step] + times)

    async def hear(self, stream: str, what: str) -> None:
        """Wait until the last that every adapter has heard on a stream is this."""
        await self.until(lambda kind: self.heard[kind, stream][-1:] == [what])

    async def until(self, holds: Callable[[str], bool]) -> None:
        """Wait until something holds of every adapter."""
        while not all(holds(kind) for kind in self.kinds):
            self._note(await self._script.read())

    def _note(self, step: Step) -> None:
        kind, name = step["kind"], step["step"]
        assert name != "complaint", step
        self.steps[kind, name] += 1
        if name == "shown":
            self.shown[kind] = {"email": step["email"], "names": set(step["names"])}
        elif name == "ended":
            self.heard[kind, step["stream"]].append(step["code"])
        elif name == "next":
            self.heard[kind, step["stream"]] += self._words(step["data"])

    def _words(self, data: dict[str, Any]) -> list[str]:
        if "opened" in data:
            kind, _, key = data["opened"].partition(" ")
            return [number(self._site.names[key]) if kind == "OPENED" else "note"]
        event = data["incidentsChanged"]
        if event["kind"] == "PRESENT":
            return []
        is_opened = event["kind"] == "OPENED"
        return [number(event["incident"]["name"]) if is_opened else event["update"]["body"]]
