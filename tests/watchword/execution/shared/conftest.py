"""A shop whose answers are shared."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.clock import MovedClock
from tests.support.shop import Shop, shop


@pytest.fixture
async def opened(clock: MovedClock) -> AsyncIterator[Shop]:
    async with shop(clock) as made:
        yield made
