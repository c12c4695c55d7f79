"""Reading requests and writing responses at the ASGI level."""

from __future__ import annotations

from typing import Any

import pytest

from watchword.asgi.types import (
    BodyReader,
    BodyTooLarge,
    Gone,
    Response,
    UnsupportedContent,
    address_of,
    check_content,
    header,
    header_table,
    read_body,
)


def scope(*headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"headers": list(headers)}


def table(*headers: tuple[bytes, bytes]) -> Any:
    return header_table(scope(*headers))


def test_the_table_of_headers_has_what_each_header_says() -> None:
    headers = ((b"a", b"1"), (b"b", b"2"), (b"a", b"3"), (b"a", b""))
    for given in (headers[:2], headers, ()):
        made = table(*given)
        assert {name: value.decode() for name, value in made.items()} == {
            name: header(scope(*given), name) for name, _ in given
        }


def receiving(*messages: dict[str, Any]) -> Any:
    waiting = list(messages)

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    return receive


async def test_a_body_in_pieces_is_joined() -> None:
    receive = receiving(
        {"type": "http.request", "body": b"ab", "more_body": True},
        {"type": "http.request", "body": b"c"},
    )
    assert await read_body(table(), receive, 10) == b"abc"


async def test_a_declared_length_over_the_limit_is_not_read() -> None:
    with pytest.raises(BodyTooLarge):
        await read_body(table((b"content-length", b"11")), receiving(), 10)


async def test_a_body_that_grows_over_the_limit_is_refused() -> None:
    with pytest.raises(BodyTooLarge):
        await read_body(table(), receiving({"type": "http.request", "body": b"x" * 11}), 10)


@pytest.mark.parametrize(
    ("headers", "sentence"),
    [
        ({b"content-type": b"a/b"}, None),
        ({b"content-type": b'A/B; charset="UTF-8"', b"content-encoding": b" Identity "}, None),
        ({}, "Send Content-Type: a/b."),
        ({b"content-type": b"a/bc"}, "Send Content-Type: a/b."),
        ({b"content-type": b"a/b; charset=latin1"}, "Send the body in UTF-8."),
        ({b"content-type": b"a/b", b"content-encoding": b"br"}, "compressed bodies are not taken"),
    ],
)
def test_a_body_that_is_not_taken_is_told_why(
    headers: dict[bytes, bytes], sentence: str | None
) -> None:
    if sentence is None:
        check_content(table(*headers.items()), "a/b")
    else:
        with pytest.raises(UnsupportedContent, match=sentence):
            check_content(table(*headers.items()), "a/b")


async def test_a_client_that_goes_away_is_gone() -> None:
    with pytest.raises(Gone):
        await read_body(table(), receiving({"type": "http.disconnect"}), 10)


async def test_a_body_is_read_piece_by_piece() -> None:
    messages = [{"body": b"a", "more_body": True}, {"more_body": True}, {"body": b"b"}]
    given = [{"type": "http.request", **each} for each in messages]
    reader = BodyReader({}, receiving(*given), 2)
    assert [await reader.chunk() for _ in range(5)] == [b"a", b"", b"b", None, None]


async def test_a_body_that_is_read_piece_by_piece_has_a_limit() -> None:
    with pytest.raises(BodyTooLarge):
        BodyReader({b"content-length": b"3"}, receiving(), 2)
    message = {"type": "http.request", "body": b"ab", "more_body": True}
    reader = BodyReader({}, receiving(message, message), 3)
    assert await reader.chunk() == b"ab"
    with pytest.raises(BodyTooLarge):
        await reader.chunk()


async def test_a_client_that_goes_away_while_its_body_is_read_is_gone() -> None:
    with pytest.raises(Gone):
        await BodyReader({}, receiving({"type": "http.disconnect"}), 2).chunk()


def test_a_header_that_comes_twice_is_joined() -> None:
    assert header(scope((b"accept", b"a"), (b"x", b"y"), (b"accept", b"b")), b"accept") == "a, b"
    assert header(scope(), b"accept") == ""


async def test_a_response_says_its_length() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await Response(201, b"hello", ((b"x", b"y"),)).send(send)
    assert sent[0]["status"] == 201
    assert sent[0]["headers"] == [(b"x", b"y"), (b"content-length", b"5")]
    assert sent[1]["body"] == b"hello"


@pytest.mark.parametrize(
    ("client", "address"), [(("192.0.2.1", 5), "192.0.2.1"), (["::1", 5], "::1"), (None, "")]
)
def test_the_address_of_a_client(client: object, address: str) -> None:
    assert address_of(client) == address
