"""What resolvers see of the request or the live connection that their operation came over. Nothing in it can be changed.

Credentials are left out: the Authorization and DPoP headers, and our own cookies.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from starlette.datastructures import URL, Headers, State
from starlette.requests import HTTPConnection, cookie_parser

from watchword.asgi.types import address_of
from watchword.formats.frozen_json import EMPTY, FrozenObject
from watchword.formats.packed_json import PackedObject

_CREDENTIALS = (b"authorization", b"proxy-authorization", b"dpop", b"cookie")
OUR_COOKIE = "__Host-watchword"
"""The names of all our cookies begin so."""


class _View:
    __slots__ = ("_scope",)

    def __init__(self, scope: Mapping[str, Any]) -> None:
        """`scope` is the ASGI scope. It is read only when something of it is asked for."""
        self._scope = scope

    @property
    def client(self) -> str:
        """The network address of the client; empty if it is not known."""
        return address_of(self._scope.get("client"))

    @property
    def url(self) -> URL:
        """The whole URL, as the server sees it."""
        return HTTPConnection(dict(self._scope)).url

    @property
    def headers(self) -> Headers:
        """The headers, without credentials and cookies."""
        given = self._scope["headers"]
        return Headers(raw=[(name, value) for name, value in given if name not in _CREDENTIALS])

    @property
    def cookies(self) -> Mapping[str, str]:
        """The cookies, without ours."""
        given = Headers(raw=list(self._scope["headers"])).getlist("cookie")
        found = {name: value for each in given for name, value in cookie_parser(each).items()}
        others = {name: found[name] for name in found if not name.startswith(OUR_COOKIE)}
        return MappingProxyType(others)

    @property
    def state(self) -> State:
        """What middleware of the app around Watchword put into `request.state`."""
        return HTTPConnection(dict(self._scope)).state


class RequestView(_View):
    """The HTTP request of an operation."""

    __slots__ = ()

    @property
    def method(self) -> str:
        """GET or POST."""
        return str(self._scope["method"])


class ConnectionView(_View):
    """The WebSocket of an operation. `url`, `headers` and `cookies` are those of its handshake."""

    __slots__ = ("_id", "_payload")

    def __init__(
        self, scope: Mapping[str, Any], payload: PackedObject | None = None, id: str = ""
    ) -> None:
        """`payload` is that of the client's connection_init, without credentials."""
        super().__init__(scope)
        self._payload = payload
        self._id = id

    @property
    def id(self) -> str:
        """The id of this connection, as `liveConnections` lists it. No other connection has it, in any process."""
        return self._id

    @property
    def payload(self) -> FrozenObject:
        """What the client sent in connection_init, without credentials.

        Raises `Unwritable`, a `TypeError`, if it has more than eight levels.
        """
        return EMPTY if self._payload is None else FrozenObject(self._payload.unpacked())


Via = Mapping[str, Any] | ConnectionView
"""The ASGI scope of an HTTP request, or the socket, that an operation came over."""


def address_via(via: Via | None) -> str:
    """Return the network address of the client; empty if it is not known."""
    if via is None:
        return ""
    return via.client if isinstance(via, ConnectionView) else address_of(via.get("client"))
