"""What a program sees when it closes, or asks too often, while its connection is being opened."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
from gql import GraphQLRequest
from gql.transport.exceptions import TransportQueryError

from tests.clients.documents import SUBSCRIPTION
from tests.support.site import Site
from tests.support.watcher import Naps, Watcher
from watchword.client import ClientError, Live, Person, SessionEnded
from watchword.client.socket import Item, Socket


async def test_closing_while_a_connection_is_opened_leaves_none_open(
    site: Site, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Socket] = []
    is_open, go = asyncio.Event(), asyncio.Event()
    open_socket = Socket.open

    async def slowly(self: Socket) -> None:
        await open_socket(self)
        opened.append(self)
        is_open.set()
        await go.wait()

    monkeypatch.setattr(Socket, "open", slowly)
    live = Live(person)
    watcher = Watcher(live, SUBSCRIPTION)
    await is_open.wait()
    await live.close()
    go.set()
    assert isinstance(await watcher.end(), ClientError)
    [socket] = opened
    assert socket.closed is not None
    assert socket.keeping is None


async def test_a_subscription_that_is_limited_is_tried_again_when_the_server_says(
    site: Site, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = [{"message": "Slow down.", "extensions": {"code": "RATE_LIMITED", "retryAfter": 7}}]
    answers = Socket.answers

    async def limited(self: Socket, request: GraphQLRequest) -> AsyncGenerator[Item, None]:
        if limits:
            raise TransportQueryError("Slow down.", errors=[limits.pop()])
        async for answer in answers(self, request):
            yield answer

    monkeypatch.setattr(Socket, "answers", limited)
    naps = Naps(site.clock)
    async with Live(person, sleep=naps.sleep, chance=lambda: 0.5) as live:
        watcher = Watcher(live, SUBSCRIPTION)
        await watcher.started.wait()
        await watcher.stop()
    assert naps.taken == [7.5]


@pytest.mark.parametrize("how", ["closed", "signed out"])
async def test_nobody_waits_out_a_pause_after_the_end(how: str, person: Person) -> None:
    is_waiting = asyncio.Event()

    async def for_ever(_: float) -> None:
        is_waiting.set()
        await asyncio.Event().wait()

    live = Live(person, sleep=for_ever)
    url = person.server.url
    person.server.url = "http://127.0.0.1:9"
    watcher = Watcher(live, SUBSCRIPTION)
    await is_waiting.wait()
    person.server.url = url
    if how == "closed":
        await live.close()
    else:
        await person.sign_out()
    error = await watcher.end()
    assert isinstance(error, ClientError if how == "closed" else SessionEnded)
    await live.close()
