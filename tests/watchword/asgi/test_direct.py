"""What reaches the app directly is told from what a middleware may change."""

from __future__ import annotations

from typing import Any

from watchword.asgi.direct import is_direct


class Server:
    """Stands for the server's side of a connection."""

    async def receive(self) -> Any: ...
    async def send(self, message: Any) -> None: ...


class Proxy:
    """Gives all attributes of a function as its own, as proxies of libraries do."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def __call__(self, *given: Any) -> Any:
        return await self._inner(*given)


class Measuring(Server):
    """Passes whole responses on, as our own middleware in front does."""

    def write_whole(self, *_: Any) -> bool:
        return False


async def between(*_: Any) -> Any: ...


def test_only_the_functions_of_the_server_itself_are_direct() -> None:
    server = Server()
    assert is_direct(server.receive, server.send, server)
    assert is_direct(server.receive, Measuring().send, server)
    for receive, send in (
        (between, server.send),
        (server.receive, between),
        (Server().receive, server.send),
        (server.receive, Server().send),
        (Proxy(server.receive), server.send),
        (server.receive, Proxy(server.send)),
    ):
        assert not is_direct(receive, send, server)
