"""Awaits a value that is there at once in some cases."""

from __future__ import annotations

from collections.abc import Awaitable
from inspect import isawaitable
from typing import TypeVar, cast

T = TypeVar("T")


async def settled(value: T | Awaitable[T]) -> T:
    """Return a value, or what it gives when it is awaited."""
    return cast(T, await value if isawaitable(value) else value)
