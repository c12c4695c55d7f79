"""Slow hashes, and the transactions that wait for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from graph.identity import passwords, recovery_codes


@contextmanager
def watched_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Note at each slow hash that is made or compared in this process how many transactions are open."""
    found: list[int] = []
    open_now = 0
    in_turn, of_code = passwords._in_turn, recovery_codes._hash

    def begun(*_: object) -> None:
        nonlocal open_now
        open_now += 1

    def ended(*_: object) -> None:
        nonlocal open_now
        open_now -= 1

    async def watched(work: Callable[..., Any], *arguments: object) -> Any:
        found.append(open_now)
        return await in_turn(work, *arguments)

    def watched_code(account: str, code: str) -> str:
        found.append(open_now)
        return of_code(account, code)

    monkeypatch.setattr(passwords, "_in_turn", watched)
    monkeypatch.setattr(recovery_codes, "_hash", watched_code)
    heard = (("begin", begun), ("commit", ended), ("rollback", ended))
    for name, listener in heard:
        event.listen(Engine, name, listener)
    try:
        yield found
    finally:
        for name, listener in heard:
            event.remove(Engine, name, listener)
