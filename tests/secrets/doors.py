"""The doors of a server, each with the bytes that leave by it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any
from urllib.parse import urlencode

import httpx2
import orjson
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

MULTIPART = 'multipart/mixed; boundary="graphql"; subscriptionSpec=1.0, multipart/mixed;incrementalSpec=v0.2, application/json'
LONGEST_ADDRESS = 6_000
OVER = (b'"type":"complete"', b'"type":"error"')

Request = dict[str, Any]
"""The JSON of a request: the document, the name of its operation, and variables."""


class Doors:
    """The doors of one server for one caller, over connections that stay open. `names` are those of all doors."""

    names = ("post", "get", "batch", "sse", "multipart", "websocket")
    streaming = ("sse", "multipart", "websocket")

    def __init__(self, url: str, token: str, held: ExitStack) -> None:
        """`url` is the server's address; `held` closes the connections."""
        self._url, self._token = f"{url}/graphql", token
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._client = held.enter_context(httpx2.Client(timeout=60))
        self._held = held
        self._socket: ClientConnection | None = None
        self._asked = 0

    def ask(self, door: str, request: Request) -> bytes:
        """Send a request by a door, and return everything that comes back, with the heads of the answers."""
        asks: dict[str, Callable[[Request], bytes]] = {
            "post": partial(self._post, "application/graphql-response+json"),
            "get": self._get,
            "batch": self._batch,
            "sse": partial(self._post, "text/event-stream"),
            "multipart": partial(self._post, MULTIPART),
            "websocket": self._over_the_socket,
        }
        return asks[door](request)

    def _post(self, accept: str, request: Request) -> bytes:
        headers = {**self._headers, "accept": accept}
        return _bytes(self._client.post(self._url, json=request, headers=headers))

    @staticmethod
    def takes(door: str, request: Request) -> bool:
        """Tell whether a request can be sent by a door: a mutation and a long document cannot by GET."""
        is_short = len(urlencode(_in_address(request))) < LONGEST_ADDRESS
        return door != "get" or (is_short and not request["query"].startswith("mutation"))

    def _get(self, request: Request) -> bytes:
        address = f"{self._url}?{urlencode(_in_address(request))}"
        return _bytes(self._client.get(address, headers=self._headers))

    def _batch(self, request: Request) -> bytes:
        body = [request, {"query": "{ __typename }"}]
        return _bytes(self._client.post(self._url, json=body, headers=self._headers))

    def _over_the_socket(self, request: Request) -> bytes:
        self._socket = self._socket or self._opened()
        self._asked += 1
        asked = {"type": "subscribe", "id": str(self._asked), "payload": request}
        self._socket.send(orjson.dumps(asked), text=True)
        came = b""
        while not any(mark in came for mark in OVER):
            came += _raw(self._socket.recv(timeout=60))
        return came

    def _opened(self) -> ClientConnection:
        address = self._url.replace("http:", "ws:")
        protocol = Subprotocol("graphql-transport-ws")
        socket = self._held.enter_context(connect(address, subprotocols=[protocol], max_size=None))
        payload = {"authorization": f"Bearer {self._token}"} if self._token else {}
        socket.send(orjson.dumps({"type": "connection_init", "payload": payload}), text=True)
        assert b"connection_ack" in _raw(socket.recv(timeout=60))
        return socket


def _in_address(request: Request) -> dict[str, Any]:
    return {**request, "variables": orjson.dumps(request["variables"]).decode()}


def _raw(message: str | bytes) -> bytes:
    return message.encode() if isinstance(message, str) else message


def _bytes(response: Any) -> bytes:
    head = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
    return head.encode() + response.content
