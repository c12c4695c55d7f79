"""A middleware that changes what is sent sees all of it, over every transport and under every server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.live import every_transport, live
from tests.support.clients import TRANSPORTS
from tests.support.clock import MovedClock
from tests.support.toy_server import toy_server


class Translates:
    """Passes each head on at once, and changes what comes after it, in the same length."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def translated(message: Any) -> None:
            for name in ("body", "bytes", "text"):
                if given := message.get(name):
                    message = {**message, name: _translated(given)}
            await send(message)

        await self._app(scope, receive, translated)


def _translated(given: Any) -> Any:
    if isinstance(given, str):
        return given.replace("hello", "salut").replace("ball", "bola")
    return _translated(given.decode()).encode()


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_middleware_changes_each_answer(transport: str, clock: MovedClock) -> None:
    async with toy_server(clock, wrap=Translates) as server:
        answers = [each async for each in TRANSPORTS[transport](server.url, "{ hi: hello }")]
    assert answers == [{"data": {"hi": "salut world"}}]


@every_transport
async def test_a_middleware_changes_each_event(transport: str, clock: MovedClock) -> None:
    async with (
        toy_server(clock, wrap=Translates) as server,
        live(transport, server, "subscription { made { name } }") as client,
    ):
        await server.followed(1)
        for number in (1, 2):
            await server.publish("ball")
            await client.until(number)
        assert client.values("made") == [{"name": "bola"}] * 2
