"""The private part of contextlib that the runtime uses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any


@contextmanager
def _once() -> Iterator[None]:
    yield


@asynccontextmanager
async def _later() -> AsyncIterator[None]:
    yield


_MANAGERS = type(_once()), type(_later())


def generator_of(made: Any) -> Any:
    """Return the generator of a manager that `@contextmanager` or `@asynccontextmanager` has made; else what is given."""
    return made.gen if isinstance(made, _MANAGERS) else made
