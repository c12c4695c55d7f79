"""What every session does: renew early and once, and send again what was refused before it ran."""

from __future__ import annotations

import asyncio

import pytest
from gql import GraphQLRequest
from gql.transport.exceptions import TransportQueryError

from tests.support.site import LIFE, Site
from watchword.client import ClientError, Public, Server, SessionEnded, Unavailable
from watchword.client.server import Answer, Token
from watchword.client.session import Session, granted

ANSWER = {"access_token": "a", "token_type": "Bearer", "expires_in": LIFE}


class Counted(Session):
    """A session that counts its renewals, which wait until `go` is set."""

    def __init__(self, site: Site) -> None:
        super().__init__(Server(site.url, now=site.clock.now))
        self.renewals = 0
        self.error: Exception | None = None
        self.go = asyncio.Event()
        self.go.set()

    async def _obtain(self) -> Token:
        self.renewals += 1
        await self.go.wait()
        if self.error is not None:
            raise self.error
        now = self.server.now()
        return Token(f"token {self.renewals}", "Bearer", now + LIFE / 2, now + LIFE)


async def text(session: Session) -> str:
    token = await session.token()
    assert token is not None
    return token.text


async def test_a_token_is_renewed_after_half_of_its_life(site: Site) -> None:
    async with Counted(site) as session:
        assert await text(session) == "token 1"
        site.clock.move(LIFE / 2 - 1)
        assert await text(session) == "token 1"
        site.clock.move(1)
        assert await text(session) == "token 2"


async def test_concurrent_callers_share_one_renewal_and_one_may_be_cancelled(site: Site) -> None:
    async with Counted(site) as session:
        session.go.clear()
        callers = [asyncio.create_task(text(session)) for _ in range(50)]
        await asyncio.sleep(0)
        callers[0].cancel()
        await asyncio.sleep(0)
        session.go.set()
        assert await asyncio.gather(*callers[1:]) == ["token 1"] * 49
        assert await text(session) == "token 1"
    assert session.renewals == 1


async def test_while_the_server_is_away_a_valid_token_is_used_and_not_asked_for_all_the_time(
    site: Site,
) -> None:
    async with Counted(site) as session:
        await session.token()
        session.error = Unavailable("away")
        site.clock.move(LIFE / 2)
        assert [await text(session) for _ in range(9)] == ["token 1"] * 9
        assert session.renewals == 2
        site.clock.move(LIFE / 2)
        with pytest.raises(Unavailable):
            await session.token()
        session.error = None
        assert await text(session) == "token 4"


async def test_a_valid_token_is_used_for_as_long_as_the_server_asks_for_patience(
    site: Site,
) -> None:
    async with Counted(site) as session:
        await session.token()
        session.error = Unavailable("busy", 60)
        site.clock.move(LIFE / 2)
        for _ in range(6):
            assert await text(session) == "token 1"
            site.clock.move(9)
        assert session.renewals == 2
        session.error = None
        site.clock.move(6)
        assert await text(session) == "token 3"


async def test_a_refused_token_is_replaced_once_even_if_two_report_it(site: Site) -> None:
    async with Counted(site) as session:
        old = await session.token()
        session.expire(old)
        assert await text(session) == "token 2"
        session.expire(old)
        assert await text(session) == "token 2"
        assert await session.renew(old) == await session.token()
        await session.renew(await session.token())
        assert await text(session) == "token 3"


async def test_a_request_is_sent_again_with_a_new_token_only_once(site: Site) -> None:
    async with Counted(site) as session:
        with pytest.raises(TransportQueryError) as caught:
            await session.execute("{ viewer { id } }")
        assert caught.value.errors is not None
        assert caught.value.errors[0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert session.renewals == 1


async def test_variables_and_the_name_of_an_operation_are_sent(site: Site) -> None:
    document = "query A { __typename } query B($n: Int!) { incidents(first: $n) { totalCount } }"
    async with Public(Server(site.url)) as public:
        data = await public.execute(document, {"n": 1}, operation_name="B")
        assert data == {"incidents": {"totalCount": 0}}
        request = GraphQLRequest(document, variable_values={"n": 1}, operation_name="A")
        assert await public.execute(request) == {"__typename": "Query"}


async def test_an_error_in_an_answer_is_raised_with_its_data(site: Site) -> None:
    async with Public(Server(site.url)) as public:
        with pytest.raises(TransportQueryError) as caught:
            await public.execute('mutation { openIncident(input: {name: "x", body: "y"}) { id } }')
    assert caught.value.errors is not None
    assert caught.value.errors[0]["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("body", [{}, {"detail": "Not Found"}, {"data": None}, {"data": []}])
async def test_an_answer_of_somebody_else_than_the_server_is_an_error(
    site: Site, monkeypatch: pytest.MonkeyPatch, body: dict[str, object]
) -> None:
    async def of_a_proxy(*_: object, **__: object) -> Answer:
        return Answer(404, body, None)

    async with Public(Server(site.url)) as public:
        monkeypatch.setattr(public.server, "post", of_a_proxy)
        with pytest.raises(ClientError, match="404"):
            await public.execute("{ __typename }")


@pytest.mark.parametrize("body", [{}, {"access_token": None}, {"access_token": 7}])
def test_an_answer_without_a_token_is_a_refusal(body: dict[str, object]) -> None:
    with pytest.raises(Exception, match="invalid_response"):
        granted(Answer(200, body, None), 0)


def test_a_token_is_shown_in_no_text() -> None:
    token = granted(Answer(200, {**ANSWER, "access_token": "secret"}, None), 100)
    assert "secret" not in repr(token)
    assert (token.renew_at, token.expires_at) == (100 + LIFE / 2, 100 + LIFE)


async def test_the_public_has_no_token(site: Site) -> None:
    async with Public(site.url) as public:
        assert await public.token() is None
        with pytest.raises(SessionEnded):
            await public.renew(None)
