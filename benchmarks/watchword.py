"""The parts of the benchmark's schema that are Watchword's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from watchword import Event, HasScope, SignedIn

signed_in = SignedIn
sees_internal = HasScope("incidents:internal")
STREAM = "updates"


def subject(info: Any) -> str:
    return str(info.context.principal.subject)


async def follow(info: Any) -> AsyncIterator[int]:
    async for event in info.context.follow(STREAM):
        yield int(event.key)


async def publish(info: Any, number: int) -> None:
    async with info.context.write() as unit:
        unit.publish(Event(STREAM, str(number), "POSTED"))
