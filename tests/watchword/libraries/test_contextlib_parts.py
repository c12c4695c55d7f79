"""What contextlib's decorators make is told from all other objects, also from those that are managers themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager

import pytest

from watchword.libraries.contextlib_parts import generator_of


def numbers() -> Iterator[int]:
    yield 1


async def later() -> AsyncIterator[int]:
    yield 1


async def test_the_generator_of_a_decorated_function_is_found() -> None:
    assert next(generator_of(contextmanager(numbers)())) == 1
    assert await anext(generator_of(asynccontextmanager(later)())) == 1


@pytest.mark.parametrize("given", [None, {}, ExitStack(), AsyncExitStack(), asyncio.Lock()])
def test_anything_else_is_given_as_it_is(given: object) -> None:
    assert generator_of(given) is given
