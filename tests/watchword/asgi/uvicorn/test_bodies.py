"""Bodies of requests: how long they may take to arrive, how they are framed, and what comes behind them."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from tests.watchword.asgi.uvicorn.echo import CHUNKED, GET, POST, dripped, echo, status
from watchword.asgi.uvicorn import head


@pytest.mark.parametrize("sent", [POST, POST + b"a", CHUNKED, CHUNKED + b"2\r\nab\r\n"])
async def test_a_body_that_does_not_come_is_refused_with_408(
    sent: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(head, "BODY_SECONDS", 0.1)
    async with echo() as app:
        reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
        writer.write(sent)
        async with asyncio.timeout(5):
            answer = await reader.read()
        # Too late: the server ignores it.
        writer.write(b"bc")
        writer.close()
    assert (status(answer), answer.count(b"HTTP/1.1")) == (b"408", 1)
    assert b"connection: close" in answer
    assert app.seen == []
    assert "ASGI" not in caplog.text


async def test_a_body_that_drips_in_does_not_put_the_end_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(head, "BODY_SECONDS", 0.2)
    assert status(await dripped(CHUNKED, b"1\r\na\r\n")) == b"408"


@pytest.mark.parametrize("sent", [POST + b"a", CHUNKED + b"1\r\na\r\n"])
async def test_the_app_may_give_a_body_more_time(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head, "BODY_SECONDS", 0.1)
    async with echo() as app:
        app.allowed = [60]
        reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
        writer.write(sent)
        await app.asked.wait()
        await app.let_the_time_of_a_body_pass()
        writer.write(b"bc" if sent.startswith(POST) else b"2\r\nbc\r\n0\r\n\r\n")
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()
    assert status(answer) == b"200"


@pytest.mark.parametrize("sent", [POST, POST + b"a"])
async def test_the_time_that_the_app_gives_a_body_ends(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head, "BODY_SECONDS", 60)
    async with echo() as app:
        app.allowed = [0.1]
        reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
        writer.write(sent)
        async with asyncio.timeout(5):
            assert status(await reader.read()) == b"408"
        writer.close()


async def test_a_body_that_has_come_gets_no_more_time() -> None:
    async with echo() as app:
        app.allowed = [0.01]
        app.may_answer.clear()
        asked = asyncio.create_task(app.say(POST + b"abc"))
        await app.asked.wait()
        # The time passes in which a body that was awaited would be refused.
        app.allowed = [0.02]
        assert status(await app.say(POST)) == b"408"
        app.may_answer.set()
        assert status(await asked) == b"200"


async def test_a_body_that_is_whole_waits_for_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head, "BODY_SECONDS", 0.05)
    async with echo() as app:
        app.may_answer.clear()
        reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
        writer.write(POST + b"a")
        await app.asked.wait()
        writer.write(b"bc")
        await app.let_the_time_of_a_body_pass()
        app.may_answer.set()
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()
    assert status(answer) == b"200"


async def test_the_time_of_a_body_behind_another_request_begins_when_it_is_taken_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(head, "BODY_SECONDS", 0.1)
    async with echo() as app:
        app.may_answer.clear()
        reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
        writer.write(POST + b"abc" + POST + b"a")
        await app.let_the_time_of_a_body_pass()
        # The first request has waited for longer than a body may take, and is answered all the same.
        app.may_answer.set()
        async with asyncio.timeout(5):
            answer = await reader.read()
        writer.close()
    assert answer.index(b"HTTP/1.1 200") < answer.index(b"HTTP/1.1 408")


@pytest.mark.parametrize(
    "endless", [b"0\r\nA: ", b"1;", b"0\r\n"], ids=["trailer", "extension", "trailers"]
)
async def test_what_is_around_a_body_is_limited_too(endless: bytes) -> None:
    more = b"A: a\r\n" * 200 if endless.endswith(b"\n") else b"a" * 1_200
    async with echo() as app:
        reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
        writer.write(CHUNKED + endless)
        with suppress(ConnectionError):
            for _ in range(20):
                await writer.drain()
                writer.write(more)
                await asyncio.sleep(0)
        async with asyncio.timeout(5):
            with suppress(ConnectionError):
                assert await reader.read() == b""
        writer.close()
    assert app.seen == []


async def test_small_chunks_are_a_body_like_another() -> None:
    async with echo() as app:
        answer = await app.say(CHUNKED, b"1\r\na\r\n" * 100_000, b"0\r\n\r\n")
    assert answer.endswith(b"100000")


async def test_a_large_body_and_a_request_behind_it_are_served() -> None:
    body = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"a" * 1_000_000
    async with echo() as app:
        answer = await app.say(body + GET + b"\r\n" + body + GET + b"\r\n")
    assert answer.count(b"HTTP/1.1 200") == 4
