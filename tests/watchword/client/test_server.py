"""Requests to a server: proofs with their nonces, and answers that are none."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tests.support.clock import MovedClock
from tests.support.site import LIFE, PASSWORD, PERSON, Site
from tests.support.toy_server import serving
from tests.support.watcher import watching
from watchword.client import (
    ClientError,
    Person,
    Public,
    Refused,
    Server,
    SigningKey,
    Unavailable,
)
from watchword.config.settings import Settings

ISSUER = "http://127.0.0.1:8000"


@asynccontextmanager
async def serving_with(url: str, clock: MovedClock, **settings: Any) -> AsyncIterator[Site]:
    site = Site(url, clock, **settings)
    await site.prepare()
    await site.start()
    try:
        yield site
    finally:
        await site.stop()


def bound(site: Site) -> Server:
    return Server(site.url + "/", issuer=ISSUER, key=SigningKey.generate(), now=site.clock.now)


async def test_bound_tokens_are_proved_over_requests_and_sockets_with_each_new_nonce(
    sqlite_url: str, clock: MovedClock
) -> None:
    async with (
        serving_with(sqlite_url, clock, dpop_nonce=True) as strict,
        Person(bound(strict)) as person,
    ):
        await person.sign_in(PERSON, PASSWORD)
        token = await person.token()
        assert token is not None
        assert token.scheme == "DPoP"
        async with watching(strict, person) as watcher:
            for _ in range(3):
                await watcher.hears(strict)
                # The nonce is another one by now, and the token has ended.
                strict.clock.move(2 * LIFE)
                assert (await person.execute("{ viewer { email } }"))["viewer"] == {"email": PERSON}


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_that_is_set_wrong_later_is_noticed_by_the_next_request(
    hours: int, sqlite_url: str
) -> None:
    clock, error = MovedClock(time.time()), [0.0]
    async with serving_with(sqlite_url, clock) as strict:
        key, now = SigningKey.generate(), lambda: clock.now() + error[0]
        async with Person(Server(strict.url, issuer=ISSUER, key=key, now=now)) as person:
            await person.sign_in(PERSON, PASSWORD)
            # The token is good for longer than the clock is wrong, as far as the client knows.
            held = await person.token()
            assert held is not None
            person._held = replace(
                held, renew_at=held.renew_at + 7_200, expires_at=held.expires_at + 7_200
            )
            for error[0] in (hours * 3_600.0, 0.0):
                viewer = (await person.execute("{ viewer { email } }"))["viewer"]
                assert viewer == {"email": PERSON}
            assert await person.token() is person._held


@pytest.mark.parametrize("hours", [1, -1])
async def test_with_a_clock_that_is_wrong_proofs_have_the_time_of_the_server(
    hours: int, sqlite_url: str
) -> None:
    # The server's clock is the machine's, because that is what the answers' Date says.
    clock = MovedClock(time.time())
    async with serving_with(sqlite_url, clock, dpop_nonce=True) as strict:
        wrong = Server(
            strict.url,
            issuer=ISSUER,
            key=SigningKey.generate(),
            now=lambda: clock.now() + hours * 3_600,
        )
        async with Person(wrong) as person:
            with pytest.raises(Refused, match="invalid_grant"):
                await person.sign_in(PERSON, "wrong " + PASSWORD)
            await person.sign_in(PERSON, PASSWORD)
            async with watching(strict, person) as watcher:
                await watcher.hears(strict)
                assert (await person.execute("{ viewer { email } }"))["viewer"] == {"email": PERSON}


async def test_a_refusal_of_something_else_changes_no_time(site: Site) -> None:
    # This server's clock is not the machine's, so the Date of its answers is wrong.
    server = bound(site)
    async with Person(server) as person:
        with pytest.raises(Refused, match="invalid_grant"):
            await person.sign_in(PERSON, "wrong " + PASSWORD)
    assert server.ahead == 0


async def test_a_server_without_a_key_is_refused_where_tokens_must_be_bound(
    sqlite_url: str, clock: MovedClock
) -> None:
    async with (
        serving_with(sqlite_url, clock, dpop="required") as strict,
        Person(Server(strict.url, now=clock.now)) as person,
    ):
        with pytest.raises(ClientError, match="invalid_dpop_proof|use_dpop_nonce"):
            await person.sign_in(PERSON, PASSWORD)


@pytest.mark.parametrize(
    ("status", "text", "error", "seconds"),
    [
        (200, "<title>Welcome</title>", ClientError, None),
        (404, "Not here.", ClientError, None),
        (502, "<title>Bad gateway</title>", Unavailable, None),
        (503, "Wait.", Unavailable, 7.0),
        (429, "Wait.", Unavailable, 7.0),
    ],
)
async def test_answers_that_are_no_json_say_whether_to_come_again(
    status: int, text: str, error: type[ClientError], seconds: float | None
) -> None:
    async def answer(_: Request) -> Response:
        headers = {} if seconds is None else {"retry-after": "7"}
        return PlainTextResponse(text, status, headers)

    app = Starlette(routes=[Route("/graphql", answer, methods=["POST"])])
    async with serving(app, Settings(_env_file=None)) as (url, _), Public(url) as public:
        with pytest.raises(ClientError) as caught:
            await public.execute("{ __typename }")
    assert type(caught.value) is error
    assert getattr(caught.value, "retry_after", None) == seconds


@pytest.mark.parametrize(
    ("wait", "date", "seconds"),
    [
        ("Thu, 01 Jan 1970 00:17:20 GMT", None, 40.0),
        ("Fri, 02 Jan 1970 01:00:40 GMT", "Fri, 02 Jan 1970 01:00:00 GMT", 40.0),
        ("Thu, 01 Jan 1970 00:16:00 GMT", None, None),
        ("soon", None, None),
        ("-3", None, None),
    ],
)
async def test_a_time_to_come_again_is_read_by_the_servers_clock_or_else_by_this_machines(
    wait: str, date: str | None, seconds: float | None
) -> None:
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(
            503, headers={"retry-after": wait, **({"date": date} if date else {})}
        )

    server = Server("http://test", now=lambda: 1_000.0)
    server._http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    assert (await server.post("/graphql")).retry_after == seconds
    await server.close()


async def test_an_address_where_nothing_listens_is_unavailable() -> None:
    async with asyncio.timeout(30), Public("http://127.0.0.1:9") as public:
        with pytest.raises(Unavailable, match="127.0.0.1:9"):
            await public.execute("{ __typename }")


def answering(*given: Any, **named: Any) -> Server:
    """Return a server whose every answer is this one."""
    server = Server("http://test")
    server._http = httpx2.AsyncClient(
        transport=httpx2.MockTransport(lambda _: httpx2.Response(*given, **named))
    )
    return server


@pytest.mark.parametrize(
    ("status", "named", "error"),
    [
        (503, {"headers": {"date": f"Mon, 01 Jan {'9' * 20} 00:00:00 GMT"}}, Unavailable),
        (503, {"headers": {"retry-after": "9" * 400}}, Unavailable),
        (200, {"headers": {"content-encoding": "gzip"}, "content": b"no gzip"}, Unavailable),
        (200, {"content": b"[" * 200_000}, ClientError),
        (400, {"json": {"errors": {"field": "wrong"}}}, ClientError),
        (401, {"json": {"errors": 5}}, ClientError),
        (400, {"json": {"errors": "wrong"}}, ClientError),
    ],
)
async def test_nonsense_is_told_as_an_error_of_the_client(
    status: int, named: dict[str, Any], error: type[ClientError]
) -> None:
    async with Public(answering(status, **named)) as public:
        with pytest.raises(ClientError) as caught:
            await public.execute("{ __typename }")
    assert type(caught.value) is error
    assert getattr(caught.value, "retry_after", None) is None


@pytest.mark.parametrize("life", ["soon", None, [], -5, float("inf")])
async def test_a_token_with_a_life_that_is_no_number_is_renewed_before_it_is_used_again(
    life: Any,
) -> None:
    content = json.dumps({"access_token": "a", "expires_in": life, "refresh_token": "r"})
    async with Person(answering(200, content=content.encode())) as person:
        await person.sign_in(PERSON, PASSWORD)
        assert person._held is not None
        assert person._held.expires_at <= person.server.now()


async def test_an_answer_without_a_refresh_token_is_no_sign_in() -> None:
    async with Person(answering(200, json={"access_token": "a", "expires_in": 60})) as person:
        with pytest.raises(ClientError, match="no refresh token"):
            await person.sign_in(PERSON, PASSWORD)
        assert not person.is_signed_in
