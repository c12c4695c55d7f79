"""What the tests of several rooms of the runtime use."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.clock import MovedClock
from tests.support.toy_server import toy_pipeline
from watchword.context import Services


@pytest.fixture
async def services(clock: MovedClock) -> AsyncIterator[Services]:
    async with toy_pipeline(clock) as (pipeline, _):
        yield pipeline.services
