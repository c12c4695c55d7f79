"""A users table of somebody's own, with passwords and roles that a test changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from watchword.hooks import ExternalAccount

PASSWORD = "their own secret"
ADA = ExternalAccount("7", "ada@their.example", "Ada", ["keeper"])


class UsersTable:
    """The table. `fault`, if it is set, is what both methods do instead."""

    def __init__(self) -> None:
        self.people = {"7": ADA}
        self.asked: list[tuple[str, ...]] = []
        self.fault: Callable[[], Awaitable[Any]] | None = None

    def change(self, subject: str = "7", **changes: Any) -> None:
        self.people[subject] = replace(self.people[subject], **changes)

    async def authenticate(self, email: str, password: str) -> ExternalAccount | None:
        self.asked.append(("authenticate", email, password))
        if self.fault is not None:
            return await self.fault()  # type: ignore[no-any-return]
        found = [each for each in self.people.values() if each.email == email.lower()]
        return found[0] if found and password == PASSWORD else None

    async def find(self, subject: str) -> ExternalAccount | None:
        self.asked.append(("find", subject))
        if self.fault is not None:
            return await self.fault()  # type: ignore[no-any-return]
        return self.people.get(subject)


async def raises() -> None:
    """Fail as a database that is away."""
    raise ConnectionError("their database is away")


async def hangs() -> None:
    """Never answer."""
    await asyncio.Event().wait()
