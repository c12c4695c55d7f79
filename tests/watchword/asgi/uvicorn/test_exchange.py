"""An exchange writes what uvicorn writes, a short response in one piece, and remembers no secrets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from tests.support.fake_transport import FakeTransport, connected
from watchword.asgi.types import BodyTooLarge, Fixed, Message, Response, read_body
from watchword.asgi.uvicorn import exchange
from watchword.asgi.uvicorn.exchange import LONGEST_COPIED, Exchange

TYPE, LENGTH = (b"content-type", b"text/plain"), (b"content-length", b"5")
DEFAULTS = [
    (b"date", b"Mon, 30 Nov 2026 10:00:00 GMT"),
    (b"Strict-Transport-Security", b"max-age=1"),
]


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    pass


def start(*headers: tuple[bytes, bytes], status: int = 200) -> Message:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(content: bytes, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": more}


def ours(method: str, keep_alive: bool) -> tuple[Exchange, FakeTransport]:
    protocol, transport = connected(nothing)
    protocol.server_state.default_headers = DEFAULTS
    return Exchange(protocol, {"method": method}, keep_alive, b""), transport


def theirs(method: str, keep_alive: bool) -> tuple[RequestResponseCycle, FakeTransport]:
    protocol, transport = connected(nothing)
    cycle = RequestResponseCycle(
        scope={"method": method},  # type: ignore[typeddict-item]
        transport=protocol.transport,
        flow=protocol.flow,
        logger=protocol.logger,
        access_logger=protocol.access_logger,
        access_log=protocol.access_log,
        default_headers=DEFAULTS,
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=keep_alive,
        on_response=protocol.on_response_complete,
    )
    return cycle, transport


async def written(made: tuple[RequestResponseCycle, FakeTransport], *messages: Message) -> Any:
    cycle, transport = made
    failure = ""
    try:
        for message in messages:
            await cycle.send(message)  # type: ignore[arg-type]
    except RuntimeError as error:
        failure = str(error)
    state = cycle.response_started, cycle.response_complete, cycle.keep_alive, transport.is_closed
    return b"".join(transport.written), failure, state


SENT = {
    "a length": [start(TYPE, LENGTH), body(b"hello")],
    "no length": [start(TYPE), body(b"hello")],
    "pieces": [start(TYPE, LENGTH), body(b"hel", True), body(b"lo")],
    "chunks": [start((b"transfer-encoding", b"chunked")), body(b"hel", True), body(b"lo")],
    "capitals": [start((b"Content-Type", b"a/b"), (b"Content-Length", b"5")), body(b"hello")],
    "a cookie": [start(LENGTH, (b"set-cookie", b"a=b")), body(b"hello")],
    "a long value": [start(LENGTH, (b"vary", b"a" * 5_000)), body(b"hello")],
    "an empty body": [start((b"content-length", b"0")), body(b"")],
    "no body yet": [start(TYPE, LENGTH)],
    "a close": [start(LENGTH, (b"connection", b"close")), body(b"hello")],
    "not modified": [start(status=304), body(b"")],
    "a status without a name": [start(LENGTH, status=299), body(b"hello")],
    "too short": [start(LENGTH), body(b"hell")],
    "too long": [start(LENGTH), body(b"hello!")],
    "two lengths": [start(LENGTH, (b"content-length", b"6")), body(b"hello!")],
    "a length that is none": [start((b"content-length", b"+5")), body(b"hello")],
    "a break in a value": [start(LENGTH, (b"vary", b"a\r\nb: c")), body(b"hello")],
    "a break in a name": [start(LENGTH, (b"vary\r\n", b"a")), body(b"hello")],
    "a body first": [body(b"hello")],
    "two heads": [start(LENGTH), start(LENGTH)],
    "two bodies": [start(LENGTH), body(b"hello"), body(b"hello")],
    "much": [start((b"content-length", b"%d" % (LONGEST_COPIED + 1))), body(b"a" * (LONGEST_COPIED + 1))],
}  # fmt: skip


@pytest.mark.parametrize("keep_alive", [True, False], ids=["kept alive", "closed"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("messages", SENT.values(), ids=SENT)
async def test_an_exchange_writes_what_uvicorn_writes(
    messages: list[Message], method: str, keep_alive: bool
) -> None:
    expected = await written(theirs(method, keep_alive), *messages)
    made = ours(method, keep_alive)
    found = await written(made, *messages)
    if len(messages) == 1 and made[0]._held is not None:
        found = (made[0]._held, *found[1:])
    assert found == expected


@pytest.mark.parametrize("keep_alive", [True, False], ids=["kept alive", "closed"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("content", [b"", b"hello", b"a" * (LONGEST_COPIED + 1)])
async def test_a_response_with_fixed_headers_is_written_as_uvicorn_writes_it(
    content: bytes, method: str, keep_alive: bool
) -> None:
    headers = Fixed((TYPE, (b"vary", b"Accept"), (b"x-other", b"1")))
    length = (b"content-length", b"%d" % len(content))
    expected = await written(theirs(method, keep_alive), start(*headers, length), body(content))
    made, transport = ours(method, keep_alive)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)
        await made.send(message)

    await Response(200, content, headers).send(made.send)
    state = made.response_started, made.response_complete, made.keep_alive, transport.is_closed
    assert (b"".join(transport.written), "", state) == expected
    made, transport = ours(method, keep_alive)
    await Response(200, content, headers).send(send)
    assert (b"".join(transport.written), len(sent)) == (expected[0], 2)


async def test_a_long_body_is_written_behind_its_head_and_not_copied() -> None:
    content = b"a" * (LONGEST_COPIED + 1)
    made, transport = ours("POST", True)
    assert made.write_whole(200, Fixed((TYPE,)), content)
    head, written_body = transport.written
    assert head.endswith(b"content-length: %d\r\n\r\n" % len(content))
    assert written_body is content


@pytest.mark.parametrize("wrong", [(b"vary", b"a\r\nb: c"), LENGTH, (b"connection", b"close")])
async def test_fixed_headers_that_uvicorn_must_look_at_are_left_to_it(
    wrong: tuple[bytes, bytes],
) -> None:
    made, transport = ours("POST", True)
    assert not made.write_whole(200, Fixed((wrong,)), b"hello")
    assert not transport.written
    assert not made.response_started


async def test_a_second_response_is_not_written() -> None:
    made, _ = ours("POST", True)
    assert made.write_whole(200, Fixed((TYPE,)), b"hello")
    with pytest.raises(RuntimeError):
        await Response(200, b"again", Fixed((TYPE,))).send(made.send)


async def test_a_response_in_one_piece_is_one_write() -> None:
    made, transport = ours("POST", True)
    await written((made, transport), *SENT["a length"])
    assert len(transport.written) == 1


async def test_a_response_to_a_client_that_is_gone_is_dropped() -> None:
    made, transport = ours("POST", True)
    await made.send(start(TYPE, LENGTH))
    made.disconnected = True
    await made.send(body(b"hello"))
    assert b"hello" not in b"".join(transport.written)


async def test_a_whole_request_is_received_once_and_then_the_end() -> None:
    protocol, _ = connected(nothing)
    made = Exchange(protocol, {"method": "POST"}, True, b"asked")
    assert await made.receive() == {"type": "http.request", "body": b"asked", "more_body": False}
    await written((made, FakeTransport()), *SENT["a length"])
    assert await made.receive() == {"type": "http.disconnect"}


async def test_no_line_with_a_secret_is_remembered() -> None:
    exchange._cached.cache_clear()
    secrets = ((b"set-cookie", b"refresh=secret"), (b"location", b"/?code=secret"))
    await written(ours("POST", True), start(LENGTH, *secrets), body(b"hello"))
    assert exchange._cached.cache_info().currsize == 2  # the date and the length
    assert all(name.lower() not in exchange.REPEATED for name, _ in secrets)


async def test_an_exchange_has_every_attribute_of_uvicorns_own() -> None:
    own, _ = theirs("GET", True)
    made, _ = ours("GET", True)
    assert vars(own).keys() - {"message_event"} <= vars(made).keys()
    assert hasattr(made, "message_event")


async def test_a_whole_body_is_taken_once_and_without_a_message() -> None:
    made, _ = ours("POST", True)
    made._whole = b"hello"
    assert await read_body({}, made.receive, 5) == b"hello"
    assert made.take_whole() is None
    made._whole = b"hello"
    with pytest.raises(BodyTooLarge):
        await read_body({}, made.receive, 4)


async def test_a_body_that_has_not_come_or_whose_client_is_gone_is_not_taken() -> None:
    protocol, _ = connected(nothing)
    assert Exchange(protocol, {"method": "POST"}, True, None).take_whole() is None
    made, _ = ours("POST", True)
    made._whole, made.disconnected = b"hello", True
    assert made.take_whole() is None
    assert await made.receive() == {"type": "http.disconnect"}


async def test_the_servers_own_headers_are_those_of_this_second() -> None:
    for second in (b"1", b"2"):
        made, transport = ours("GET", True)
        made.default_headers = [(b"date", second)]
        assert made.write_whole(200, Fixed((TYPE,)), b"x")
        assert b"date: %b\r\n" % second in transport.written[0]
