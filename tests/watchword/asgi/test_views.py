"""What resolvers see of a request: all but its credentials, and nothing that they could change."""

from __future__ import annotations

from typing import Any

import pytest

from watchword.asgi.views import ConnectionView, RequestView
from watchword.formats.exact_json import Unwritable
from watchword.formats.packed_json import PackedObject

SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "POST",
    "scheme": "https",
    "server": ("10.0.0.1", 8000),
    "root_path": "/inner",
    "path": "/inner/graphql",
    "query_string": b"a=1",
    "client": ("192.0.2.7", 1234),
    "headers": [
        (b"host", b"api.example.com"),
        (b"accept-language", b"de"),
        (b"authorization", b"Bearer secret"),
        (b"proxy-authorization", b"Basic secret"),
        (b"dpop", b"secret"),
        (b"cookie", b"theme=dark; __Host-watchword=secret; __Host-watchword-device=secret"),
        (b"cookie", b"other=1"),
    ],
}


def test_a_request_is_shown() -> None:
    view = RequestView(SCOPE)
    assert (view.method, view.client) == ("POST", "192.0.2.7")
    assert str(view.url) == "https://api.example.com/inner/graphql?a=1"
    assert view.headers["Accept-Language"] == "de"
    assert view.cookies == {"theme": "dark", "other": "1"}
    assert RequestView(SCOPE | {"client": None}).client == ""


def test_the_state_is_what_middleware_put_there() -> None:
    assert RequestView(SCOPE | {"state": {"user": "ann"}}).state.user == "ann"
    assert not hasattr(RequestView(SCOPE).state, "user")


def test_it_shows_no_credential() -> None:
    view = RequestView(SCOPE)
    shown = [*view.headers.values(), *view.cookies.values(), str(view.url), repr(view)]
    assert "secret" not in " ".join(shown)
    assert "cookie" not in view.headers


def test_nothing_in_it_can_be_changed() -> None:
    view: Any = RequestView(SCOPE)
    for change in (
        lambda: view.headers.__setitem__("a", "b"),
        lambda: view.cookies.__setitem__("a", "b"),
        lambda: setattr(view, "method", "GET"),
        lambda: setattr(view, "more", 1),
    ):
        with pytest.raises((TypeError, AttributeError)):
            change()


def test_a_connection_has_an_id_of_its_own_and_the_payload_of_its_beginning() -> None:
    one = ConnectionView(SCOPE, PackedObject({"app": {"version": [1]}}), "a-1")
    other = ConnectionView(SCOPE, None, "a-2")
    assert (one.id, other.id) == ("a-1", "a-2")
    assert (one.payload, other.payload) == ({"app": {"version": [1]}}, {})
    assert one.client == "192.0.2.7"


def test_a_payload_of_very_many_levels_is_refused_when_it_is_read() -> None:
    deep: Any = 1
    for _ in range(90):
        deep = [deep]
    view = ConnectionView(SCOPE, PackedObject({"deep": deep}))
    with pytest.raises(Unwritable):
        _ = view.payload
