"""Adapters of watchword-client at work, in Node.js and in Chromium: what each of them has heard."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.clients.package.site import PASSWORD, Site
from tests.clients.script import Script, Silence, Step

ADAPTERS = ("apollo", "urql", "relay", "graphql-ws", "tanstack-query")
STREAMS = ("public", "guarded")


@dataclass(frozen=True)
class User:
    """A person who uses one adapter, in Node.js or in tabs of Chromium."""

    adapter: str
    is_browser: bool
    tabs: int = 1

    @property
    def email(self) -> str:
        return f"{self._name.replace(' ', '.')}@example.com"

    @property
    def cells(self) -> tuple[str, ...]:
        """The names of what is compared: each tab is a column of its own."""
        tabs = range(1, self.tabs + 1) if self.is_browser else range(1, 2)
        return tuple(self._name if tab == 1 else f"{self._name} {tab}" for tab in tabs)

    @property
    def _name(self) -> str:
        return f"{'chromium' if self.is_browser else 'node'} {self.adapter}"


def users(tabs: int = 1) -> tuple[User, ...]:
    """Return somebody for each adapter in Node.js, and in so many tabs of Chromium."""
    places = ((adapter, is_browser) for is_browser in (False, True) for adapter in ADAPTERS)
    return tuple(User(adapter, is_browser, tabs) for adapter, is_browser in places)


def number(name: str) -> str:
    """Return the number of an incident of a site's."""
    return name.split()[-1]


class Crowd:
    """Tells a script what all of its adapters do, and keeps what each is told.

    An adapter that does not come to what all others come to is left out from then on, and is among the faults.
    """

    def __init__(self, script: Script, site: Site, people: Iterable[User]) -> None:
        self.people = tuple(people)
        self.cells = {cell: user for user in self.people for cell in user.cells}
        self.heard: dict[tuple[str, str], list[str]] = defaultdict(list)
        """What came on a stream of an adapter, in order: incidents' numbers and notes, and the code of the end."""
        self.shown: dict[str, Any] = {}
        """What an adapter's query shows last."""
        self.steps: Counter[tuple[str, str]] = Counter()
        self.faults: dict[str, str] = {}
        """What is wrong with an adapter."""
        self._script, self._site = script, site

    @asynccontextmanager
    async def opened(self, page: str, **options: Any) -> AsyncIterator[None]:
        """Open all adapters with options of the script, and let everybody sign in and follow both streams."""
        people = [
            {
                "kind": user.adapter,
                "email": user.email,
                "cells": user.cells,
                "isBrowser": user.is_browser,
                **options,
            }
            for user in self.people
        ]
        async with self.expecting("ready"):
            self.tell("open", people=people, url=self._site.url, page=page, password=PASSWORD)
        try:
            async with self.expecting("signedIn"):
                self.tell("signIn", tab=0)
            async with self.expecting("position", len(STREAMS)), self.expecting("shown"):
                self.tell("show")
                for stream in STREAMS:
                    self.tell("follow", stream=stream)
            yield
        finally:
            self.tell("close")
            await self._script.wait("closed all")

    def tell(self, do: str, **options: Any) -> None:
        """Let every adapter do something."""
        self._script.tell(do, **options)

    async def done(self, do: str, **options: Any) -> None:
        """Let every adapter do something, and wait until it is done."""
        async with self.expecting("done"):
            self.tell(do, **options)

    @asynccontextmanager
    async def expecting(self, step: str, times: int = 1) -> AsyncIterator[None]:
        """Wait at the end of the block until every adapter has reported a step so often since its beginning."""
        before = self.steps.copy()
        yield
        await self.until(step, lambda cell: self.steps[cell, step] >= before[cell, step] + times)

    async def hear(self, stream: str, what: str, where: str = "") -> None:
        """Wait until the last that every adapter has heard on a stream is this; `where` is a part of a cell's name."""
        await self.until(
            f"{what} on {stream}",
            lambda cell: where not in cell or self.heard[cell, stream][-1:] == [what],
        )

    async def until(self, what: str, holds: Callable[[str], bool]) -> None:
        """Wait until something holds of every adapter."""
        while late := [cell for cell in self.cells if not holds(cell)]:
            try:
                self._note(await self._script.read())
            except Silence:
                for cell in late:
                    del self.cells[cell]
                    self._blame(cell, f"waits for: {what}")

    def compare(self, holds: Callable[[str, User], str]) -> None:
        """Blame each adapter of which something does not hold: a sentence says what."""
        for cell, user in self.cells.items():
            if fault := holds(cell, user):
                self._blame(cell, fault)

    def _blame(self, cell: str, fault: str) -> None:
        heard = ", ".join(f"{stream}: {' '.join(self.heard[cell, stream])}" for stream in STREAMS)
        shown = self.shown.get(cell, {}).get("email")
        self.faults.setdefault(cell, f"{fault}; has {heard}, and shows {shown}")

    def _note(self, step: Step) -> None:
        cell, name = step["cell"], step["step"]
        if name == "complaint":
            self._blame(cell, step["text"])
        self.steps[cell, name] += 1
        if name == "shown":
            self.shown[cell] = {"email": step["email"], "names": set(step["names"])}
        elif name == "ended":
            self.heard[cell, step["stream"]].append(step["code"])
        elif name == "next":
            self.heard[cell, step["stream"]] += self._words(step["data"])

    def _words(self, data: dict[str, Any]) -> list[str]:
        if "opened" in data:
            kind, _, key = data["opened"].partition(" ")
            return [number(self._site.names[key]) if kind == "OPENED" else "note"]
        event = data["incidentsChanged"]
        if event["kind"] == "PRESENT":
            return []
        is_opened = event["kind"] == "OPENED"
        return [number(event["incident"]["name"]) if is_opened else event["update"]["body"]]
