"""A world of subscribers for each test of delivery."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest

from tests.support.clock import MovedClock
from tests.support.toy_server import toy_pipeline
from tests.watchword.delivery.world import World


@pytest.fixture
async def world(clock: MovedClock) -> AsyncIterator[World]:
    """A world in which one event may take 30 seconds."""
    async with toy_pipeline(clock, event_seconds=30) as (pipeline, _):
        yield World(pipeline, clock, random.Random(1))
