"""An outlet that keeps what it is given, and a tenant that notes what it is told."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from graph.delivery.run import Sent
from graph.ending import Ending


class Kept:
    """Takes answers as a transport would; `seen` is what a client would have seen."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.errors: list[dict[str, Any]] = []
        self.is_complete = False
        self.came = asyncio.Event()

    def next(self, answer: Sent) -> None:
        self.seen.append(json.loads(answer.json))
        self.came.set()

    def refuse(self, errors: list[dict[str, Any]]) -> None:
        self.errors = errors
        self.complete()

    def complete(self) -> None:
        self.is_complete = True
        self.came.set()

    async def drained(self) -> None:
        pass

    async def until(self, count: int) -> None:
        """Wait for so many answers in all, or the end."""
        async with asyncio.timeout(20):
            while len(self.seen) < count and not self.is_complete:
                self.came.clear()
                await self.came.wait()


class Noted:
    """A tenant of a lease: what it was told, in order."""

    def __init__(self) -> None:
        self.endings: list[Ending] = []
        self.told: list[str] = []

    def ended(self, ending: Ending) -> None:
        self.endings.append(ending)
        self.told.append("ended")

    def reminded(self) -> None:
        self.told.append("reminded")

    def regranted(self) -> None:
        self.told.append("regranted")
