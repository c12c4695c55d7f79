"""Slow password hashes, and the transactions that are open meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from watchword.auth.second_factor import recovery_codes
from watchword.auth.sign_in import passwords
from watchword.throttling import hash_queue


@contextmanager
def watched_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Record the number of open transactions at each slow hash in this process."""
    found: list[int] = []
    open_now = 0
    run_queued = hash_queue.run_queued

    def begun(*_: object) -> None:
        nonlocal open_now
        open_now += 1

    def ended(*_: object) -> None:
        nonlocal open_now
        open_now -= 1

    async def watched(work: Callable[..., Any], *arguments: object, address: str = "") -> Any:
        found.append(open_now)
        return await run_queued(work, *arguments, address=address)

    for module in (passwords, recovery_codes):
        monkeypatch.setattr(module, "run_queued", watched)
    heard = (("begin", begun), ("commit", ended), ("rollback", ended))
    for name, listener in heard:
        event.listen(Engine, name, listener)
    try:
        yield found
    finally:
        for name, listener in heard:
            event.remove(Engine, name, listener)
