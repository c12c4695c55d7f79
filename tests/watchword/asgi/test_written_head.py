"""What resolvers write of an answer's head is sent with it, as far as it is safe."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from watchword.asgi.types import Response
from watchword.asgi.written_head import WRITTEN, ResponseView, head_of, with_written
from watchword.errors import BadUserInput

ANSWER = Response(200, b"{}", ((b"content-type", b"application/json"),))


def views() -> tuple[dict[str, Any], ResponseView]:
    scope: dict[str, Any] = {WRITTEN: None}
    return scope, ResponseView(partial(head_of, scope))


def test_an_answer_in_whose_head_nothing_is_written_is_the_same() -> None:
    scope, view = views()
    assert with_written(ANSWER, scope) is ANSWER
    assert (view.status_code, "set-cookie" in view.headers) == (None, False)
    assert with_written(ANSWER, scope) is ANSWER
    assert with_written(ANSWER, {}) is ANSWER


def test_headers_cookies_and_the_status_are_sent() -> None:
    scope, view = views()
    assert view.status_code is None
    view.headers["X-Shop"] = "tea"
    view.set_cookie("basket", "1", httponly=True, secure=True)
    view.delete_cookie("old")
    view.status_code = 201
    assert (view.headers["x-shop"], view.status_code) == ("tea", 201)
    sent = with_written(ANSWER, scope)
    assert (sent.status, sent.body) == (201, b"{}")
    named = [(name, value.partition(b";")[0]) for name, value in sent.headers]
    assert named == [
        (b"content-type", b"application/json"),
        (b"x-shop", b"tea"),
        (b"set-cookie", b"basket=1"),
        (b"set-cookie", b'old=""'),
    ]
    assert b"HttpOnly" in dict(sent.headers[2:3])[b"set-cookie"]


def test_what_frames_the_answer_stays_the_servers() -> None:
    scope, view = views()
    for name in ("Content-Length", "Content-Type", "Transfer-Encoding", "Connection"):
        view.headers[name] = "7"
    assert with_written(ANSWER, scope).headers == ANSWER.headers


def test_the_client_of_a_304_uses_what_it_has() -> None:
    scope, view = views()
    view.status_code = 201
    assert with_written(Response(304, b""), scope).status == 304


@pytest.mark.parametrize("text", ["a\r\nset-cookie: x=1", "a\nb", "a\0"])
def test_a_value_cannot_begin_another_header(text: str) -> None:
    scope, view = views()
    view.headers["x-shop"] = text
    with pytest.raises(ValueError, match="line break"):
        with_written(ANSWER, scope)


@pytest.mark.parametrize("status", [99, 100, 199, 204, 205, 304, 600])
def test_a_status_that_has_no_body_is_refused(status: int) -> None:
    _, view = views()
    with pytest.raises(ValueError, match=f"the status {status}"):
        view.status_code = status


def test_our_own_cookies_cannot_be_written() -> None:
    _, view = views()
    for write in (view.set_cookie, view.delete_cookie):
        with pytest.raises(ValueError, match="Watchword's own"):
            write("__Host-watchword")


@pytest.mark.parametrize("via", [None, {}, {"type": "http"}, object()])
def test_an_operation_whose_head_is_sent_before_says_so_when_it_writes(via: Any) -> None:
    view = ResponseView(partial(head_of, via))
    for write in (view.headers.append, view.headers.setdefault, view.headers.__setitem__):
        with pytest.raises(BadUserInput, match="over plain HTTP"):
            write("x", "1")
    with pytest.raises(BadUserInput, match="over plain HTTP"):
        view.set_cookie("a", "b")
    with pytest.raises(BadUserInput, match="over plain HTTP"):
        view.status_code = 201
    # Extensions of third parties read what the answer will have.
    assert (view.status_code, "set-cookie" in view.headers, [*view.headers]) == (None, False, [])
