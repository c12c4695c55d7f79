"""A real server on a real socket, with a clock that the tests move, and sessions of its accounts."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.clock import MovedClock
from tests.support.site import PASSWORD, PERSON, Site
from watchword.client import Person, Server


@pytest.fixture
async def site(sqlite_url: str, clock: MovedClock) -> AsyncIterator[Site]:
    async with Site(sqlite_url, clock).running() as made:
        yield made


@pytest.fixture
async def person(site: Site) -> AsyncIterator[Person]:
    """A session of the responder, signed in."""
    async with Person(Server(site.url, now=site.clock.now)) as session:
        await session.sign_in(PERSON, PASSWORD)
        yield session
