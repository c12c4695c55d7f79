"""A desk of the authorization server for each attack: an application, and a person who is asked for consent."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.authorization import CALLBACK, LOOPBACK, ConsentDesk, consent_desk
from tests.support.clock import MovedClock
from watchword.storage.database import Database


@pytest.fixture
async def room(database: Database, clock: MovedClock) -> AsyncIterator[ConsentDesk]:
    async with consent_desk(database, clock, {"redirect_uris": [CALLBACK, LOOPBACK]}) as opened:
        yield opened
