"""A server of the schema whose fields wait, and the gates that a test opens."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support import parts_schema
from tests.support.clock import MovedClock
from tests.support.parts_schema import Gates, closed_gates
from tests.support.toy_server import ToyServer, toy_server


@pytest.fixture
def gates() -> Gates:
    return closed_gates()


@pytest.fixture
async def server(clock: MovedClock) -> AsyncIterator[ToyServer]:
    async with toy_server(clock, parts_schema.schema) as running:
        yield running
